"""Several objectives with one encoder: what is shared, whose turn it is, and that a run can be resumed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from squeezebert.checkpoints import read_checkpoint
from squeezebert.errors import OptionError, TrainingError
from squeezebert.pipelines import pipeline
from squeezebert.training import LoopSettings, TrainingSettings, run
from squeezebert.training.multitask import Member, MultiTask
from squeezebert.training.task_objective import TaskObjective
from tests.cli.conftest import save_tiny_model
from tests.training.conftest import make_data
from tests.training.stopping import Stopper

pytestmark = pytest.mark.usefixtures("no_pictures")

TASKS = {"text-classification": 1, "token-classification": 2}
STEPS = 11
SETTINGS = LoopSettings(
    epochs=2.5, learning_rate=3e-3, precision="fp32", threads=1, save_every=0, micro_batch_size=1
)


def objective(task: str, start: str) -> TaskObjective:
    return TaskObjective(make_data(task), start, TrainingSettings(batch_size=8, max_length=24))


def multitask(start: str, steps: int = STEPS) -> MultiTask:
    return MultiTask({task: Member(objective(task, start), count) for task, count in TASKS.items()}, steps)


def test_only_heads_and_poolers_are_apart(trunk: str) -> None:
    shared = multitask(trunk)
    first, second = (member.objective.module for member in shared.members.values())
    parameters = {id(parameter) for parameter in first.parameters()}
    apart = [name for name, parameter in second.named_parameters() if id(parameter) not in parameters]
    assert sorted(apart) == [
        "classifier.bias", "classifier.weight", "transformer.pooler.dense.bias",
        "transformer.pooler.dense.weight",
    ]  # fmt: skip


def test_a_step_has_the_batches_that_each_member_asks_for(trunk: str) -> None:
    shared = multitask(trunk)
    own = len(shared.members["token-classification"].objective.epoch(0))
    assert STEPS < own < 2 * STEPS
    steps = [shared.epoch(epoch) for epoch in (0, 1)]
    assert [len(epoch) for epoch in steps] == [STEPS, STEPS]
    assert all(Counter(name for name, _ in step) == TASKS for epoch in steps for step in epoch)
    rows = [[len(batch) for name, batch in step if name.startswith("token")] for step in steps[0]]
    assert max(map(max, rows)) == 8
    ids = [shared.collate(epoch[7][:1]).inputs["input_ids"] for epoch in (steps[0], shared.epoch(0))]
    assert torch.equal(*ids)


def test_a_batch_has_the_loss_of_its_member(trunk: str) -> None:
    shared = multitask(trunk)
    for name, member in shared.members.items():
        items = member.objective.epoch(0)[0]
        theirs = member.objective.collate(items)
        ours = shared.collate([(name, items)])
        assert {part for part, weight in ours.weights.items() if weight} == {f"{name}/loss"}
        assert ours.weights[f"{name}/loss"] == theirs.weights["loss"]
        torch.manual_seed(0)
        expected = member.objective.losses(theirs)["loss"]
        torch.manual_seed(0)
        losses = shared.losses(ours)
        assert losses.pop(f"{name}/loss") == expected
        assert list(losses.values()) == [0]


def test_batches_of_several_members_are_not_computed_at_once(trunk: str) -> None:
    shared = multitask(trunk)
    with pytest.raises(OptionError, match="micro_batch_size 1"):
        shared.collate(shared.epoch(0)[0])


def test_a_run_learns_every_task_and_can_be_resumed(trunk: str, tmp_path: Path) -> None:
    plain, stopped = tmp_path / "plain", tmp_path / "stopped"
    result = run(lambda: multitask(trunk), plain, SETTINGS)
    assert [*result.metrics] == ["mean", "text-classification accuracy", "token-classification f1"]
    assert result.metrics["mean"] == np.mean([*result.metrics.values()][1:])
    assert result.metrics["token-classification f1"] > 0.9
    with pytest.raises(KeyboardInterrupt):
        run(lambda: multitask(trunk), stopped, SETTINGS, observers=[Stopper(20)])
    with pytest.raises(TrainingError, match="epoch_steps"):
        run(lambda: multitask(trunk, STEPS + 1), stopped, SETTINGS, resume=True)
    run(lambda: multitask(trunk), stopped, SETTINGS, resume=True)
    arrays = {}
    for task in TASKS:
        arrays[task], theirs = (read_checkpoint(folder / task).arrays for folder in (stopped, plain))
        for name, array in arrays[task].items():
            np.testing.assert_array_equal(array, theirs[name], err_msg=name)
        pipeline(task, stopped / task)
    text, tokens = arrays.values()
    different = [name for name in tokens if name in text and not np.array_equal(text[name], tokens[name])]
    assert all("classifier" in name or "pooler" in name for name in different)


def test_models_of_other_sizes_do_not_fit(trunk: str, tmp_path: Path) -> None:
    other = save_tiny_model(tmp_path / "other", "fill-mask", num_hidden_layers=2)
    members: dict[str, Any] = {
        "a": Member(objective("text-classification", trunk), 3),
        "b": Member(objective("text-classification", str(other)), 3),
    }
    with pytest.raises(OptionError, match="b starts from a model of other sizes than a"):
        MultiTask(members, STEPS)

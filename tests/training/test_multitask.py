"""Several objectives with one encoder: what is shared, whose turn it is, and that a run can be resumed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from squeezebert.checkpoints import read_checkpoint
from squeezebert.errors import OptionError
from squeezebert.pipelines import pipeline
from squeezebert.training import LoopSettings, TrainingSettings, run
from squeezebert.training.multitask import Member, MultiTask
from squeezebert.training.task_objective import TaskObjective
from tests.cli.conftest import save_tiny_model
from tests.training.conftest import make_data
from tests.training.stopping import Stopper

pytestmark = pytest.mark.usefixtures("no_pictures")

TASKS = {"text-classification": 5, "token-classification": 31}
SETTINGS = LoopSettings(epochs=1.5, learning_rate=3e-3, precision="fp32", threads=1, save_every=0)


def objective(task: str, start: str) -> TaskObjective:
    return TaskObjective(make_data(task), start, TrainingSettings(batch_size=8, max_length=24))


def multitask(start: str) -> MultiTask:
    return MultiTask({task: Member(objective(task, start), count) for task, count in TASKS.items()}, seed=0)


def test_only_heads_and_poolers_are_apart(trunk: str) -> None:
    shared = multitask(trunk)
    first, second = (member.objective.module for member in shared.members.values())
    parameters = {id(parameter) for parameter in first.parameters()}
    apart = [name for name, parameter in second.named_parameters() if id(parameter) not in parameters]
    assert sorted(apart) == [
        "classifier.bias", "classifier.weight", "transformer.pooler.dense.bias",
        "transformer.pooler.dense.weight",
    ]  # fmt: skip


def test_an_epoch_has_the_batches_that_each_member_asks_for(trunk: str) -> None:
    shared = multitask(trunk)
    own = len(shared.members["token-classification"].objective.epoch(0))
    assert TASKS["text-classification"] < own < TASKS["token-classification"]
    orders = [[name for ((name, _), *_) in shared.epoch(epoch)] for epoch in (0, 1)]
    for order in orders:
        assert Counter(order) == TASKS
        assert order not in (sorted(order), sorted(order, reverse=True))
    assert orders[0] != orders[1]
    assert all(len({name for name, _ in batch}) == 1 for batch in shared.epoch(0))
    first, again = (shared.collate(shared.epoch(1)[7]) for _ in range(2))
    assert torch.equal(first.inputs["input_ids"], again.inputs["input_ids"])


def test_a_batch_has_the_loss_of_its_member(trunk: str) -> None:
    shared = multitask(trunk)
    for name, member in shared.members.items():
        items = member.objective.epoch(0)[0]
        theirs = member.objective.collate(items)
        ours = shared.collate([(name, item) for item in items])
        assert {part for part, weight in ours.weights.items() if weight} == {f"{name}/loss"}
        assert ours.weights[f"{name}/loss"] == theirs.weights["loss"]
        torch.manual_seed(0)
        expected = member.objective.losses(theirs)["loss"]
        torch.manual_seed(0)
        assert shared.losses(ours) == {f"{name}/loss": expected}


def test_a_run_learns_every_task_and_can_be_resumed(trunk: str, tmp_path: Path) -> None:
    plain, stopped = tmp_path / "plain", tmp_path / "stopped"
    result = run(lambda: multitask(trunk), plain, SETTINGS)
    assert [*result.metrics] == ["mean", "text-classification accuracy", "token-classification f1"]
    assert result.metrics["mean"] == np.mean([*result.metrics.values()][1:])
    assert result.metrics["token-classification f1"] > 0.9
    with pytest.raises(KeyboardInterrupt):
        run(lambda: multitask(trunk), stopped, SETTINGS, observers=[Stopper(41)])
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
        MultiTask(members, seed=0)

"""The loop: bounds, sittings, kills, accumulation, early stopping; with a task, because that is at hand."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from squeezebert.checkpoints import read_checkpoint
from squeezebert.errors import OptionError, TrainingError
from squeezebert.files import alone_in
from squeezebert.training import Observer, Step, TrainingSettings, train
from squeezebert.training.finetuning.objective import TaskObjective
from tests.training.conftest import make_data

pytestmark = pytest.mark.usefixtures("no_pictures")

FAST = {
    "epochs": 2.0, "batch_size": 8, "learning_rate": 3e-3, "precision": "fp32", "threads": 1, "device": "cpu",
}  # fmt: skip


def settings(**changes: Any) -> TrainingSettings:
    if changes.keys() & {"steps", "tokens"}:
        changes = {"epochs": None, **changes}
    return TrainingSettings(**{**FAST, **changes})


def records(folder: Path, key: str = "loss") -> list[Any]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [record[key] for record in map(json.loads, lines) if key in record]


def assert_same_weights(one: Path, two: Path, tolerance: float = 0.0) -> None:
    theirs = read_checkpoint(two).arrays
    for name, array in read_checkpoint(one).arrays.items():
        # The softmax is blind to the bias of keys: its gradient is rounding noise, which Adam blows up.
        if not (tolerance and name.endswith("key.bias")):
            np.testing.assert_allclose(array, theirs[name], rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("bound", [{"steps": 17}, {"tokens": 1000}, {"epochs": 1.3}])
def test_a_run_ends_at_its_bound_with_an_evaluation(trunk: str, out: Path, bound: dict[str, Any]) -> None:
    result = train(make_data(), out, start=trunk, settings=settings(**bound))
    assert result.finished
    if "steps" in bound:
        assert result.steps == 17
    elif "tokens" in bound:
        tokens = records(out, "tokens")
        assert sum(tokens[:-1]) < 1000 <= sum(tokens) == result.tokens
    else:
        assert result.steps == 13 + round(0.3 * 13)
    rates = records(out, "learning_rate")
    assert max(rates) <= 3e-3
    assert rates[-1] < 0.15 * max(rates)
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert (lines[-1]["step"], "evaluation" in lines[-1]) == (result.steps, True)


@pytest.mark.parametrize("task", ["text-classification", "token-classification", "fill-mask"])
def test_accumulating_and_recomputing_change_nothing(trunk: str, tmp_path: Path, task: str) -> None:
    """Micro-batches differ in labelled tokens; without dropout the losses must agree all the same."""
    for name, changes in (
        ("plain", {}),
        ("parts", {"micro_batch_size": 3}),
        ("again", {"checkpoint_activations": True}),
    ):
        chosen = settings(steps=9, dropout=0.0, **changes)
        train(make_data(task), tmp_path / name, start=trunk, settings=chosen)
    for name in ("parts", "again"):
        np.testing.assert_allclose(records(tmp_path / name), records(tmp_path / "plain"), rtol=1e-5)
        assert_same_weights(tmp_path / name, tmp_path / "plain", 2e-5)


def test_recomputing_draws_the_same_dropout(trunk: str, tmp_path: Path) -> None:
    for name, again in (("plain", False), ("again", True)):
        chosen = settings(steps=5, checkpoint_activations=again)
        train(make_data(), tmp_path / name, start=trunk, settings=chosen)
    np.testing.assert_allclose(records(tmp_path / "again"), records(tmp_path / "plain"), rtol=1e-5)


@pytest.mark.parametrize("optimizer", ["adamw", "lamb"])
def test_sittings_make_up_one_run(trunk: str, out: Path, tmp_path: Path, optimizer: str) -> None:
    """Each sitting stops at its first chance, after one step; the last one finishes."""
    chosen = {"steps": 5, "evaluate_every": 2, "optimizer": optimizer}
    train(make_data(), tmp_path / "plain", start=trunk, settings=settings(**chosen))
    sittings = 0
    while not (out / "training.json").exists():
        result = train(
            make_data(), out, start=trunk, settings=settings(**chosen, stop_after=1e-9), resume=sittings > 0
        )
        sittings += 1
        assert result.steps == sittings
        assert result.finished == (not (out / "training_state.pt").exists())
    assert sittings == 5
    assert records(out) == records(tmp_path / "plain")
    assert_same_weights(out, tmp_path / "plain")


def test_a_state_beyond_its_epoch_is_refused(trunk: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rows are now cut into fewer batches, the epoch never ended, and nothing stopped the run."""
    train(make_data(), out, start=trunk, settings=settings(stop_after=1e-9))
    epochs = iter([[["the only batch"]]])
    monkeypatch.setattr(TaskObjective, "epoch", lambda self, epoch: next(epochs))
    with pytest.raises(TrainingError, match=r"training_state\.pt.* batch 1 of .* has 1; .*start anew"):
        train(make_data(), out, start=trunk, settings=settings(), resume=True)


def test_two_processes_do_not_go_on_with_one_run(trunk: str, out: Path) -> None:
    """Each would write its state and its journal over those of the other."""
    train(make_data(), out, start=trunk, settings=settings(stop_after=1e-9))
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with alone_in(out), pytest.raises(OptionError, match="another process is at work in it"):
        train(make_data(), out, start=trunk, settings=settings(), resume=True)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert train(make_data(), out, start=trunk, settings=settings(), resume=True).finished


def test_a_best_checkpoint_that_is_lost_is_made_anew(
    trunk: str, out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run whose best was not reached again was finished, with a model that nothing could read."""
    chosen = {"steps": 5, "evaluate_every": 1}
    train(make_data(), out, start=trunk, settings=settings(**chosen, stop_after=1e-9))
    (out / "model.safetensors").write_bytes(b"x")
    state = torch.load(out / "training_state.pt", weights_only=True)
    state["position"]["best"] = {"accuracy": 1.0}
    torch.save(state, out / "training_state.pt")
    result = train(make_data(), out, start=trunk, settings=settings(**chosen), resume=True)
    assert "the checkpoint of step 1 is lost" in caplog.text
    assert result.finished
    read_checkpoint(out)


def test_a_damaged_line_of_the_journal_costs_no_other(trunk: str, out: Path) -> None:
    chosen = {"steps": 5, "evaluate_every": 2}
    for sitting in range(3):
        train(make_data(), out, start=trunk, settings=settings(**chosen, stop_after=1e-9), resume=sitting > 0)
    journal = out / "metrics.jsonl"
    first, *others = journal.read_text().splitlines(keepends=True)
    journal.write_text("\0" * len(first) + "\n" + "".join(others) + '{"step": 9}\n{"step": 4, "lo')
    train(make_data(), out, start=trunk, settings=settings(**chosen), resume=True)
    assert records(out, "step") == [2, 2, 3, 4, 4, 5, 5]


def test_a_wish_to_stop_is_heard(trunk: str, out: Path) -> None:
    class Tired(Observer):
        steps = 0

        def stepped(self, step: Step) -> None:
            self.steps = step.step

        def wants_stop(self) -> bool:
            return self.steps == 3

    result = train(make_data(), out, start=trunk, settings=settings(), observers=[Tired()])
    assert (result.finished, result.steps) == (False, 3)
    assert (out / "training_state.pt").exists()


def test_patience_ends_a_run_that_gets_no_better(
    trunk: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.5, 0.7, 0.7, 0.6, 0.9])
    monkeypatch.setattr(TaskObjective, "evaluate", lambda self: {"accuracy": next(scores)})
    result = train(make_data(), out, start=trunk, settings=settings(epochs=5, patience=2))
    assert (result.finished, result.steps, result.metrics) == (True, 4 * 13, {"accuracy": 0.7})


def test_without_a_metric_the_latest_weights_are_kept(
    trunk: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TaskObjective, "evaluate", lambda self: {})
    monkeypatch.setattr(TaskObjective, "finish", lambda self, result: None)
    result = train(make_data(), out, start=trunk, settings=settings())
    assert (result.best_step, result.metrics) == (26, {})


def test_tiny_runs_are_not_written_down_all_the_time(
    trunk: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    monkeypatch.setattr(
        "squeezebert.training.loop.save_state", lambda path, module, optimizer, position, identity:
        saved.append(position.step),
    )  # fmt: skip
    train(make_data(), out, start=trunk, settings=settings())
    assert saved == []


@pytest.mark.parametrize("place", [0.0, 0.3, 0.7, 1.0])
def test_any_damage_to_the_state_is_found(trunk: str, out: Path, place: float) -> None:
    train(make_data(), out, start=trunk, settings=settings(stop_after=1e-9))
    state = out / "training_state.pt"
    content = bytearray(state.read_bytes())
    with zipfile.ZipFile(state) as archive:
        # Between them is room that nothing is read from.
        records = [data for info in archive.infolist() if len(data := archive.read(info)) > 64]
    record = records[int(place * (len(records) - 1))]
    content[content.index(record) + int(place * (len(record) - 1))] ^= 0x10
    state.write_bytes(content)
    with pytest.raises(TrainingError, match=r"training_state\.pt: is damaged.*start anew"):
        train(make_data(), out, start=trunk, settings=settings(), resume=True)


PROGRAM = """
import json, sys
from squeezebert.training import TrainingSettings, plots, tensorboard, train
from tests.training.conftest import make_data
plots.find_spec = tensorboard.find_spec = lambda name: None
trunk, out, settings = sys.argv[1:]
train(make_data(), out, start=trunk, settings=TrainingSettings(**json.loads(settings)), resume=True)
"""


def kill_at_random(trunk: str, out: Path, asked: dict[str, Any], kills: int) -> None:
    """Start the run again and again; end it a random time after its journal has begun to grow."""
    rng = random.Random(7)
    arguments = [sys.executable, "-c", PROGRAM, trunk, str(out), json.dumps({**FAST, **asked})]
    journal = out / "metrics.jsonl"
    for _ in range(kills):
        process = subprocess.Popen(arguments, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE)
        size = journal.stat().st_size if journal.exists() else 0
        while process.poll() is None and (not journal.exists() or journal.stat().st_size == size):
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if (out / "training.json").exists():
            return
    subprocess.run(arguments, cwd=Path(__file__).parents[2], check=True, capture_output=True)


@pytest.mark.parametrize(("kills", "steps"), [(2, 60), pytest.param(20, 400, marks=pytest.mark.long)])
def test_killed_at_random_and_resumed_is_the_same_run(
    trunk: str, out: Path, tmp_path: Path, kills: int, steps: int
) -> None:
    asked = {"epochs": None, "steps": steps, "save_every": 0.0, "evaluate_every": 7}
    kill_at_random(trunk, out, asked, kills)
    train(make_data(), tmp_path / "plain", start=trunk, settings=settings(**asked))
    assert records(out) == records(tmp_path / "plain")
    assert records(out, "evaluation") == records(tmp_path / "plain", "evaluation")
    assert_same_weights(out, tmp_path / "plain")
    assert not list(out.glob(".*.tmp"))

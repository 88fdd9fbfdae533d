"""Several processes are one run: the same losses and weights as one process, and only the first writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from squeezebert.checkpoints import read_checkpoint
from squeezebert.errors import LostProcessError
from squeezebert.training import TrainingSettings, train
from squeezebert.training.distributed import World
from tests.training.conftest import FILLERS, make_data
from tests.training.corpora import make_corpus

# Tags: the shares of a batch differ in labelled tokens. No dropout: its random numbers differ by process.
TASK = "token-classification"
SETTINGS = {
    "steps": 7, "batch_size": 5, "micro_batch_size": 2, "learning_rate": 3e-3, "dropout": 0.0,
    "precision": "fp32", "threads": 1, "evaluate_every": 3, "device": "cpu",
}  # fmt: skip
PROGRAM = """
import json, sys
from squeezebert.training import TrainingSettings, train
from tests.training.conftest import make_data
trunk, out, settings = sys.argv[1:]
train(make_data({task!r}), out, start=trunk, settings=TrainingSettings(**json.loads(settings)))
"""

PHASES = """
import sys
import torch.distributed as dist
from squeezebert.training.pretraining import PretrainingSettings, pretrain
from tests.training.test_pretraining import CONFIG, SETTINGS
calls, start = [], dist.init_process_group
dist.init_process_group = lambda *a, **k: (calls.append(a), start(*a, **k))
corpus, out = sys.argv[1:]
pretrain({corpus: 1.0}, out, model=CONFIG, phases=2 * [PretrainingSettings(**SETTINGS, steps=1)])
assert len(calls) == 1, calls
"""


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def in_two_processes(folder: Path, *arguments: object) -> str:
    """What `torchrun` prints."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    done = subprocess.run(
        [sys.executable, *launcher, *map(str, arguments)], cwd=folder, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_processes_have_the_losses_of_one(trunk: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(task=TASK))
    in_two_processes(tmp_path, program, trunk, tmp_path / "two", json.dumps(SETTINGS))
    train(make_data(TASK), tmp_path / "one", start=trunk, settings=TrainingSettings(**SETTINGS))
    one, two = records(tmp_path / "one"), records(tmp_path / "two")
    assert [record["step"] for record in one] == [record["step"] for record in two]
    for name in ("loss", "tokens", "gradient_norm"):
        mine, theirs = ([r[name] for r in journal if "loss" in r] for journal in (one, two))
        np.testing.assert_allclose(theirs, mine, rtol=1e-5, atol=1e-6, err_msg=name)
    theirs = read_checkpoint(tmp_path / "two").arrays
    for name, array in read_checkpoint(tmp_path / "one").arrays.items():
        # The softmax is blind to the bias of keys: its gradient is rounding noise, which Adam blows up.
        if name.endswith("key.bias"):
            continue
        np.testing.assert_allclose(array, theirs[name], atol=1e-5, err_msg=name)
    assert json.loads((tmp_path / "two" / "training.json").read_text())["processes"] == 2


def test_a_plan_of_two_processes_is_measured_by_both_and_told_once(trunk: str, tmp_path: Path) -> None:
    rows = "".join(f"film {number},{'good' if number % 2 else 'bad'}\n" for number in range(30))
    (tmp_path / "rows.csv").write_text(f"text,label\n{rows}")
    asked = ("--epochs", 3, "--batch-size", 9, "--precision", "fp32", "--dry-run", "--json")
    told = in_two_processes(tmp_path, "-m", "squeezebert", "train", "rows.csv", "--from", trunk, *asked)
    plan = json.loads(told)
    assert (plan["steps"], plan["training_rows"]) == (9, 27)


def test_two_processes_stay_together_for_all_phases(trunk: str, tmp_path: Path) -> None:
    """Parted and joined anew, they looked for each other at old addresses now and then."""
    program = tmp_path / "program.py"
    program.write_text(PHASES)
    in_two_processes(tmp_path, program, make_corpus(tmp_path, trunk, FILLERS), tmp_path / "out")
    for phase in ("phase1", "phase2"):
        assert json.loads((tmp_path / "out" / phase / "training.json").read_text())["processes"] == 2


def test_a_step_without_a_gradient_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process has one where nothing in the batch is labelled."""
    monkeypatch.setattr("torch.distributed.all_reduce", lambda values: None)
    parameter = nn.Parameter(torch.ones(3))
    World(size=2).sum_gradients([parameter])
    assert parameter.grad is None


def test_a_process_that_has_ended_is_an_error_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_reduce(values: torch.Tensor) -> None:
        raise RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:1. GLHF!")

    monkeypatch.setattr("torch.distributed.all_reduce", all_reduce)
    with pytest.raises(LostProcessError, match=r"another process of the run has ended.*--resume") as caught:
        World(size=2).any(False)
    assert "GLHF" not in str(caught.value)


def test_what_else_fails_between_processes_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_reduce(values: torch.Tensor) -> None:
        raise RuntimeError("a tensor of another size")

    monkeypatch.setattr("torch.distributed.all_reduce", all_reduce)
    with pytest.raises(RuntimeError, match=r"^a tensor of another size$"):
        World(size=2).any(False)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_shares_are_the_batch(size: int) -> None:
    items = list(range(5))
    shares = [list(World(rank, size).share(items)) for rank in range(size)]
    assert sorted(item for share in shares for item in share) == items
    assert max(map(len, shares)) - min(map(len, shares)) <= 1

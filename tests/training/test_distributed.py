"""Several processes are one run: the same losses and weights as one process, and only the first writes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from squeezebert.checkpoints import read_checkpoint
from squeezebert.errors import LostProcessError, OptionError
from squeezebert.training import Observer, TrainingSettings, train
from squeezebert.training.distributed import World, joined
from squeezebert.training.finetuning.objective import TaskObjective
from squeezebert.training.loop import Loop
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


MEETINGS = """
import gc, os, time, weakref
import torch
import torch.distributed as dist
from squeezebert.training.distributed import joined
for turn in range(3):
    if int(os.environ["RANK"]) == turn % 2:
        time.sleep(0.5)
    with joined() as world:
        group = weakref.ref(dist.group.WORLD)
        assert world.sum(torch.tensor(1.0)) == 2
    gc.collect()
    assert group() is None, "its threads abort the process at its end"
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


def test_processes_meet_again_where_one_is_late(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(MEETINGS)
    in_two_processes(tmp_path, tmp_path / "program.py")


@pytest.mark.parametrize(("size", "named"), [("two", "'two'"), ("0", "'0'"), ("2", "RANK")])
def test_half_an_environment_of_torchrun_is_an_error(
    size: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", size)
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(OptionError, match=rf"WORLD_SIZE .*{named}.*unset"), joined():
        pass


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


@pytest.mark.parametrize(
    ("here", "message"),
    [
        ({"rate": 1.0}, None),
        ({"rate": 2.0}, r"rate is 1\.0 in the first and 2\.0 in number 1; start all with the same"),
        ({"rate": 1.0, "rows": 3}, "rows is None in the first and 3 in number 1"),
    ],
)
def test_processes_that_were_not_started_alike_are_refused(
    monkeypatch: pytest.MonkeyPatch, here: dict[str, Any], message: str | None
) -> None:
    """They trained something that is neither, or waited for each other for ever."""

    def broadcast(values: list[Any], src: int) -> None:
        values[0] = {"rate": 1.0}

    monkeypatch.setattr("torch.distributed.broadcast_object_list", broadcast)
    monkeypatch.setattr("torch.distributed.all_reduce", lambda values: None)
    with nullcontext() if message is None else pytest.raises(OptionError, match=message):
        World(rank=1, size=2).check_same(here)


def test_the_first_process_says_that_another_is_not_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.distributed.broadcast_object_list", lambda values, src: None)
    monkeypatch.setattr("torch.distributed.all_reduce", lambda values: values.add_(1))
    with pytest.raises(OptionError, match="another one has other data or settings"):
        World(size=2).check_same({"rate": 1.0})


def test_any_process_may_be_told_to_stop(trunk: str, tmp_path: Path) -> None:
    """A scheduler tells one machine to go; only the first process heard it."""

    class Told(Observer):
        def wants_stop(self) -> bool:
            return True

    settings = TrainingSettings(**SETTINGS)
    objective = TaskObjective(make_data(TASK), trunk, settings)
    for rank in range(2):
        loop = Loop(objective, tmp_path, settings, World(rank, 2), [Told()])
        assert loop._is_to_stop()


def test_a_process_that_waits_for_others_ends_at_once(tmp_path: Path) -> None:
    """Torch waits where Python hears of no signal; torchrun then killed it after half a minute."""
    program = (
        "import signal\n"
        "from squeezebert.training.distributed import joined\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('heard too late'))\n"
        "print('waits', flush=True)\n"
        "with joined(): pass\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RANK": "0", "WORLD_SIZE": "2"}
    with subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, **place}, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waits\n"
        time.sleep(1)
        process.terminate()
        assert process.wait(20) == -signal.SIGTERM


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_shares_are_the_batch(size: int) -> None:
    items = list(range(5))
    shares = [list(World(rank, size).share(items)) for rank in range(size)]
    assert sorted(item for share in shares for item in share) == items
    assert max(map(len, shares)) - min(map(len, shares)) <= 1

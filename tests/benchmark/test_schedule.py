"""Contestants take turns in processes of their own; who fails is left out, with the reason."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from squeezebert.benchmark.plan import Group
from squeezebert.benchmark.process import WorkerError, WorkerProcess
from squeezebert.benchmark.schedule import CEILING_WORK, LEAST_ROUNDS, count_steps, run_group
from squeezebert.benchmark.worker import take_turn
from tests.benchmark.fakes import fake, quick

WORKS = {"a": [[1, 2, 3]], "b": [[1, 2], [3, 4, 5, 6, 7]]}


def test_every_contestant_does_every_work(tmp_path: Path) -> None:
    one, two, noisy = fake("counter"), fake("double"), fake("noisy")
    steps: list[str] = []
    group = Group("g", (one, two, noisy))
    run = run_group(group, WORKS, quick(tmp_path, rounds=4), steps.append)
    assert not run.skipped
    values = {(row.contestant, row.work): set(row.values) for row in run.rows}
    assert values == {
        (one, "a"): {3.0}, (one, "b"): {7.0}, (two, "a"): {6.0}, (two, "b"): {14.0},
        (noisy, "a"): {3.0}, (noisy, "b"): {7.0},
    }  # fmt: skip
    assert len(steps) == count_steps(group, WORKS, 4)


def test_rounds_have_different_orders_and_each_row_its_turn(tmp_path: Path) -> None:
    steps: list[str] = []
    run_group(Group("g", (fake("counter"), fake("double"))), WORKS, quick(tmp_path), steps.append)
    rounds = [[step.partition(": ")[2] for step in steps[2:][start : start + 4]] for start in (0, 4, 8)]
    assert all(sorted(turns) == sorted(rounds[0]) for turns in rounds)
    assert len({tuple(turns) for turns in rounds}) > 1
    for turns in rounds:
        works = [turn.partition(",")[0] for turn in turns]
        assert works in (["a", "a", "b", "b"], ["b", "b", "a", "a"]), "works are not mixed"


def test_ceilings_take_turns_at_a_work_of_their_own(tmp_path: Path) -> None:
    group = Group("g", (fake("counter"),), ceilings=(fake("double"),))
    run = run_group(group, WORKS, quick(tmp_path), lambda _: None)
    assert [row.work for row in run.ceilings] == [CEILING_WORK]
    assert {row.contestant.peer.name for row in run.rows} == {"counter"}


def test_a_peer_is_measured_at_its_own_works_only(tmp_path: Path) -> None:
    everywhere, once = fake("counter"), fake("double", works=("b",))
    steps: list[str] = []
    group = Group("g", (everywhere, once))
    run = run_group(group, WORKS, quick(tmp_path), steps.append)
    assert {(row.contestant, row.work) for row in run.rows} == {
        (everywhere, "a"), (everywhere, "b"), (once, "b")
    }  # fmt: skip
    assert len(steps) == count_steps(group, WORKS, 3)


def test_who_cannot_load_is_left_out(tmp_path: Path) -> None:
    good, bad = fake("counter"), fake("nothing")
    run = run_group(Group("g", (bad, good)), WORKS, quick(tmp_path), lambda _: None)
    assert run.skipped == {bad: "RuntimeError: no weights for this"}
    assert {row.contestant for row in run.rows} == {good}
    assert all(len(row.turns) == 3 for row in run.rows)


def test_who_dies_is_left_out_with_its_last_words(tmp_path: Path) -> None:
    good, bad = fake("counter"), fake("then_die")
    run = run_group(Group("g", (bad, good)), WORKS, quick(tmp_path), lambda _: None)
    assert set(run.skipped) == {bad}
    assert run.skipped[bad].endswith("the process ended with exit code 7: out of luck")
    assert {row.contestant for row in run.rows} == {good}


def test_who_takes_too_long_is_ended(tmp_path: Path) -> None:
    with (
        WorkerProcess(fake("sleeper"), WORKS, threads=1, cache=tmp_path) as worker,
        pytest.raises(WorkerError, match=r"took longer than 0\.5 s"),
    ):
        worker.load(0.5)


def test_a_missing_module_is_a_reason(tmp_path: Path) -> None:
    absent = fake("counter")
    absent = type(absent)(type(absent.peer)("x", "x", "x", "fp32", "no_such_module:load"), absent.model)
    run = run_group(Group("g", (absent,)), WORKS, quick(tmp_path), lambda _: None)
    assert run.skipped == {absent: "ModuleNotFoundError: No module named 'no_such_module'"}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are held on Linux")
def test_between_turns_nothing_spins(tmp_path: Path) -> None:
    with WorkerProcess(fake("spinner"), WORKS, threads=1, cache=tmp_path) as worker:
        worker.load(60)
        pid = worker._process.pid
        before = cpu_ticks(pid)
        time.sleep(0.3)
        assert cpu_ticks(pid) - before <= 1
        turn = worker.turn("a", warm_up=0.0, seconds=0.0, calls=1, limit=60)
        assert turn["values"] == [3.0]


def cpu_ticks(pid: int) -> int:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


def test_threads_and_environment_reach_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    contestant = fake("counter", environment={"SQUEEZEBERT_ISA": "avx2"})
    with WorkerProcess(contestant, WORKS, threads=3, cache=tmp_path) as worker:
        worker.load(60)
        environment = Path(f"/proc/{worker._process.pid}/environ")
        if environment.exists():
            variables = environment.read_bytes().split(b"\0")
            assert b"OMP_NUM_THREADS=3" in variables
            assert b"SQUEEZEBERT_ISA=avx2" in variables
        assert worker.turn("a", warm_up=0, seconds=0, calls=1, limit=60)["values"] == [9.0]


def test_slow_rows_have_the_least_rounds(tmp_path: Path) -> None:
    settings = quick(tmp_path, rounds=7, seconds=1e-9)
    run = run_group(Group("g", (fake("counter"),)), {"a": [[1]]}, settings, lambda _: None)
    assert [len(row.turns) for row in run.rows] == [LEAST_ROUNDS]


def test_a_turn_warms_up_and_keeps_to_its_time() -> None:
    calls: list[float] = []

    def measure() -> float:
        time.sleep(0.01)
        calls.append(1.0)
        return float(len(calls))

    turn = take_turn(measure, warm_up=0.05, seconds=0.1, calls=1000)
    warm = int(turn["values"][0]) - 1
    assert 1 <= warm <= 6
    assert turn["values"] == [float(number) for number in range(warm + 1, len(calls) + 1)]
    assert 1 <= len(turn["values"]) <= 11
    assert len(take_turn(measure, warm_up=0.0, seconds=9.0, calls=2)["values"]) == 2
    assert len(take_turn(measure, warm_up=0.0, seconds=0.0, calls=2)["values"]) == 1


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="reads Linux's /proc")
def test_the_share_of_others_is_told(tmp_path: Path) -> None:
    run = run_group(Group("g", (fake("counter"),)), WORKS, quick(tmp_path, warm_up=0.05), lambda _: None)
    assert run.others is not None
    assert 0 <= run.others <= 1.05
    assert run.load_before is not None
    assert os.getloadavg()[0] >= 0

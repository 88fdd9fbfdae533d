"""Measures a group: all contestants are loaded, then they take turns over several rounds.

A turn is a pause, a warm-up, and calls that are timed. Nothing else runs meanwhile: each contestant is a
process of its own that is held between its turns. A round goes work by work, so that what is compared is
measured within seconds. Each round has another order, so that nobody always follows the same.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from squeezebert.benchmark.machine import busy_seconds
from squeezebert.benchmark.plan import Contestant, Group
from squeezebert.benchmark.process import WorkerError, WorkerProcess
from squeezebert.benchmark.workloads import Ids

LEAST_ROUNDS = 3
# A ceiling has one work, of its own.
CEILING_WORK = "ceiling"

_LONGEST_LOAD = 1200.0
_LONGEST_TURN = 300.0


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes:
        threads: Threads of every contestant.
        cache: Folder for exported and quantised networks.
        rounds: Turns of each row, at most.
        seconds: Time for a row in all its turns, warm-ups aside. A row whose calls are so slow that it has
            had its time after ``LEAST_ROUNDS`` gets no more turns.
        warm_up: Seconds of warm-up in each turn; a whole call at least.
        pause: Seconds of silence before each turn.
        calls: The most calls to time in a turn.
    """

    threads: int
    cache: Path
    rounds: int = 5
    seconds: float = 1.5
    warm_up: float = 0.1
    pause: float = 0.1
    calls: int = 50


@dataclass
class Measured:
    """What a row has brought so far.

    Attributes:
        contestant: Whose row it is.
        work: Name of the work.
        turns: Values of each turn: milliseconds, or billions of operations per second of a ceiling.
        spent: Seconds that its turns took, warm-ups included.
    """

    contestant: Contestant
    work: str
    turns: list[list[float]] = field(default_factory=list)
    spent: float = 0.0

    @property
    def values(self) -> list[float]:
        """Those of all turns."""
        return [value for turn in self.turns for value in turn]


@dataclass(frozen=True)
class GroupRun:
    """What a group has brought.

    Attributes:
        group: The group.
        rows: Each contestant at each work.
        ceilings: Those of the machine.
        skipped: Contestants that failed, and why.
        started: Seconds since the epoch.
        took: Seconds.
        load_before: Processes that ran before, on average over a minute.
        others: Share of the machine's processor time during the turns that went to anything but the
            contestant whose turn it was; None if not known.
    """

    group: Group
    rows: list[Measured]
    ceilings: list[Measured]
    skipped: dict[Contestant, str]
    started: float
    took: float
    load_before: float | None
    others: float | None


Advance = Callable[[str], None]


def count_rows(group: Group, works: Iterable[str]) -> int:
    """Rows that a group brings, ceilings aside, if nobody fails."""
    return sum(contestant.does(work) for contestant in group.contestants for work in works)


def count_steps(group: Group, works: Collection[str], rounds: int) -> int:
    """How often ``advance`` is called while a group is measured, if nobody fails."""
    ceilings = len(group.ceilings)
    return len(group.contestants) + ceilings + rounds * (count_rows(group, works) + ceilings)


def run_group(group: Group, works: Mapping[str, Ids], settings: Settings, advance: Advance) -> GroupRun:
    """Measure a group.

    Args:
        group: Who takes part.
        works: Ids of each work by name.
        settings: How to measure.
        advance: Called before each step with what comes now.
    """
    started, load = time.time(), os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    with ExitStack() as stack:
        stage = _Stage(settings, advance)
        for contestant in group.contestants:
            theirs = {name: ids for name, ids in works.items() if contestant.does(name)}
            stage.load(stack, contestant, theirs)
        for contestant in group.ceilings:
            stage.load(stack, contestant, {CEILING_WORK: []})
        for number in range(settings.rounds):
            stage.round(number)
    return GroupRun(
        group=group,
        rows=[row for row in stage.rows if row.work != CEILING_WORK],
        ceilings=[row for row in stage.rows if row.work == CEILING_WORK],
        skipped=stage.skipped,
        started=started,
        took=time.time() - started,
        load_before=load,
        others=stage.others.share,
    )


class _Others:
    """Adds up what anything else than the contestant took during its turns."""

    def __init__(self) -> None:
        self._theirs = self._all = 0.0

    @property
    def share(self) -> float | None:
        return self._theirs / self._all if self._all else None

    def add(self, busy_before: float | None, elapsed: float, cpu: float) -> None:
        busy = busy_seconds()
        if busy is not None and busy_before is not None:
            self._theirs += max(0.0, busy - busy_before - cpu)
            self._all += elapsed * (os.cpu_count() or 1)


class _Stage:
    """The contestants that are loaded, and their rows."""

    def __init__(self, settings: Settings, advance: Advance) -> None:
        self._settings = settings
        self._advance = advance
        self._workers: dict[Contestant, WorkerProcess] = {}
        self.rows: list[Measured] = []
        self.skipped: dict[Contestant, str] = {}
        self.others = _Others()

    def load(self, stack: ExitStack, contestant: Contestant, works: Mapping[str, Ids]) -> None:
        self._advance(f"load {contestant.name}")
        settings = self._settings
        worker = WorkerProcess(contestant, works, threads=settings.threads, cache=settings.cache)
        stack.enter_context(worker)
        try:
            worker.load(_LONGEST_LOAD)
        except WorkerError as error:
            self._drop(contestant, str(error))
            return
        self._workers[contestant] = worker
        self.rows += [Measured(contestant, work) for work in works]

    def round(self, number: int) -> None:
        """Give a turn to each row that has time left."""
        order = random.Random(number)
        works = list(dict.fromkeys(row.work for row in self.rows))
        order.shuffle(works)
        rows = list(self.rows)
        order.shuffle(rows)
        rows.sort(key=lambda row: works.index(row.work))
        for row in rows:
            self._advance(f"round {number + 1}: {row.work}, {row.contestant.name}")
            is_done = len(row.turns) >= LEAST_ROUNDS and row.spent >= self._settings.seconds
            if not is_done and row.contestant in self._workers:
                self._turn(row)

    def _turn(self, row: Measured) -> None:
        settings = self._settings
        time.sleep(settings.pause)
        busy, start = busy_seconds(), time.perf_counter()
        try:
            answer = self._workers[row.contestant].turn(
                row.work, warm_up=settings.warm_up, seconds=settings.seconds / settings.rounds,
                calls=settings.calls, limit=_LONGEST_TURN,
            )  # fmt: skip
        except WorkerError as error:
            self._drop(row.contestant, f"at {row.work}: {error}")
            return
        elapsed = time.perf_counter() - start
        self.others.add(busy, elapsed, answer["cpu"])
        row.turns.append(answer["values"])
        row.spent += elapsed

    def _drop(self, contestant: Contestant, reason: str) -> None:
        self.skipped[contestant] = reason
        self._workers.pop(contestant, None)
        self.rows = [row for row in self.rows if row.contestant != contestant]

"""The bar of a run: what takes a while beside steps is shown under it, and leaves nothing behind."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing

import pytest

from squeezebert.cli import training_bar
from squeezebert.cli.training_bar import TrainingBar
from squeezebert.training import Position, Step
from tests.cli.conftest import Terminal


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_bar, "PATIENCE", 0)


@pytest.fixture
def shown() -> Iterator[tuple[TrainingBar, Terminal]]:
    terminal = Terminal()
    with closing(TrainingBar(terminal, [])) as bar:
        yield bar, terminal


def test_other_work_is_shown_and_goes_away(shown: tuple[TrainingBar, Terminal]) -> None:
    bar, terminal = shown
    for done in (0, 3, 7):
        bar.working("tokenising", done, 7)
    assert "tokenising" in terminal.getvalue()
    assert bar._other is None
    bar.started(Position(), 5)
    bar.working("measuring", 0, 11)
    assert "measuring" in terminal.getvalue()
    bar.close()  # in the middle of it


def test_a_log_has_no_bars() -> None:
    log = io.StringIO()
    with closing(TrainingBar(log, [])) as bar:
        for done in (0, 7):
            bar.working("tokenising", done, 7)
    assert log.getvalue() == ""


def test_each_phase_has_a_bar_of_its_own() -> None:
    terminal = Terminal()
    with closing(TrainingBar(terminal, ["measured on held-out documents"])) as bar:
        for done, steps in ((0, 7), (3, 5)):
            bar.started(Position(step=done), steps)
            bar.stepped(Step(done + 1, 0.0, 0.5, {}, 1e-3, 1.0, 100, 0.25))
            bar.close()
    shown = terminal.getvalue()
    assert shown.count("measured on held-out documents") == 1
    assert "going on after step 3" in shown
    assert ("1/7" in shown, "4/5" in shown) == (True, True)

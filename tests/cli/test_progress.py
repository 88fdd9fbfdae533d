"""The progress bar: on a terminal only, after a while only, and never in the way of the items."""

from __future__ import annotations

import io
import time

import pytest

from squeezebert.cli import progress as module
from squeezebert.cli.progress import progress
from tests.cli.conftest import Terminal


def test_quick_work_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(progress(range(13), unit="rows")) == list(range(13))
    assert terminal.getvalue() == ""


def test_long_work_shows_how_much_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(module, "PATIENCE", 1e-9)
    for _ in progress(range(3), unit="rows", total=3):
        time.sleep(0.15)  # the bar is drawn ten times a second at most
    assert "rows" in terminal.getvalue()


def test_a_log_file_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 1e-9)
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    assert list(progress(range(13), unit="rows")) == list(range(13))
    assert log.getvalue() == ""

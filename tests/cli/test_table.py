"""Answers for people: aligned whatever the script, cut to the screen, safe for a terminal."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.cli.table import Table, clip, columns_of, pad, printable


def test_one_answer_stands_before_its_text() -> None:
    lines = list(Table(column=8).lines("A warm film.", {"label": "positive", "score": 0.98765}))
    assert lines == ["positive  0.988  A warm film."]


def test_labels_are_padded_to_a_column() -> None:
    table = Table(column=8)
    rows = [{"label": "good", "score": 0.9}, {"label": "terrible", "score": 1.0}]
    starts = {next(table.lines("TEXT", row)).index("TEXT") for row in rows}
    assert len(starts) == 1


def test_text_is_cut_to_the_screen() -> None:
    (line,) = Table(column=4, width=40).lines("x" * 100, {"label": "good", "score": 0.5})
    assert columns_of(line) == 40
    assert line.endswith("…")


def test_several_answers_stand_below_their_text() -> None:
    entities = [{"entity_group": "PER", "score": 0.99, "word": "Ada", "start": 0, "end": 3}]
    assert list(Table(column=5).lines("Ada wrote.", entities)) == ["Ada wrote.", "  PER    0.990  Ada"]


def test_nothing_found_is_said() -> None:
    assert list(Table().lines("Nothing.", [])) == ["Nothing.", "  (nothing found)"]


def test_several_masks_are_all_shown() -> None:
    masks = [
        [{"token_str": "a", "score": 0.5, "sequence": "a [MASK]"}],
        [{"token_str": "b", "score": 0.25, "sequence": "[MASK] b"}],
    ]
    assert list(Table(column=2).lines("[MASK] [MASK]", masks)) == [
        "[MASK] [MASK]", "  a   0.500  a [MASK]", "  b   0.250  [MASK] b",
    ]  # fmt: skip


def test_an_empty_answer_is_named() -> None:
    (line,) = Table(column=12).lines("Who?", {"answer": "", "score": 0.5})
    assert line.startswith("(no answer)")


def test_terminal_commands_in_a_text_are_defused() -> None:
    (line,) = Table(column=4).lines("\x1b[2Jgone\r\nnext\u2028more", {"label": "good", "score": 0.5})
    assert line == "good  0.500   [2Jgone  next more"


def test_colour_only_when_asked_for() -> None:
    answer = {"label": "good", "score": 0.9}
    assert "\x1b[" not in next(Table(column=4).lines("x", answer))
    assert next(Table(column=4, colour=True).lines("x", answer)).startswith("\x1b[32mgood\x1b[0m")


def test_a_terminal_is_filled_and_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "53")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Table.fitting(["good", "bad"], on_screen=True) == Table(4, 53, colour=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert Table.fitting(["good", "bad"], on_screen=True) == Table(4, 53, colour=False)
    assert Table.fitting(["good", "bad"], on_screen=False) == Table(4)


def test_a_pipe_is_neither_cut_nor_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert Table.fitting([], on_screen=True) == Table(24, None, colour=False)


def test_wide_and_combining_characters_are_measured() -> None:
    assert columns_of("日本") == 4
    assert columns_of("e\u0301") == 1


@given(st.text(), st.integers(1, 30))
def test_padded_text_fills_its_width(text: str, width: int) -> None:
    """A character of two columns may leave the last one empty, which is filled."""
    assert columns_of(pad(printable(text), width)) == width


@given(st.text(), st.integers(1, 30))
def test_clipped_text_fits_its_width(text: str, width: int) -> None:
    assert columns_of(clip(text, width)) <= width

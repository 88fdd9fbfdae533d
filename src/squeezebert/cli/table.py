"""Answers for people: aligned lines as wide as the terminal, coloured where there is one."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

# What an answer says, in the words of each task; the first key that is there is shown.
HEADLINES = ("entity_group", "entity", "choice", "label", "answer", "token_str")
WIDEST_HEADLINE = 24
LEAST_TEXT = 20

_SURE = 0.8
_SCORE = 5


@dataclass(frozen=True)
class Table:
    """Lays out answers.

    Attributes:
        column: Columns for what an answer says, so that the lines stand in a table.
        width: Columns of the screen; None to cut nothing.
        colour: Whether to colour what an answer says: green where the score is at least 0.8, else yellow.
    """

    column: int = WIDEST_HEADLINE
    width: int | None = None
    colour: bool = False

    @classmethod
    def fitting(cls, labels: Iterable[str], *, on_screen: bool) -> Table:
        """Fit a table to what answers can say, if that is known, and to the terminal, if it is shown there.

        The environment variable ``NO_COLOR`` turns colours off, as in other programs.
        """
        column = min(WIDEST_HEADLINE, max(map(columns_of, labels), default=WIDEST_HEADLINE))
        if not (on_screen and sys.stdout.isatty()):
            return cls(column)
        # Imported here: a process whose answers go to a file does without.
        import shutil

        return cls(column, shutil.get_terminal_size().columns, not os.environ.get("NO_COLOR"))

    def lines(self, text: str, answer: Mapping[str, Any] | Sequence[Any]) -> Iterator[str]:
        """Write an answer: one before its text on one line, several on lines of their own below it."""
        answers = one_by_one(answer)
        if isinstance(answer, Mapping):
            rest = self._clipped(text, taken=self.column + _SCORE + 4)
            yield f"{self._headline(answers[0])}  {_score(answers[0])}  {rest}"
            return
        yield self._clipped(text, taken=0)
        if not answers:
            yield "  (nothing found)"
        for one in answers:
            details = one.get("word", one.get("sequence", ""))
            rest = self._clipped(str(details), taken=self.column + _SCORE + 6)
            yield f"  {self._headline(one)}  {_score(one)}  {rest}".rstrip()

    def _headline(self, answer: Mapping[str, Any]) -> str:
        said = next((str(answer[key]) for key in HEADLINES if key in answer), "")
        shown = pad(printable(said) or "(no answer)", self.column)
        if not self.colour:
            return shown
        return click.style(shown, fg="green" if answer.get("score", 0) >= _SURE else "yellow")

    def _clipped(self, text: str, taken: int) -> str:
        room = None if self.width is None else max(LEAST_TEXT, self.width - taken)
        return clip(printable(text), room)


def one_by_one(answer: Mapping[str, Any] | Sequence[Any]) -> list[Mapping[str, Any]]:
    """The answers to a text, best first: of labels that were compared, as in zero-shot, the best alone."""
    if not isinstance(answer, Mapping):
        # Fill-mask gives a list for each of several masks.
        return [one for item in answer for one in ([item] if isinstance(item, Mapping) else item)]
    if "labels" in answer:
        return [{"label": answer["labels"][0], "score": answer["scores"][0]}]
    return [answer]


def printable(text: str) -> str:
    """The text on one line, without characters that control a terminal."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text)


def columns_of(text: str) -> int:
    """Columns that a text takes on a screen: East Asian wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def clip(text: str, width: int | None) -> str:
    """Cut a text to so many columns; an ellipsis shows that it was cut. None cuts nothing."""
    if width is None or columns_of(text) <= width:
        return text
    taken = 0
    for position, char in enumerate(text):
        taken += columns_of(char)
        if taken > width - 1:
            return text[:position].rstrip() + "…"
    return text


def pad(text: str, width: int) -> str:
    """Fill a text with blanks to so many columns, cutting it where it is longer."""
    text = clip(text, width)
    return text + " " * (width - columns_of(text))


def _score(answer: Mapping[str, Any]) -> str:
    return f"{answer['score']:{_SCORE}.3f}" if "score" in answer else " " * _SCORE

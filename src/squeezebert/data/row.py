"""The unit that data readers give: one example, and where it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STDIN = "-"
"""In place of a file's name: the standard input."""


@dataclass(frozen=True, slots=True)
class Row:
    """One example of a data file.

    Attributes:
        values: The columns by name.
        where: Place for error messages, such as ``"reviews.csv:17"`` (file and line).
    """

    values: Mapping[str, Any]
    where: str


def spread(rows: list[Row], count: int | None) -> list[Row]:
    """Take so many rows evenly from all of them, which may be sorted by label; all if count is None."""
    return rows if count is None else rows[:: max(1, len(rows) // count)][:count]

"""The unit that data readers give: one example, and where it was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from squeezebert.errors import DataError

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

    @classmethod
    def of(cls, values: Mapping[Any, Any], where: str) -> Row:
        """Make a row of a caller's mapping; the numbers that name columns of some frames become strings."""
        return cls({str(name): value for name, value in values.items()}, where)


def as_rows(given: Iterable[Row | Mapping[str, Any]], kind: str) -> Iterator[Row]:
    """Rows of a caller, who may give mappings of columns; their number is their place: ``"training row 3"``.

    Raises:
        DataError: One is neither a row nor a mapping.
    """
    for number, row in enumerate(given):
        where = f"{kind} {number}"
        if isinstance(row, Row):
            yield row
        elif isinstance(row, Mapping):
            yield Row.of(row, where)
        else:
            raise DataError(
                f"{where} is a {type(row).__name__}; expected a mapping of columns, such as "
                '{"text": …, "label": …}; of a data frame, give to_dict("records")'
            )


def spread(rows: list[Row], count: int | None) -> list[Row]:
    """Take so many rows evenly from all of them, which may be sorted by label; all if count is None."""
    return rows if count is None else rows[:: max(1, len(rows) // count)][:count]

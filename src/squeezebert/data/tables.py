"""Files with one row a line: plain text, comma-separated and tab-separated values."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from squeezebert.data.opening import chomp, open_text, shown
from squeezebert.data.row import Row
from squeezebert.errors import DataError

# Characters in one field. Far above any document; met when a quote that is never closed swallows a big file.
LONGEST_FIELD = 2**27

_QUOTES = 'quote a field that holds the delimiter, and write a quote inside a quoted field twice ("")'
_TABS = "fields are split at each tab and quotes mean nothing in .tsv; for quoted fields use .csv"


def read_txt(path: str | Path) -> Iterator[Row]:
    """Give each line as ``{"text": line}``. Blank lines are rows too, so answers stay in step with lines."""
    name = shown(path)
    for number, line in enumerate(open_text(path), 1):
        yield Row({"text": chomp(line)}, f"{name}:{number}")


def read_csv(path: str | Path, header: Sequence[str] | None = None) -> Iterator[Row]:
    """Give the rows of a comma-separated file, quoted as Python's csv module writes it.

    Quoted fields may span lines. Tabs or semicolons separate where the header has them and no comma, as
    spreadsheets write it in countries with a decimal comma. Blank lines are skipped, and so is what
    spreadsheets write of empty cells at the right and below: rows without any value, columns without name or
    value.

    Args:
        path: The file.
        header: Column names of a file that has no header line; fields beyond them are dropped.

    Raises:
        DataError: A row has more or fewer fields than the header, or its quotes are wrong.
    """
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_FIELD))
    name = shown(path)
    lines = open_text(path)
    first = next(lines, "")
    unquoted = re.sub('"[^"]*"', "", first)
    delimiter = next((sign for sign in ",;\t" if sign in unquoted), ",")
    yield from _rows(_csv_records(chain([first], lines), delimiter, name), header, name, _QUOTES)


def _csv_records(lines: Iterator[str], delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        start = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"{name}:{start}: bad quoting in the row that starts here ({error}); {_QUOTES}"
            ) from error
        if fields is None:
            return
        if fields:
            yield start, fields


def read_tsv(path: str | Path, header: Sequence[str] | None = None) -> Iterator[Row]:
    """Give the rows of a tab-separated file.

    Fields are split at tabs and quotes are ordinary characters, as in the GLUE files. Blank lines are
    skipped where there is more than one column, and empty cells at the right and below as in
    :func:`read_csv`.

    Args:
        path: The file.
        header: Column names of a file that has no header line; fields beyond them are dropped.

    Raises:
        DataError: A row has more or fewer fields than the header.
    """
    records = ((number, chomp(line).split("\t")) for number, line in enumerate(open_text(path), 1))
    yield from _rows(records, header, shown(path), _TABS)


def _rows(
    records: Iterator[tuple[int, list[str]]], header: Sequence[str] | None, name: str, hint: str
) -> Iterator[Row]:
    if header is None:
        names = _header(next(records, (1, []))[1], name)
        most: float = len(names)
    else:
        names = list(header)
        most = float("inf")
    # One may have no name, such as the index of a data frame.
    nameless = names.count("") > 1
    for line, fields in records:
        if len(names) > 1 and not any(fields):
            continue
        if not len(names) <= len(fields) <= most:
            raise DataError(
                f"{name}:{line}: has {len(fields)} fields where {len(names)} are expected "
                f"({', '.join(names)}); {hint}"
            )
        values = dict(zip(names, fields, strict=False))
        if nameless:
            if any(field for column, field in zip(names, fields, strict=False) if not column):
                raise _twice("", name)
            del values[""]
        yield Row(values, f"{name}:{line}")


def _header(names: list[str], name: str) -> list[str]:
    for position, column in enumerate(names):
        if column and column in names[:position]:
            raise _twice(column, name)
    return names


def _twice(column: str, name: str) -> DataError:
    return DataError(f"{name}:1: the header names the column {column!r} twice; rename one of them")

"""Rows from a file of any of the known formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from squeezebert.data.conll import read_conll
from squeezebert.data.jsonfiles import read_json, read_jsonl
from squeezebert.data.opening import check_file, plain_name, shown
from squeezebert.data.parquet import read_parquet
from squeezebert.data.row import STDIN, Row
from squeezebert.data.tables import read_csv, read_tsv, read_txt
from squeezebert.errors import DataError

FORMATS: Mapping[str, Callable[[str | Path], Iterator[Row]]] = {
    "txt": read_txt,
    "csv": read_csv,
    "tsv": read_tsv,
    "jsonl": read_jsonl,
    "json": read_json,
    "conll": read_conll,
    "parquet": read_parquet,
}

# Those of text may have .xz, .gz or .zst behind it.
EXTENSIONS: Mapping[str, str] = {
    ".txt": "txt",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".conll": "conll",
    ".conllu": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".bio": "conll",
    ".parquet": "parquet",
}


def read_rows(path: str | Path, *, format: str | None = None) -> Iterator[Row]:
    """Give the rows of a file one after the other, in constant memory (``json`` is read as a whole).

    Args:
        path: The file; ``"-"`` is the standard input, read as one text a line unless ``format`` says else.
        format: One of `FORMATS`; None tells it from the file's extension.

    Returns:
        Rows with the file's column names; ``txt`` gives ``text``, ``conll`` gives ``tokens`` and ``tags``.

    Raises:
        DataError: There is no such file or format (raised at once), a row cannot be read, or there is none
            (raised while iterating).
    """
    check_file(path)
    if format is None:
        format = format_of(path)
    elif format not in FORMATS:
        raise DataError(f"{shown(path)}: unknown format {format!r}; the formats are {', '.join(FORMATS)}")
    return not_empty(FORMATS[format](path), path)


def format_of(path: str | Path) -> str:
    """Tell the format from the extension.

    Raises:
        DataError: The extension is not known.
    """
    if str(path) == STDIN:
        return "txt"
    extension = Path(plain_name(path)).suffix.lower()
    if extension not in EXTENSIONS:
        raise DataError(
            f"{path}: unknown extension {extension!r}; name the format with --format ({', '.join(FORMATS)}), "
            f"or use a known one ({', '.join(EXTENSIONS)}; of text also with .xz, .gz or .zst)"
        )
    return EXTENSIONS[extension]


def not_empty(rows: Iterator[Row], path: str | Path) -> Iterator[Row]:
    """Pass rows on.

    Raises:
        DataError: There is none.
    """
    first = next(rows, None)
    if first is None:
        raise DataError(f"{shown(path)}: holds no rows; the file is empty or has only a header")
    yield first
    yield from rows

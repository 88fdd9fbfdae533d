"""Rows to answer: from text arguments, files and the standard input, and how many there are."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from squeezebert.data import Row
from squeezebert.data.row import STDIN
from squeezebert.errors import OptionError


def rows_asked(
    task: str,
    texts: Sequence[str],
    paths: Sequence[str],
    given: Mapping[str, object],
    *,
    format: str | None = None,
    split: str | None = None,
) -> Iterator[Row]:
    """Give the rows to answer: of texts, of files, of what is piped in, or of options alone.

    Args:
        task: Name of the task.
        texts: Text arguments.
        paths: Files, folders of data sets, and ``"-"`` for the standard input.
        given: Columns that options give to every row.
        format: See :func:`from_files`.
        split: See :func:`from_files`.

    Raises:
        DataError: See :func:`from_files`.
        OptionError: There is nothing to answer, or too much is given.
    """
    if {"question", "context"} <= given.keys() and not paths:
        if texts:
            raise OptionError("beside --question and --context no text is read; leave out one of them")
        return iter([Row(given, "--question")])
    paths = paths_or_stdin(texts, paths)
    if paths:
        return with_columns(from_files(paths, format, task=task, split=split, whole=True), given)
    if split is not None:
        raise OptionError(f"--split {split} is of files; give --input")
    return with_columns(from_texts(texts, text_column(task, given)), given)


def text_column(task: str, given: Container[str]) -> str:
    """The column that text arguments fill: of question answering the one that no option gives.

    Raises:
        OptionError: It is question answering and there is neither question nor context.
    """
    if task != "question-answering" or "question" in given:
        return "text"
    if "context" in given:
        return "question"
    raise OptionError("question answering of texts needs --question TEXT, or --context TEXT")


def from_texts(texts: Sequence[str], column: str) -> Iterator[Row]:
    """Give a row for each text argument."""
    for number, text in enumerate(texts, 1):
        yield Row({column: text}, f"text {number}")


def from_files(
    paths: Sequence[str],
    format: str | None,
    *,
    task: str | None = None,
    split: str | None = None,
    whole: bool = False,
) -> Iterator[Row]:
    """Give the rows of all files, one after the other; see :func:`squeezebert.data.load_dataset_rows`.

    Raises:
        DataError: A file is missing or of an unknown format (at once), or a row is bad (while iterating).
    """
    from squeezebert.data import load_dataset_rows

    # A list, so that a missing last file is found before the first one is answered.
    return chain.from_iterable(
        [load_dataset_rows(path, task=task, format=format, split=split, whole=whole) for path in paths]
    )


def with_columns(rows: Iterable[Row], given: Mapping[str, object]) -> Iterator[Row]:
    """Add the columns that options give to every row."""
    for row in rows:
        yield Row({**row.values, **given}, row.where)


def paths_or_stdin(texts: Sequence[str], paths: Sequence[str]) -> tuple[str, ...]:
    """The files to read: those given, else the standard input where there are no texts.

    Raises:
        OptionError: There is nothing to read, or texts and files are mixed.
    """
    if tuple(texts) == (STDIN,):
        return (STDIN, *paths)
    if texts and paths:
        raise OptionError("give texts or --input, not both; --input takes one file, and can be repeated")
    if texts or paths:
        return tuple(paths)
    if sys.stdin.isatty():
        raise OptionError("there is nothing to answer; give texts, --input FILE, or pipe text in")
    return (STDIN,)

"""Rows to answer: from text arguments, files and the standard input, and how many there are."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

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
    for option, value in (("--split", split), ("--format", format)):
        if value is not None:
            raise OptionError(f"{option} {value} is of files; give --input")
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


def files_read(
    paths: Iterable[str], model: str, *, format: str | None = None, split: str | None = None
) -> Iterator[Path]:
    """Give the files that rows and a model on disk are read from.

    Args:
        paths: Files, folders of data sets, and ``"-"``.
        model: Folder, embedded model or hub name.
        format: See :func:`from_files`.
        split: See :func:`from_files`.

    Raises:
        DataError: As :func:`from_files`.
        CheckpointError: The folder holds no model.
    """
    from squeezebert.checkpoints.reader import bases_of, weights_in
    from squeezebert.config import CONFIG_NAME
    from squeezebert.data.recognition import choose
    from squeezebert.tokenization.store import files_of

    yield Path("/dev/stdin")  # It may be a file.
    for path in paths:
        yield from () if path == STDIN else choose(path, split, format)[1]
    if not Path(model).is_dir():
        return
    for folder in bases_of(Path(model)):
        yield folder / CONFIG_NAME
        yield from weights_in(folder)
    yield from files_of(Path(model)).values()


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

"""Rows with the columns that the tasks know, from users' own files and from the published data sets."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from squeezebert.data.dataset import Dataset
from squeezebert.data.jsonfiles import read_json
from squeezebert.data.opening import chomp, open_text, plain_name, shown
from squeezebert.data.recognition import choose, present
from squeezebert.data.row import Row
from squeezebert.data.rows import FORMATS, not_empty, read_rows
from squeezebert.data.splits import canonical
from squeezebert.data.tables import read_csv, read_tsv
from squeezebert.errors import DataError, nearest

_HEADERLESS = {"csv": read_csv, "tsv": read_tsv}
_NEEDED = {
    "text-classification": "text",
    "token-classification": "tokens",
    "question-answering": "question",
    "fill-mask": "text",
    "multiple-choice": "choices",
    "feature-extraction": "text",
    "zero-shot-classification": "text",
}


def load_dataset_rows(
    path: str | Path,
    *,
    task: str | None = None,
    split: str | None = None,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    whole: bool = False,
) -> Iterator[Row]:
    """Give the rows of a file, or of one split of a folder; of a published data set with canonical columns.

    A published data set is recognised by its layout and gives, by task:

    - text-classification: ``text``, ``text_pair`` for pairs, ``label`` (a name, or a float for STS-B)
    - token-classification: ``tokens``, ``tags``
    - question-answering: ``id``, ``question``, ``context``, ``answers`` (``[{"text", "start"}]``, empty where
      there is none)
    - multiple-choice: ``prompt``, ``choices``, ``label`` (an index, None where it is withheld)

    Any other file gives its own columns, and so do those of a folder whose names are those of splits
    (``train.csv``, ``data/test-00000-of-00001.parquet``).

    Args:
        path: The file, ``"-"`` for the standard input, or the folder of a data set.
        task: The task that the rows are for; a published data set without the column it needs is refused.
        split: ``"train"``, ``"validation"`` or ``"test"``, for a folder or a file that holds several.
        format: One of `FORMATS`, which reads the file as it is, or the name of a data set in `DATASETS`.
        columns: New names of columns and what they are called now, such as ``{"text": "review"}``.
        whole: Of a published data set, give the other columns that its file has, too.

    Raises:
        DataError: No such file, format, split or column (at once where it can be known), or a bad row (while
            iterating).
    """
    dataset, files = choose(path, split, format)
    rows: Iterator[Row]
    if dataset is None:
        rows = chain.from_iterable([read_rows(file, format=format) for file in files])
    else:
        part = _part(dataset, split, path)
        rows = chain.from_iterable(_read(dataset, file, part, whole) for file in files)
        rows = _fitting(not_empty(rows, path), dataset, task, path)
    return _renamed(rows, columns) if columns else rows


def _part(dataset: Dataset, split: str | None, path: str | Path) -> str | None:
    if not dataset.parts:
        return None
    part = dataset.parts.get(canonical(split)) if split else None
    if part is None:
        names = ", ".join(dataset.parts)
        raise DataError(f"{shown(path)}: holds several splits; say which with --split: {names}")
    return part


def _read(dataset: Dataset, path: Path, part: str | None, whole: bool) -> Iterator[Row]:
    if part is not None:
        rows = read_json(path, part)
    elif dataset.header:
        rows = _HEADERLESS[dataset.format](path, dataset.header)
    else:
        rows = FORMATS[dataset.format](path)
    if dataset.beside:
        rows = _joined(rows, path, dataset.beside)
    for row in rows:
        values = _canonical(row, dataset)
        yield Row({**_others(row, dataset, values), **values} if whole else values, row.where)


def _others(row: Row, dataset: Dataset, known: Container[str]) -> dict[str, Any]:
    """The columns of a row that were neither renamed nor made anew."""
    renamed = dataset.columns.values()
    return {name: value for name, value in row.values.items() if name not in renamed and name not in known}


def _joined(rows: Iterator[Row], path: Path, beside: Mapping[str, tuple[str, str]]) -> Iterator[Row]:
    """Add the columns that sister files hold line by line."""
    sisters = {}
    for column, (old, new) in beside.items():
        name = plain_name(path).replace(old, new)
        sister = present(path.with_name(name))
        if sister is not None:
            sisters[column] = (sister, open_text(sister))
        elif column != "label":  # labels may be withheld
            raise DataError(f"{path}: its sister file {name} is missing; put it beside")
    for row in rows:
        values = dict(row.values)
        for column, (sister, lines) in sisters.items():
            line = next(lines, None)
            if line is None:
                raise DataError(f"{sister}: has fewer lines than {path}; the two must go line by line")
            values[column] = chomp(line)
        yield Row(values, row.where)
    for sister, lines in sisters.values():
        if next(lines, None) is not None:
            raise DataError(f"{sister}: has more lines than {path}; the two must go line by line")


def _canonical(row: Row, dataset: Dataset) -> dict[str, Any]:
    values = _named(row, dataset)
    if dataset.labels and "label" in values:
        code = values["label"]
        if code not in dataset.labels:
            raise DataError(
                f"{row.where}: label {code!r} is none of {', '.join(dataset.labels)}, those of {dataset.name}"
            )
        values["label"] = dataset.labels[code]
    if dataset.convert is None:
        return values
    try:
        return dataset.convert(values)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{row.where}: does not fit the layout of {dataset.name} ({error!r})") from error


def _named(row: Row, dataset: Dataset) -> dict[str, Any]:
    if not dataset.columns:
        return dict(row.values)
    values = {name: row.values[column] for name, column in dataset.columns.items() if column in row.values}
    missing = [column for name, column in dataset.columns.items() if name not in (*values, "label")]
    if missing:
        raise DataError(
            f"{row.where}: has no column {missing[0]!r}, which {dataset.name} has; is it that data set?"
        )
    return values


def _fitting(rows: Iterator[Row], dataset: Dataset, task: str | None, path: str | Path) -> Iterator[Row]:
    first = next(rows)
    needed = _NEEDED.get(task) if task else None
    if needed is not None and needed not in first.values:
        raise DataError(
            f"{shown(path)}: is {dataset.name}, made for {dataset.task}; {task} needs a column {needed!r}"
        )
    yield first
    yield from rows


def _renamed(rows: Iterator[Row], columns: Mapping[str, str]) -> Iterator[Row]:
    for row in rows:
        values = dict(row.values)
        for column in columns.values():
            if column not in values:
                near = nearest(column, list(values))
                raise DataError(
                    f"{row.where}: has no column {column!r}{near}; the columns are {', '.join(values)}"
                )
        renamed = {name: values[column] for name, column in columns.items()}
        kept = {name: value for name, value in values.items() if name not in columns.values()}
        yield Row({**kept, **renamed}, row.where)

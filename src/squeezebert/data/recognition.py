"""Which published data set a file or folder belongs to, and which files make up a split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from squeezebert.data import parquet
from squeezebert.data.dataset import Dataset
from squeezebert.data.opening import COMPRESSED, check_exists, open_text, shown
from squeezebert.data.published import DATASETS
from squeezebert.data.row import STDIN
from squeezebert.data.rows import FORMATS
from squeezebert.data.splits import canonical, splits_in
from squeezebert.errors import DataError, NoSplitError

# Characters at the start of a file by which it is recognised.
HEAD = 4096


def choose(path: str | Path, split: str | None, format: str | None) -> tuple[Dataset | None, list[Path]]:
    """Find the data set that a file or folder belongs to, and the files to read.

    Args:
        path: A file, a folder, or ``"-"`` for the standard input, which is never recognised.
        split: The split to take from a folder.
        format: A file format, the name of a data set, or None to recognise it.

    Returns:
        The data set, None for files of no known one, and the files.

    Raises:
        DataError: No such file, format or split, or several that fit.
    """
    known = [dataset for dataset in DATASETS if format in (None, dataset.name)]
    if not known and format not in FORMATS:
        names = ", ".join(dict.fromkeys(dataset.name for dataset in DATASETS))
        raise DataError(f"{shown(path)}: unknown format {format!r}; known are {', '.join(FORMATS)}, {names}")
    check_exists(path)
    if str(path) != STDIN and Path(path).is_dir():
        return _in_folder(Path(path), split, known, format)
    dataset = _of_file(path, known)
    if dataset is None and format is not None and known:
        dataset = known[-1]
    if split is not None and (dataset is None or not dataset.parts):
        raise DataError(f"{shown(path)}: is one file without splits; leave out the split {split!r}")
    return dataset, [Path(path)]


def _of_file(path: str | Path, known: Sequence[Dataset]) -> Dataset | None:
    if not known or not Path(path).is_file():  # a pipe can be read only once
        return None
    if Path(path).suffix.lower() == parquet.SUFFIX:
        return None
    head = _head(path)
    return next((dataset for dataset in known if dataset.matches(Path(path), head)), None)


def _in_folder(
    folder: Path, split: str | None, known: Sequence[Dataset], format: str | None
) -> tuple[Dataset | None, list[Path]]:
    found = _found(folder, known)
    if not found and format in (None, *FORMATS):
        found = {("", name): (None, files) for name, files in splits_in(folder).items()}
    if not found:
        raise DataError(
            f"{folder}: holds no files of a known data set, and none named train, validation or test; "
            "give a file instead of the folder"
        )
    wanted = canonical(split) if split else None
    splits = list(dict.fromkeys(name for _, name in found))
    if wanted is None and len(splits) > 1:
        raise DataError(f"{folder}: holds several splits; say which with --split: {', '.join(splits)}")
    fitting = {key: value for key, value in found.items() if key[1] == (wanted or splits[0])}
    if not fitting:
        raise NoSplitError(folder, split or "", splits)
    if len(fitting) > 1:
        names = ", ".join(name for name, _ in fitting)
        raise DataError(
            f"{folder}: holds several data sets ({names}); name one with --format, or give the file"
        )
    return next(iter(fitting.values()))


_Found = dict[tuple[str, str], tuple["Dataset | None", list[Path]]]
"""A data set and its files, by name of data set and split."""


def _found(folder: Path, known: Sequence[Dataset]) -> _Found:
    """Find what a folder holds; of two data sets that claim a file the first has it."""
    found: _Found = {}
    owners: dict[Path, str] = {}
    for dataset in known:
        for name in dataset.splits:
            files = _files(folder, dataset, name)
            if not files or not dataset.matches(files[0], _head(files[0])):
                continue
            if owners.setdefault(files[0], dataset.name) == dataset.name:
                found.setdefault((dataset.name, name), (dataset, files))
    return found


def _files(folder: Path, dataset: Dataset, split: str) -> list[Path]:
    """Find the files of a split, none where one of them is missing."""
    for names in dataset.splits[split]:
        files = [present(folder / name) for name in names.split()]
        if None not in files:
            return [file for file in files if file]
    return []


def present(path: Path) -> Path | None:
    """The file itself, or its compressed form."""
    for suffix in ("", *COMPRESSED):
        file = path.with_name(path.name + suffix)
        if file.is_file():
            return file
    return None


def _head(path: str | Path) -> str:
    head = ""
    for line in open_text(path):
        head += line[:HEAD]
        if len(head) >= HEAD:
            break
    return head

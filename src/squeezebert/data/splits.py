"""Splits of a folder by the names of its files, as people and the Hugging Face hub have them.

``train.csv`` and ``dev.csv``, or ``train-00000-of-00002.parquet``, ``train-00001-of-00002.parquet`` and so
on, in the folder or in its folder ``data``. Files that are numbered like this can be of any split, such as
``validation_matched``. Or ``train/0000.parquet``, ``train/0001.parquet``, as the hub converts data sets.
"""

from __future__ import annotations

import re
from pathlib import Path

from squeezebert.data.opening import plain_name
from squeezebert.data.rows import EXTENSIONS
from squeezebert.errors import DataError

OTHER_NAMES = {
    "training": "train", "dev": "validation", "val": "validation", "valid": "validation",
    "eval": "validation", "evaluation": "validation", "testing": "test",
}  # fmt: skip
"""Other names of a split, and the usual one."""

# Behind the number the hub has had a part of the file's digest.
_SHARD = re.compile(r"(?P<split>\w+)(?:-(?P<number>\d+)-of-(?P<count>\d+)(?:-[0-9a-f]{16})?)?")
_SPLITS = ("train", "validation", "test")


def canonical(split: str) -> str:
    """The usual name of a split."""
    return OTHER_NAMES.get(split, split)


def splits_in(folder: Path) -> dict[str, list[Path]]:
    """The files of each split that a folder holds, in their order; none where no name is one of a split.

    Raises:
        DataError: A split is there twice, or one of its files is missing.
    """
    inner = folder / "data"
    found = _named(folder) or (_named(inner) if inner.is_dir() else {})
    if not found:
        return _folders(folder)
    usual = [split for split in _SPLITS if split in found]
    return {split: _whole(folder, split, found[split]) for split in dict.fromkeys([*usual, *found])}


def _folders(folder: Path) -> dict[str, list[Path]]:
    """The numbered files of folders that are named as splits."""
    found = {
        canonical(inner.name.lower()): [
            file
            for file in sorted(inner.iterdir())
            if (name := Path(plain_name(file))).stem.isdecimal() and name.suffix.lower() in EXTENSIONS
        ]
        for inner in sorted(folder.iterdir())
        if inner.is_dir()
    }
    return {split: files for split in _SPLITS if (files := found.get(split))}


def _named(folder: Path) -> dict[str, list[tuple[Path, re.Match[str]]]]:
    found: dict[str, list[tuple[Path, re.Match[str]]]] = {}
    for file in sorted(folder.iterdir()):
        name = Path(plain_name(file))
        match = _SHARD.fullmatch(name.stem.lower())
        if match and name.suffix.lower() in EXTENSIONS and file.is_file():
            split = canonical(match["split"])
            if split in _SPLITS or match["count"]:
                found.setdefault(split, []).append((file, match))
    return found


def _whole(folder: Path, split: str, shards: list[tuple[Path, re.Match[str]]]) -> list[Path]:
    counts = {int(match["count"] or 1) for _, match in shards}
    files = [file for file, _ in shards]
    count = max(counts)
    if len(counts) > 1 or len(files) > count:
        raise DataError(
            f"{folder}: holds the split {split} twice, {files[0].name} and {files[-1].name}; give one of them"
        )
    numbers = {int(match["number"] or 0) for _, match in shards}
    missing = next((number for number in range(count) if number not in numbers), None)
    if missing is not None:
        raise DataError(
            f"{folder}: of the {count} files of the split {split}, number {missing} is missing; fetch it"
        )
    return files

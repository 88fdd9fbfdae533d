"""A published data set as a declaration: its files, how to recognise them, and its columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from squeezebert.data.opening import plain_name

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?')
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_SPEAKING = ("csv", "tsv", "jsonl")
"""Endings of names that say the format; others, such as .txt, hold any."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    r"""One layout of a published data set. A data set published in two layouts has two declarations.

    Attributes:
        name: Its usual name, in lower case.
        task: The task that it is made for.
        format: Format of its files, one of `squeezebert.data.rows.FORMATS`.
        splits: For each split the files that make it up, separated by blanks, without an ``.xz``. Of several
            such lists the first one whose files are all there is taken.
        parts: For a file that holds several splits, what it calls them.
        has: Column names in the first line, or JSON keys near the start, that a file of this layout has.
        head: Pattern that the start of a file matches, for layouts without a header.
        path: Pattern found in ``folder/file``, in any case, for layouts that others share.
        header: Column names of a table that has no header line.
        beside: Columns in sister files, a value a line: what to replace in the file's name, and by what.
        columns: The columns to give and what the file calls them; empty gives those of the file.
        labels: Names for the label codes of the file.
        convert: Makes the columns out of those of the file, where naming them is not enough.
    """

    name: str
    task: str
    format: str
    splits: Mapping[str, Sequence[str]]
    parts: Mapping[str, str] = field(default_factory=dict)
    has: Sequence[str] = ()
    head: str = ""
    path: str = ""
    header: Sequence[str] = ()
    beside: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    convert: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def matches(self, path: Path, head: str) -> bool:
        """Whether a file that starts with ``head`` has this layout."""
        place = f"{path.absolute().parent.name}/{plain_name(path)}"
        if not re.search(self.path, place, re.IGNORECASE) or not re.match(self.head, head):
            return False
        ending = Path(plain_name(path)).suffix.lower().removeprefix(".")
        if ending in _SPEAKING and ending != self.format:
            return False
        if self.header:
            return True
        first = head.split("\n", 1)[0].rstrip("\r")
        if self.format in _DELIMITERS:
            names = set(first.split(_DELIMITERS[self.format]))
            return names >= {*self.has} and not self._hides(names)
        return all(f'"{key}"' in head for key in self.has) and not self._hides(_keys(first))

    def _hides(self, names: set[str]) -> bool:
        """Whether a column of a file is called as another one would be: then it is some other file."""
        return any(name != column and name in names for name, column in self.columns.items())


def _keys(line: str) -> set[str]:
    """The keys of a JSON object of strings and numbers, which may be cut."""
    return {key for key, colon in _STRING.findall(line) if colon}

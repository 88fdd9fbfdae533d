"""Column files of tagged tokens (CoNLL, CoNLL-U, IOB2): a token a line, a blank line after a sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from pathlib import Path

from squeezebert.data.opening import chomp, open_text, shown
from squeezebert.data.row import Row
from squeezebert.errors import DataError

# Lines that the layout is told from.
SAMPLE = 1000

_DOCUMENT = "-DOCSTART-"
_BLANKS = re.compile(r"[ \t]+")
_TAG = re.compile(r"O|[BIESLUM]-.+")
_MOST = 0.9
"""Where this share of a column looks like tags, the rest are mistakes."""
_CONLLU_WIDTH, _CONLLU_UPOS = 10, 3

Line = tuple[int, str]


@dataclass(frozen=True)
class _Layout:
    """Which columns of a line are what.

    Attributes:
        tabbed: Whether tabs stand between them, and not blanks.
        width: Number of columns of most lines.
        token: Column of the token.
        tag: Column of the tag, None where there are no tags.
        indexed: Whether the first column counts the tokens.
        typed: Whether the tags look like ``O`` and ``B-PER``.
        tags: Those of the first lines, but for lines that begin with #.
    """

    tabbed: bool
    width: int
    token: int
    tag: int | None
    typed: bool
    indexed: bool = False
    tags: frozenset[str] = frozenset()

    def split(self, line: str) -> list[str]:
        return _split(line, self.tabbed)

    def is_comment(self, line: str, *, opens: bool) -> bool:
        """Whether a line that starts with # is a comment and not a token such as #hashtag.

        Args:
            line: Of a sentence.
            opens: Whether it is the first one, as those on documents and paragraphs are.
        """
        if not line.startswith("#"):
            return False
        columns = self.split(line)
        while len(columns) > self.width and not columns[-1]:
            columns.pop()
        if len(columns) != self.width:
            return True
        if self.tag is None:
            return False
        tag = columns[self.tag]
        if self.typed:
            return not _TAG.fullmatch(tag)
        return opens and columns[self.token] == "#" and tag not in self.tags


def read_conll(path: str | Path) -> Iterator[Row]:
    """Give each sentence as ``{"tokens": [...], "tags": [...]}``, tags as written (IOB1, IO, IOB2, BIOES).

    The columns are told from the first lines. The token is the first column, or the second after an index
    that counts within the sentence. The tag is the last column where that has an ``O``, else the last column
    in which every value looks like a tag (``O``, ``B-PER``); failing that it is the first of two columns, if
    such values are in that one, as in the MIT corpora; then UPOS in ten columns of CoNLL-U, else the last
    one. A file of one column has no tags. ``#`` comments, ``-DOCSTART-`` lines and
    CoNLL-U's multiword and empty nodes are skipped. A token may be the empty string, as in the Broad Twitter
    Corpus.

    Raises:
        DataError: A line has too few or too many columns, or no tag where nearly all others have.
    """
    name = shown(path)
    lines = enumerate(map(chomp, open_text(path)), 1)
    sample = list(islice(lines, SAMPLE))
    layout = _detect([line for _, line in sample])
    for sentence in _sentences(chain(sample, lines), layout):
        yield _row(sentence, layout, name)


def _sentences(lines: Iterable[Line], layout: _Layout) -> Iterator[list[Line]]:
    sentence: list[Line] = []
    for number, line in lines:
        if not line.strip() or line.startswith(_DOCUMENT):
            if sentence:
                yield sentence
            sentence = []
        elif not layout.is_comment(line, opens=not sentence):
            sentence.append((number, line))
    if sentence:
        yield sentence


def _row(sentence: list[Line], layout: _Layout, name: str) -> Row:
    tokens, tags = [], []
    needed = max(layout.token, layout.tag or 0) + 1
    for number, line in sentence:
        columns = layout.split(line)
        if len(columns) < needed:
            raise DataError(
                f"{name}:{number}: has {len(columns)} columns where {needed} are needed; is the tag missing?"
            )
        if any(columns[layout.width :]):
            raise DataError(
                f"{name}:{number}: has {len(columns)} columns where {layout.width} are expected; a word with "
                "blanks in it needs tabs between the columns"
            )
        if layout.indexed and not columns[0].isdecimal():
            continue
        tokens.append(columns[layout.token])
        if layout.tag is not None:
            tag = columns[layout.tag]
            if layout.typed and not _TAG.fullmatch(tag):
                raise DataError(f"{name}:{number}: {tag!r} is no tag, such as O or B-PER are; correct it")
            tags.append(tag)
    values = {"tokens": tokens} if layout.tag is None else {"tokens": tokens, "tags": tags}
    return Row(values, f"{name}:{sentence[0][0]}")


def _detect(lines: list[str]) -> _Layout:
    filled = [line for line in lines if line.strip() and not line.startswith(_DOCUMENT)]
    filled = [line for line in filled if "\t" in line or not line.startswith("#")]
    tabbed = 2 * sum("\t" in line for line in filled) > len(filled)
    rows = [_split(line, tabbed) for line in filled]
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 1
    rows = [row for row in rows if len(row) == width]
    indexed = width > 2 and _counts(rows)
    token = int(indexed)
    values = [row[-1] for row in rows]
    if width - 1 > token and "O" in values:
        # Before it stand parts of speech and chunks, which look like tags, too.
        tags = _tags_of_words(rows, width - 1)
        return _Layout(tabbed, width, token, width - 1, _are_tags(values), indexed, tags)
    for column in range(width - 1, token, -1):
        if all(_TAG.fullmatch(row[column]) for row in rows):
            return _Layout(tabbed, width, token, column, True, indexed)
    if width == 2 and _are_tags([row[0] for row in rows]):
        return _Layout(tabbed, width, token=1, tag=0, typed=True)
    last = _CONLLU_UPOS if width == _CONLLU_WIDTH and token else width - 1
    tag = last if last > token else None
    return _Layout(tabbed, width, token, tag, False, indexed, _tags_of_words(rows, last))


def _are_tags(values: list[str]) -> bool:
    return sum(_TAG.fullmatch(value) is not None for value in values) >= _MOST * len(values)


def _tags_of_words(rows: list[list[str]], column: int) -> frozenset[str]:
    """The tags of lines that can be no comments."""
    return frozenset(row[column] for row in rows if not row[0].startswith("#"))


def _split(line: str, tabbed: bool) -> list[str]:
    """The columns, without blanks around them; but the first may be a token that is a blank."""
    if not tabbed:
        return _BLANKS.split(line.strip(" \t"))
    first, *others = line.split("\t")
    return [first, *(column.strip(" ") for column in others)]


def _counts(rows: list[list[str]]) -> bool:
    """Whether the first column counts up by one or starts again."""
    indices = [int(row[0]) for row in rows if row[0].isdecimal()]
    ranges = sum(bool(re.fullmatch(r"\d+[-.]\d+", row[0])) for row in rows)
    if not indices or len(indices) + ranges < len(rows):
        return False
    return all(after in (before + 1, indices[0]) for before, after in pairwise(indices))

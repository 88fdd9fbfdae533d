"""Text to the form in which pieces are looked up: cleaned, without accents, in lower case.

The norm is the BERT normaliser of the Rust library `tokenizers`: which characters it knows, in which order
it works, and which character of the original it takes each character of the result to come from.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from squeezebert.tokenization.unicode_tables import table

# Hangul syllables are composed by arithmetic: The Unicode Standard, section 3.12.
_HANGUL_FIRST, _HANGUL_COUNT = 0xAC00, 11172
_LEAD_FIRST, _VOWEL_FIRST, _TAIL_FIRST = 0x1100, 0x1161, 0x11A7
_VOWEL_COUNT, _TAIL_COUNT = 21, 28


def parse_ranges(table: str) -> frozenset[str]:
    """Read the code points "a b-c …", in hexadecimal, as characters."""
    chars: list[str] = []
    for item in table.split():
        first, _, last = item.partition("-")
        chars += map(chr, range(int(first, 16), int(last or first, 16) + 1))
    return frozenset(chars)


def parse_mapping(table: str) -> dict[str, str]:
    """Read "a: b c+d …": a becomes b, and a + 1 becomes c followed by d.

    A point in place of b is as far from a as the one before was from its own, and ".:" skips a character.
    """
    pairs: dict[str, str] = {}
    code = far = 0
    for item in table.split():
        if item.endswith(":"):
            code = code + 1 if item == ".:" else int(item[:-1], 16)
        else:
            codes = [code + far] if item == "." else [int(part, 16) for part in item.split("+")]
            pairs[chr(code)] = "".join(map(chr, codes))
            far, code = codes[0] - code, code + 1
    return pairs


def parse_classes(table: str) -> dict[str, int]:
    """Read "number: a b-c …" as the class of each character; the number is in decimal."""
    classes: dict[str, int] = {}
    number = 0
    for item in table.split():
        if item.endswith(":"):
            number = int(item[:-1])
        else:
            classes.update(dict.fromkeys(parse_ranges(item), number))
    return classes


class Tables(NamedTuple):
    """The Unicode tables, parsed; the meaning of each is in ``unicode_tables.txt.gz``."""

    whitespace: frozenset[str]
    removed: frozenset[str]
    ideographs: frozenset[str]
    punctuation: frozenset[str]
    accents: frozenset[str]
    combining_classes: dict[str, int]
    decompositions: dict[str, str]
    lower_case: dict[str, str]

    def decompose(self, char: str) -> str:
        """Canonical decomposition of a character."""
        index = ord(char) - _HANGUL_FIRST
        if 0 <= index < _HANGUL_COUNT:
            lead, rest = divmod(index, _VOWEL_COUNT * _TAIL_COUNT)
            vowel, tail = divmod(rest, _TAIL_COUNT)
            syllable = chr(_LEAD_FIRST + lead) + chr(_VOWEL_FIRST + vowel)
            return syllable + chr(_TAIL_FIRST + tail) if tail else syllable
        return self.decompositions.get(char, char)


@lru_cache(maxsize=1)
def tables() -> Tables:
    """Parse the tables, once."""
    return Tables(
        whitespace=parse_ranges(table("WHITESPACE")),
        removed=parse_ranges(table("REMOVED")),
        ideographs=parse_ranges(table("IDEOGRAPHS")),
        punctuation=parse_ranges(table("PUNCTUATION")),
        accents=parse_ranges(table("ACCENTS")),
        combining_classes=parse_classes(table("COMBINING_CLASSES")),
        decompositions=parse_mapping(table("DECOMPOSITIONS")),
        lower_case=parse_mapping(table("LOWER_CASE")),
    )


class _Step(NamedTuple):
    """What becomes of one character when its neighbours do not matter.

    Attributes:
        result: The characters that it becomes; none if it is removed.
        first_class: Combining class of the first character of its decomposition.
        last_class: Combining class of the last one. Both are 0 without decomposition.
        transparent: Whether it is removed before decomposition, so that marks see each other across it.
    """

    result: str
    first_class: int
    last_class: int
    transparent: bool


class Normalizer:
    """The BERT normaliser.

    Args:
        do_lower_case: Lower-case the text.
        strip_accents: Decompose characters and remove their accents.
        tokenize_chinese_chars: Put a space on either side of each CJK ideograph.
    """

    def __init__(self, *, do_lower_case: bool, strip_accents: bool, tokenize_chinese_chars: bool) -> None:
        self._tables = tables()
        self._lower = self._tables.lower_case if do_lower_case else {}
        self._strip = strip_accents
        self._ideographs = self._tables.ideographs if tokenize_chinese_chars else frozenset()
        self._steps: dict[str, _Step] = {}

    def normalize(self, text: str) -> tuple[str, list[int]]:
        """Normalise a text.

        Returns:
            The normalised text, and for each character of it the index of the character of ``text`` that
            it comes from.
        """
        parts: list[str] = []
        sources: list[int] = []
        previous_class = 0
        for index, char in enumerate(text):
            step = self._steps.get(char) or self._learn(char)
            if 0 < step.first_class < previous_class:
                return self._normalize_with_reordering(text)
            if not step.transparent:
                previous_class = step.last_class
            parts.append(step.result)
            sources += [index] * len(step.result)
        return "".join(parts), sources

    def _learn(self, char: str) -> _Step:
        spaced = self._clean(char)
        if not spaced:
            step = _Step("", 0, 0, transparent=True)
        elif not self._strip:
            step = _Step("".join(self._lower.get(part, part) for part in spaced), 0, 0, transparent=False)
        else:
            decomposed = "".join(map(self._tables.decompose, spaced))
            classes = [self._tables.combining_classes.get(part, 0) for part in decomposed]
            result = "".join(map(self._finish, decomposed))
            step = _Step(result, classes[0], classes[-1], transparent=False)
        self._steps[char] = step
        return step

    def _clean(self, char: str) -> str:
        """A character before decomposition: nothing, a space, itself, or itself between spaces."""
        if char in self._tables.removed:
            return ""
        if char in self._tables.whitespace:
            return " "
        return f" {char} " if char in self._ideographs else char

    def _finish(self, char: str) -> str:
        """A character after decomposition, without accents and in lower case."""
        return "" if char in self._tables.accents else self._lower.get(char, char)

    def _normalize_with_reordering(self, text: str) -> tuple[str, list[int]]:
        """Normalise a text in which marks stand out of their canonical order.

        Marks are sorted by class. The norm then counts off the characters of the text: each one that is
        not an addition of a decomposition takes the next index, in the order after sorting.
        """
        origins: list[int] = []
        units: list[tuple[int, str, bool]] = []
        for index, char in enumerate(text):
            for spaced in self._clean(char):
                origins.append(index)
                for place, part in enumerate(self._tables.decompose(spaced)):
                    units.append((self._tables.combining_classes.get(part, 0), part, place > 0))
        _sort_marks(units)
        parts: list[str] = []
        sources: list[int] = []
        position = -1
        for _, char, added in units:
            position += not added
            result = self._finish(char)
            parts.append(result)
            sources += [origins[position]] * len(result)
        return "".join(parts), sources


def _sort_marks(units: list[tuple[int, str, bool]]) -> None:
    """Sort each run of characters whose class is not 0 by class, keeping the order of equals."""
    start = 0
    for stop in range(len(units) + 1):
        if stop == len(units) or units[stop][0] == 0:
            units[start:stop] = sorted(units[start:stop], key=lambda unit: unit[0])
            start = stop + 1

"""Spans of characters, as annotation tools give them, to tags of words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

_WORD = re.compile(r"\w+|[^\w\s]")
_LETTER = "a"
_JOINED = ("Mn", "Mc", "Me", "Cf")
"""Categories of what stands in words and is no letter: accents, vowel signs, joiners, soft hyphens."""


class CharacterSpan(NamedTuple):
    """An entity in a text.

    Attributes:
        start: Its first character.
        end: The character after its last one.
        label: Its type.
    """

    start: int
    end: int
    label: str


def tagged(text: str, spans: Sequence[CharacterSpan]) -> tuple[list[str], list[str]]:
    """Cut a text into words, also where a span begins or ends, and tag them (IOB2).

    Where spans overlap, the first one is tagged.

    Returns:
        The words, and a tag for each: ``B-`` or ``I-`` with the label, or ``O``.
    """
    cuts = sorted({0, len(text), *(span.start for span in spans), *(span.end for span in spans)})
    tokens, tags = [], []
    begun: set[int] = set()
    for start, end in pairwise(cuts):
        inside = [n for n, span in enumerate(spans) if span.start <= start and end <= span.end]
        for word in _words(text[start:end]):
            tokens.append(word)
            tags.append(f"{'I' if inside[0] in begun else 'B'}-{spans[inside[0]].label}" if inside else "O")
            begun.update(inside[:1])
    return tokens, tags


def _words(text: str) -> list[str]:
    letters = text
    if not text.isascii():
        letters = "".join(_LETTER if unicodedata.category(char) in _JOINED else char for char in text)
    return [text[found.start() : found.end()] for found in _WORD.finditer(letters)]

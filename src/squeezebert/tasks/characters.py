"""Places in a text where no character is torn from what belongs to it."""

from __future__ import annotations

import unicodedata

_MARKS = ("Mn", "Mc")


def after_marks(text: str, end: int) -> int:
    """The place behind the accents and other marks that follow on a character, to which they belong.

    Tokens of lower-cased texts have none, so they end before a mark that stands for itself, as in text that
    macOS has written.
    """
    while end < len(text) and unicodedata.category(text[end]) in _MARKS:
        end += 1
    return end

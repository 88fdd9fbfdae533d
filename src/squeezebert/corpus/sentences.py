"""Where an English sentence ends: a few rules, no model."""

from __future__ import annotations

import re

# A stop with the quotes and brackets that close behind it, white space, and what opens the next sentence.
# It and words are looked for from their first character only: from each one, the time for long rows of dots
# or for a word of 50,000 characters, as encoded pictures are, would grow with the square of their length.
_END = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’»)\]]*(?P<gap>\s+)(?=(?P<opening>[\"'“‘«(\[]*)(?P<next>[^\W_]))")
_LAST_WORD = re.compile(r"(?<![^\s\"'“‘«(\[])[^\s\"'“‘«(\[]+$")

# Longer ones are none of these, nor initials.
_LONGEST_WORD = 64

# A name or a number follows these, never a new sentence.
_BEFORE_NAME = frozenset(
    {
        "adm", "al", "brig", "capt", "cf", "cmdr", "col", "cpl", "dr", "e.g", "fr", "gen", "gov", "hon",
        "i.e",
        "lt", "maj", "messrs", "mlle", "mme", "mr", "mrs", "ms", "mt", "ofc", "prof", "rep", "rev", "sen",
        "sgt",
        "sr", "st", "ste", "supt", "viz", "vs",
    }
)  # fmt: skip
_BEFORE_NUMBER = frozenset(
    {
        "apr", "art", "aug", "c", "ca", "ch", "chap", "cl", "dec", "feb", "fig", "figs", "fl", "jan", "jul",
        "jun", "mar", "no", "nos", "nov", "nr", "oct", "op", "p", "pp", "pt",
        "sec", "sep", "sept", "vol", "vols",
    }
)  # fmt: skip
# "J." and "U.S.": more often within a name than at the end of a sentence.
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")


def split_sentences(text: str) -> list[str]:
    """Cut a paragraph into sentences.

    A sentence ends at ``.``, ``!``, ``?`` or ``…`` before white space and a capital letter or a digit, unless
    the word before the stop is a title, an initial, or an abbreviation that a number follows.

    Returns:
        The sentences without white space around them; joined by spaces they are the text, but for its white
        space. None is empty.
    """
    sentences, start = [], 0
    for match in _END.finditer(text):
        # Of what is before the stop, the end: the whole sentence may be a long list of abbreviations.
        stop = match.start() + 1
        before = text[max(start, stop - _LONGEST_WORD) : stop]
        if _begins(match["next"]) and not _is_abbreviation(before, match["next"]):
            sentences.append(text[start : match.start("gap")])
            start = match.end("gap")
    sentences.append(text[start:])
    return [sentence.strip() for sentence in sentences if sentence.strip()]


def _begins(character: str) -> bool:
    # Scripts without capitals have no other sign than the stop.
    return not character.islower()


def _is_abbreviation(before: str, following: str) -> bool:
    """Whether the stop that ends ``before`` belongs to its last word."""
    if before[-1] != ".":
        return False
    found = _LAST_WORD.search(before[:-1])
    word = found[0] if found else ""
    if _INITIALS.fullmatch(word) and word.isupper() and word != "I":
        return True
    lower = word.lower()
    return lower in _BEFORE_NAME or (following.isdigit() and lower in _BEFORE_NUMBER)

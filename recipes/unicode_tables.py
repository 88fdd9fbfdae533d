"""Write src/squeezebert/tokenization/unicode_tables.txt.gz from what the Rust library `tokenizers` does.

The tables are observed, one character at a time, and not taken from Python's `unicodedata`, whose Unicode
version changes with Python's. Run it again when a new release of `tokenizers` becomes the norm:

    python recipes/unicode_tables.py
"""

from __future__ import annotations

import argparse
import gzip
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import tokenizers
from tokenizers.normalizers import NFD, BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

TARGET = Path(__file__).parents[1] / "src/squeezebert/tokenization/unicode_tables.txt.gz"
CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
HANGUL_SYLLABLES = range(0xAC00, 0xD7A4)


def bert_step(name: str) -> Callable[[str], str]:
    """One of the four steps of the BERT normaliser, alone."""
    steps = dict.fromkeys(("clean_text", "handle_chinese_chars", "strip_accents", "lowercase"), False)
    return BertNormalizer(**{**steps, name: True}).normalize_str


def between_letters(step: Callable[[str], str], char: str) -> str:
    return step(f"x{char}x")[1:-1]


def ranges(chars: Iterable[str]) -> str:
    """Code points as "first-last first-last …", in hexadecimal."""
    found: list[list[int]] = []
    for code in map(ord, chars):
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return " ".join(f"{first:X}" if first == last else f"{first:X}-{last:X}" for first, last in found)


def mapping(pairs: dict[str, str]) -> str:
    """A mapping as "key: value value …", the key being that of the first value; the next ones follow on.

    A key "." is that of the last value but one further, and a value "." as far from its key as the last one,
    which nearly all letters of small case are: repeated, they take no room when they are compressed.
    """
    parts = []
    previous, last = -3, 0
    for key, value in pairs.items():
        if ord(key) != previous + 1:
            parts.append(".:" if ord(key) == previous + 2 else f"{ord(key):X}:")
        far = ord(value) - ord(key) if len(value) == 1 else 0
        parts.append("." if far and far == last else "+".join(f"{ord(char):X}" for char in value))
        previous, last = ord(key), far
    return " ".join(parts)


def combining_classes() -> Iterator[tuple[int, list[str]]]:
    """Characters by canonical combining class, found by which marks they change places with."""
    order = NFD().normalize_str
    low, high = "\u0334", "\u0345"  # the lowest and the highest class

    def swap(first: str, second: str) -> bool:
        return order(first + second) == second + first != first + second

    marks = [char for char in CHARACTERS if swap(high, char) or swap(char, low)]
    probes = {unicodedata.combining(mark): mark for mark in marks if unicodedata.combining(mark)}
    members: dict[int, list[str]] = {}
    for mark in marks:
        [own] = [
            number for number, probe in probes.items() if not swap(probe, mark) and not swap(mark, probe)
        ]
        members.setdefault(own, []).append(mark)
    yield from sorted(members.items())


def tables() -> Iterator[tuple[str, str, str]]:
    """Name, meaning and content of each table."""
    clean, lower = bert_step("clean_text"), bert_step("lowercase")
    chinese, strip = bert_step("handle_chinese_chars"), bert_step("strip_accents")
    split = BertPreTokenizer().pre_tokenize_str
    cleaned = {char: between_letters(clean, char) for char in CHARACTERS}
    yield (
        "WHITESPACE",
        "Characters that become a space.",
        ranges(char for char, result in cleaned.items() if result == " "),
    )
    yield (
        "REMOVED",
        "Characters that are removed: control, format and private ones.",
        ranges(char for char, result in cleaned.items() if not result),
    )
    yield (
        "IDEOGRAPHS",
        "Characters that get a space on either side.",
        ranges(char for char in CHARACTERS if chinese(char) != char),
    )
    yield (
        "PUNCTUATION",
        "Characters that are words of their own.",
        ranges(char for char in CHARACTERS if [part for part, _ in split(f"x{char}x")] == ["x", char, "x"]),
    )
    yield (
        "ACCENTS",
        "Characters that are removed, after decomposition, where accents are stripped.",
        ranges(char for char in CHARACTERS if not between_letters(strip, char)),
    )
    yield (
        "COMBINING_CLASSES",
        "Marks by canonical combining class, which is in decimal.",
        " ".join(f"{number}: {ranges(chars)}" for number, chars in combining_classes()),
    )
    decomposed = {char: NFD().normalize_str(char) for char in CHARACTERS if ord(char) not in HANGUL_SYLLABLES}
    yield (
        "DECOMPOSITIONS",
        "Canonical decompositions in full; Hangul syllables follow a rule.",
        mapping({char: result for char, result in decomposed.items() if result != char}),
    )
    lowered = {char: between_letters(lower, char) for char in CHARACTERS}
    yield (
        "LOWER_CASE",
        "Lower-case letters, without regard to context.",
        mapping({char: result for char, result in lowered.items() if result != char}),
    )


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    parts = [
        "# Unicode as the Rust library `tokenizers` sees it, observed of tokenizers "
        f"{tokenizers.__version__} by recipes/unicode_tables.py.\n"
        '# Numbers are hexadecimal code points; a-b is a range, "a: b c+d" says that a becomes b and a + 1 '
        "becomes c\n# followed by d; a point for b is as far from a as the last one was, "
        '".:" is a + 2 after a.\n'
    ]
    for name, meaning, content in tables():
        lines = textwrap.fill(content, 108, break_on_hyphens=False)
        parts.append(f"## {name}: {meaning}\n{lines}\n")
    # The same tables are the same bytes: no time is written.
    TARGET.write_bytes(gzip.compress("\n".join(parts).encode("ascii"), mtime=0))


if __name__ == "__main__":
    main()

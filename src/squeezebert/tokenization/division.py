"""Texts to pieces in pure Python: white space, added tokens, words, and WordPiece."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from squeezebert.tokenization.encoding import Offset
from squeezebert.tokenization.normalizer import Normalizer, parse_ranges, tables
from squeezebert.tokenization.unicode_tables import table
from squeezebert.tokenization.vocabulary import Vocabulary

MAX_WORD_LENGTH = 100

# Enough for the words of a large corpus; 30 to 50 MB when full.
_CACHE_SIZE = 2**16
_CACHED_LENGTH = 48

# Words of printable ASCII. The pattern for all of Unicode takes 5 ms to compile.
_ASCII_WORDS = re.compile(r"[!-/:-@\[-`{-~]|[0-9A-Za-z]+")


@dataclass
class WordPieces:
    """A text divided into pieces: id, characters (start, end) and index of the word of each."""

    ids: list[int] = field(default_factory=list)
    offsets: list[Offset] = field(default_factory=list)
    word_ids: list[int | None] = field(default_factory=list)
    words: int = 0


class _Chunk(NamedTuple):
    """The pieces of a run of characters without white space; offsets and words count from its start."""

    ids: list[int]
    offsets: list[Offset]
    word_ids: list[int]
    words: int


class Divider:
    """Divides texts as `tokenizers` does, without native code and without knowledge of `unicodedata`.

    Args:
        vocabulary: Pieces and added tokens; changes after this are not seen.
        do_lower_case: Lower-case the text.
        strip_accents: Remove accents; None for the same as ``do_lower_case``.
        tokenize_chinese_chars: Make each CJK ideograph a word.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        do_lower_case: bool,
        strip_accents: bool | None,
        tokenize_chinese_chars: bool,
    ) -> None:
        self._lowers = do_lower_case
        self._strips = do_lower_case if strip_accents is None else strip_accents
        self._tokenizes_chinese = tokenize_chinese_chars
        self._spaces = _char_class(parse_ranges(table("WHITESPACE")))
        self._find_chunks = re.compile(f"[^{self._spaces}]+").finditer
        self._pieces = vocabulary.piece_ids
        self._unk_id = self._pieces[vocabulary.specials["unk_token"]]
        self._cache: dict[str, _Chunk] = {}
        added = vocabulary.added.values()
        self._written: dict[str, int] = {}
        self._normalized: dict[str, int] = {}
        for token in sorted(added, key=lambda token: not token.special):
            content = self._normalizer.normalize(token.content)[0] if token.normalized else ""
            if content:
                self._normalized.setdefault(content, vocabulary.ids[token.content])
            else:
                self._written[token.content] = vocabulary.ids[token.content]
        self._find_written = _any_of(self._written).finditer
        self._find_normalized = _any_of(self._normalized).finditer

    # The next two read the tables of Unicode, which takes 0.1 s; texts in ASCII do without.

    @cached_property
    def _normalizer(self) -> Normalizer:
        return Normalizer(
            do_lower_case=self._lowers,
            strip_accents=self._strips,
            tokenize_chinese_chars=self._tokenizes_chinese,
        )

    @cached_property
    def _words(self) -> re.Pattern[str]:
        marks = _char_class(tables().punctuation)
        return re.compile(f"[{marks}]|[^{marks}{self._spaces}]+")

    def divide_words(self, words: Sequence[str]) -> WordPieces:
        """Divide a text that is given as a list of words; offsets count from the start of each word."""
        result = WordPieces()
        for index, word in enumerate(words):
            pieces = self.divide(word)
            result.ids += pieces.ids
            result.offsets += pieces.offsets
            result.word_ids += [index] * len(pieces.ids)
        return result

    def divide(self, text: str) -> WordPieces:
        """Divide a text."""
        result = WordPieces()
        divide = self._divide_normalized if self._normalized else self._divide_chunks
        position = 0
        for match in self._find_written(text):
            divide(text[position : match.start()], position, result)
            _append_added(result, self._written[match.group()], match.span())
            position = match.end()
        divide(text[position:] if position else text, position, result)
        return result

    def _divide_chunks(self, text: str, shift: int, result: WordPieces) -> None:
        """Divide a text at white space, and its chunks with the help of the cache."""
        ids, offsets, word_ids = result.ids, result.offsets, result.word_ids
        words = result.words
        for match in self._find_chunks(text):
            written = match.group()
            chunk = self._cache.get(written)
            if chunk is None:
                chunk = self._learn(written)
            ids += chunk.ids
            start = match.start() + shift
            if len(chunk.ids) == 1:
                [(first, last)] = chunk.offsets
                offsets.append((start + first, start + last))
                word_ids.append(words)
            else:
                offsets += [(start + first, start + last) for first, last in chunk.offsets]
                word_ids += [words + word for word in chunk.word_ids]
            words += chunk.words
        result.words = words

    def _learn(self, written: str) -> _Chunk:
        words = _ASCII_WORDS
        if written.isascii() and written.isprintable():
            sources: Sequence[int] = range(len(written))
            text = written.lower() if self._lowers else written
        else:
            text, sources = self._normalizer.normalize(written)
            words = self._words
        result = WordPieces()
        self._append_words(words, text, sources, 0, result)
        chunk = _Chunk(result.ids, result.offsets, [word or 0 for word in result.word_ids], result.words)
        if len(written) <= _CACHED_LENGTH:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[written] = chunk
        return chunk

    def _divide_normalized(self, written: str, shift: int, result: WordPieces) -> None:
        """Divide a text at the added tokens that are looked for in the normalised text."""
        text, sources = self._normalizer.normalize(written)
        position = 0
        for match in self._find_normalized(text):
            start, stop = match.span()
            self._append_words(self._words, text[position:start], sources[position:start], shift, result)
            span = (sources[start] + shift, sources[stop - 1] + 1 + shift)
            _append_added(result, self._normalized[match.group()], span)
            position = stop
        self._append_words(self._words, text[position:], sources[position:], shift, result)

    def _append_words(
        self, words: re.Pattern[str], text: str, sources: Sequence[int], shift: int, result: WordPieces
    ) -> None:
        """Divide a normalised text into words, and the words into pieces."""
        for match in words.finditer(text):
            begin = match.start()
            for index, start, stop in self._spell(match.group()):
                result.ids.append(index)
                span = (sources[begin + start] + shift, sources[begin + stop - 1] + 1 + shift)
                result.offsets.append(span)
                result.word_ids.append(result.words)
            result.words += 1

    def _spell(self, word: str) -> list[tuple[int, int, int]]:
        """Spell a word with the longest pieces from the left: id, start and end of each.

        A word that cannot be spelled, or is longer than ``MAX_WORD_LENGTH``, is one unknown piece.
        """
        length = len(word)
        unknown = [(self._unk_id, 0, length)]
        if length > MAX_WORD_LENGTH:
            return unknown
        pieces = self._pieces
        found = []
        start = 0
        while start < length:
            prefix = "##" if start else ""
            stop = length
            while stop > start:
                index = pieces.get(prefix + word[start:stop])
                if index is not None:
                    break
                stop -= 1
            else:
                return unknown
            found.append((index, start, stop))
            start = stop
        return found


def _append_added(result: WordPieces, index: int, span: Offset) -> None:
    result.ids.append(index)
    result.offsets.append(span)
    result.word_ids.append(result.words)
    result.words += 1


def _char_class(chars: Iterable[str]) -> str:
    """The inside of a character class, in ranges: `re` tests those beyond U+FFFF one by one."""
    runs: list[list[int]] = []
    for code in sorted(map(ord, chars)):
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(f"\\U{first:08X}-\\U{last:08X}" for first, last in runs)


def _any_of(contents: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds the leftmost token and, of those that begin there, the longest."""
    longest_first = sorted(contents, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

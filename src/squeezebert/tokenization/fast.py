"""The tokenizer on the Rust library `tokenizers`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from squeezebert.errors import TokenizerError
from squeezebert.tokenization.assembly import Pieces
from squeezebert.tokenization.base import BaseTokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from squeezebert.tokenization.division import Divider

PYTHON_CHARACTERS = 8192
"""So many are divided in Python first, in a third of the time that setting up the library takes."""
_PAIR = 2
_KEPT, _LONGEST_KEPT = 4, 100_000
"""Texts that are kept divided, a question, its context, and those that came between; and their characters."""


class SqueezeBertTokenizerFast(BaseTokenizer):
    """WordPiece tokenizer on the Rust library `tokenizers`; batches are divided among the cores.

    The library is set up when there is more to divide than a few short texts in ASCII; see
    ``PYTHON_CHARACTERS``.

    Same interface and same results as `SqueezeBertTokenizer`.
    """

    is_fast = True

    def _prepare(self) -> None:
        vocabulary = self._vocabulary
        self._characters_left = PYTHON_CHARACTERS
        self._kept: dict[str, Pieces] = {}
        # Where a piece stands twice, the library may be unable to give added tokens their ids, which it says.
        is_double = len(vocabulary.piece_ids) < len(vocabulary.pieces)
        self._library = self._set_up() if is_double else None
        # Tokens looked for in normalised text would take Python's tables of Unicode.
        is_looked_for = any(token.normalized for token in vocabulary.added.values())
        self._divider = None if is_double or is_looked_for else self._make_divider()

    def _rust(self) -> Tokenizer:
        """The library's tokenizer, set up when it is first asked for."""
        if self._library is None:
            self._library = self._set_up()
        return self._library

    def _set_up(self) -> Tokenizer:
        # Imported here: a process that answers one short text does without.
        from tokenizers import AddedToken, Tokenizer
        from tokenizers.models import WordPiece
        from tokenizers.normalizers import BertNormalizer
        from tokenizers.pre_tokenizers import BertPreTokenizer

        # As `store.describe` says it, but from objects: its JSON takes three times as long, and more memory.
        vocabulary = self._vocabulary
        library = Tokenizer(
            WordPiece(
                vocabulary.piece_ids,
                unk_token=vocabulary.specials["unk_token"],
                max_input_chars_per_word=100,
                continuing_subword_prefix="##",
            )
        )
        library.normalizer = BertNormalizer(
            clean_text=True,
            handle_chinese_chars=self.tokenize_chinese_chars,
            strip_accents=self.strip_accents,
            lowercase=self.do_lower_case,
        )
        library.pre_tokenizer = BertPreTokenizer()
        # In as few calls as their order allows: after each, the library prepares its search for all of them.
        ordered = sorted(vocabulary.added.values(), key=lambda token: vocabulary.ids[token.content])
        for special, tokens in groupby(ordered, key=lambda token: token.special):
            add = library.add_special_tokens if special else library.add_tokens
            # One of which normalising leaves nothing would be found everywhere.
            add(
                [
                    AddedToken(
                        t.content,
                        normalized=t.normalized and library.normalizer.normalize_str(t.content) != "",
                        special=special,
                    )
                    for t in tokens
                ]
            )
        for token in ordered:
            identity = vocabulary.ids[token.content]
            if library.token_to_id(token.content) != identity:
                raise TokenizerError(
                    f"the added token {token.content!r} cannot have id {identity}, because the vocabulary "
                    "holds a piece twice; remove the double, or use SqueezeBertTokenizer"
                )
        return library

    def _divide(self, texts: Sequence[str]) -> list[Pieces]:
        if divider := self._divider_for(texts):
            return [divider.divide(text) for text in texts]
        if len(texts) <= _PAIR:
            return [self._divide_once(text) for text in texts]
        return list(self._rust().encode_batch(list(texts), add_special_tokens=False))

    def _divide_once(self, text: str) -> Pieces:
        """Divide a text, if it is none of the last few: one context may have many questions."""
        kept = self._kept
        pieces = kept.get(text)
        if pieces is None:
            # A batch of one: unlike `encode`, it lets other threads run meanwhile.
            [pieces] = self._rust().encode_batch([text], add_special_tokens=False)
        if len(text) > _LONGEST_KEPT:
            return pieces
        others = [item for item in kept.items() if item[0] != text]
        # A new dictionary, never changed: other threads may be reading the old one.
        self._kept = dict([*others[1 - _KEPT :], (text, pieces)])
        return pieces

    def _divide_words(self, texts: Sequence[Sequence[str]]) -> list[Pieces]:
        if divider := self._divider_for([word for words in texts for word in words]):
            return [divider.divide_words(words) for words in texts]
        return list(
            self._rust().encode_batch(
                [list(words) for words in texts], is_pretokenized=True, add_special_tokens=False
            )
        )

    def _divider_for(self, texts: Sequence[str]) -> Divider | None:
        """What is done with texts before the library would be set up; None once it is."""
        if self._library is not None:
            return None
        self._characters_left -= sum(map(len, texts))
        return self._divider if self._characters_left >= 0 and all(map(str.isascii, texts)) else None

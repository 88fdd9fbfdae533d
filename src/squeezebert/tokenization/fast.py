"""The tokenizer on the Rust library `tokenizers`."""

from __future__ import annotations

from collections.abc import Sequence

import tokenizers
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from squeezebert.errors import TokenizerError
from squeezebert.tokenization.assembly import Pieces
from squeezebert.tokenization.base import BaseTokenizer
from squeezebert.tokenization.vocabulary import AddedToken


class SqueezeBertTokenizerFast(BaseTokenizer):
    """WordPiece tokenizer on the Rust library `tokenizers`; batches are divided among the cores.

    Same interface and same results as `SqueezeBertTokenizer`.
    """

    is_fast = True

    def _prepare(self) -> None:
        # As `store.describe` says it, but from objects: its JSON takes three times as long, and more memory.
        vocabulary = self._vocabulary
        self._rust = Tokenizer(
            WordPiece(
                vocabulary.piece_ids,
                unk_token=vocabulary.specials["unk_token"],
                max_input_chars_per_word=100,
                continuing_subword_prefix="##",
            )
        )
        self._rust.normalizer = BertNormalizer(
            clean_text=True,
            handle_chinese_chars=self.tokenize_chinese_chars,
            strip_accents=self.strip_accents,
            lowercase=self.do_lower_case,
        )
        self._rust.pre_tokenizer = BertPreTokenizer()
        for token in sorted(vocabulary.added.values(), key=lambda token: vocabulary.ids[token.content]):
            self._add(token, vocabulary.ids[token.content])

    def _add(self, token: AddedToken, identity: int) -> None:
        add = self._rust.add_special_tokens if token.special else self._rust.add_tokens
        add([tokenizers.AddedToken(token.content, normalized=token.normalized, special=token.special)])
        if self._rust.token_to_id(token.content) != identity:
            raise TokenizerError(
                f"the added token {token.content!r} cannot have id {identity}, because "
                "the vocabulary holds a piece twice; remove the double, or use SqueezeBertTokenizer"
            )

    def _divide(self, texts: Sequence[str]) -> list[Pieces]:
        return list(self._rust.encode_batch(list(texts), add_special_tokens=False))

    def _divide_words(self, texts: Sequence[Sequence[str]]) -> list[Pieces]:
        return list(
            self._rust.encode_batch(
                [list(words) for words in texts], is_pretokenized=True, add_special_tokens=False
            )
        )

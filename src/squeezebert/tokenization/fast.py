"""The tokenizer on the Rust library `tokenizers`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tokenizers import Tokenizer

from squeezebert.errors import TokenizerError
from squeezebert.tokenization.assembly import Pieces
from squeezebert.tokenization.base import BaseTokenizer
from squeezebert.tokenization.store import describe


class SqueezeBertTokenizerFast(BaseTokenizer):
    """WordPiece tokenizer on the Rust library `tokenizers`; batches are divided among the cores.

    Same interface and same results as `SqueezeBertTokenizer`.
    """

    is_fast = True

    def _prepare(self) -> None:
        description = json.dumps(describe(self._vocabulary, self._options()))
        self._rust = Tokenizer.from_str(description)
        for content in self._vocabulary.added:
            if self._rust.token_to_id(content) != self._vocabulary.ids[content]:
                raise TokenizerError(
                    f"the added token {content!r} cannot have id {self._vocabulary.ids[content]}, because "
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

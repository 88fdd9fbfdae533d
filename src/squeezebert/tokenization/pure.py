"""The tokenizer in pure Python."""

from __future__ import annotations

from collections.abc import Sequence

from squeezebert.tokenization.base import BaseTokenizer
from squeezebert.tokenization.division import WordPieces


class SqueezeBertTokenizer(BaseTokenizer):
    """WordPiece tokenizer in pure Python, without native code.

    Same interface and same results as `SqueezeBertTokenizerFast`.
    """

    def _prepare(self) -> None:
        self._divider = self._make_divider()

    def _divide(self, texts: Sequence[str]) -> list[WordPieces]:
        return [self._divider.divide(text) for text in texts]

    def _divide_words(self, texts: Sequence[Sequence[str]]) -> list[WordPieces]:
        return [self._divider.divide_words(words) for words in texts]

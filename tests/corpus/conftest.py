"""A tokenizer of few pieces, and text of its words."""

import pytest

from squeezebert.tokenization import SqueezeBertTokenizerFast

WORDS = ["the", "tea", "is", "hot", "cold", "we", "drink"]
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *"abcdefg", "##a", "##b", "##c", "."]


@pytest.fixture(scope="session")
def tokenizer():
    return SqueezeBertTokenizerFast(PIECES)

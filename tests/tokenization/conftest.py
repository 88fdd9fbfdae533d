"""The tokenizers under test, and the one of transformers 5 that is the norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from transformers import BertTokenizer

from squeezebert.files import EMBEDDED
from squeezebert.tokenization import SqueezeBertTokenizer, SqueezeBertTokenizerFast
from squeezebert.tokenization.base import BaseTokenizer

VOCAB = EMBEDDED / "mini" / "vocab.txt"
CLASSES = (SqueezeBertTokenizer, SqueezeBertTokenizerFast)

# Each option of the normaliser changes what the others see.
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"do_lower_case": False},
    {"strip_accents": False},
    {"do_lower_case": False, "strip_accents": True},
    {"tokenize_chinese_chars": False},
)


def make_reference(**options: Any) -> Any:
    """The tokenizer of transformers with the same vocabulary."""
    pieces = VOCAB.read_text(encoding="utf-8").splitlines()
    vocab = {piece: index for index, piece in enumerate(pieces)}
    return BertTokenizer(vocab=vocab, **{"model_max_length": 512, **options})


@pytest.fixture(scope="package", autouse=True)
def rust_from_the_first_text() -> Iterator[None]:
    """Else the texts of tests, few and short, would be divided in Python by both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("squeezebert.tokenization.fast.PYTHON_CHARACTERS", -1)
        yield


@pytest.fixture(scope="session")
def reference() -> Any:
    return make_reference()


@pytest.fixture(scope="package")
def pure() -> SqueezeBertTokenizer:
    return SqueezeBertTokenizer(VOCAB)


@pytest.fixture(scope="package")
def fast() -> SqueezeBertTokenizerFast:
    return SqueezeBertTokenizerFast(VOCAB)


@pytest.fixture(scope="package", params=CLASSES, ids=["pure", "fast"])
def tokenizer(request: pytest.FixtureRequest) -> BaseTokenizer:
    """Each of the two; tests must not change it."""
    made: BaseTokenizer = request.param(VOCAB)
    return made

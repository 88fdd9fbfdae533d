"""The Rust tokenizer is what its saved description says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from squeezebert.tokenization import AddedToken, SqueezeBertTokenizerFast

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "a", "##b", "é"]
ADDED = (
    AddedToken("Foo Bar"),
    AddedToken("<x>", special=True, normalized=False),
    AddedToken("Z", normalized=False),
)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"do_lower_case": False, "tokenize_chinese_chars": False},
        {"strip_accents": False, "added_tokens": ADDED},
        {"strip_accents": True, "mask_token": "<mask>", "unk_token": "hello"},
    ],
)
def test_it_equals_the_description_that_it_saves(options: dict[str, Any], tmp_path: Path) -> None:
    made = SqueezeBertTokenizerFast(PIECES, **options)
    made.save_pretrained(tmp_path)
    described = json.loads(Tokenizer.from_file(str(tmp_path / "tokenizer.json")).to_str())
    found = json.loads(made._rust.to_str())
    for part in ("added_tokens", "normalizer", "pre_tokenizer", "model"):
        assert found[part] == described[part], part

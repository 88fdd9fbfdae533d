"""The Rust tokenizer is what its saved description says, and is not set up for a few short texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from squeezebert.errors import TokenizerError
from squeezebert.tokenization import AddedToken, SqueezeBertTokenizerFast
from tests.tokenization.conftest import VOCAB

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
    found = json.loads(made._rust().to_str())
    for part in ("added_tokens", "normalizer", "pre_tokenizer", "model"):
        assert found[part] == described[part], part


BUDGET = 100
ascii_texts = st.lists(
    st.characters(max_codepoint=127) | st.sampled_from([" ", "the ", "[MASK]", "[cls]", "unaffable", "##s"]),
    max_size=30,
).map("".join)


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("squeezebert.tokenization.fast.PYTHON_CHARACTERS", BUDGET)


def is_set_up(tokenizer: SqueezeBertTokenizerFast) -> bool:
    return tokenizer._library is not None


@pytest.mark.parametrize("lower", [True, False])
def test_first_texts_are_divided_as_later_ones(lower: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    later = SqueezeBertTokenizerFast(VOCAB, do_lower_case=lower)
    monkeypatch.setattr("squeezebert.tokenization.fast.PYTHON_CHARACTERS", 10**9)
    first = SqueezeBertTokenizerFast(VOCAB, do_lower_case=lower)

    @settings(max_examples=150, deadline=None)
    @given(text=ascii_texts, words=st.lists(ascii_texts, max_size=5))
    @example(text="tabs\tand\x0blines\r\n\x00\x7f", words=["", "[SEP]", "a-b"])
    def check(text: str, words: list[str]) -> None:
        for split, value in ((False, text), (True, words)):
            ours, theirs = (
                made(value, is_split_into_words=split, return_offsets_mapping=True) for made in (first, later)
            )
            assert ours.data == theirs.data
            assert ours.word_ids() == theirs.word_ids()

    check()
    assert is_set_up(later)
    assert not is_set_up(first)


@pytest.mark.usefixtures("budget")
def test_many_texts_set_it_up() -> None:
    tokenizer = SqueezeBertTokenizerFast(VOCAB)
    for text in ("a" * BUDGET, ""):
        tokenizer(text)
        assert not is_set_up(tokenizer)
    tokenizer("b")
    assert is_set_up(tokenizer)


@pytest.mark.usefixtures("budget")
def test_what_needs_unicode_sets_it_up() -> None:
    """Python would have to read its tables first, which takes longer."""
    tokenizer = SqueezeBertTokenizerFast(VOCAB)
    assert tokenizer.tokenize("Zürich") == ["zurich"]
    assert is_set_up(tokenizer)


@pytest.mark.usefixtures("budget")
def test_a_token_looked_for_in_normalised_text_sets_it_up() -> None:
    tokenizer = SqueezeBertTokenizerFast(PIECES)
    tokenizer("hello")
    tokenizer.add_tokens(["Foo Bar"])
    assert tokenizer.tokenize("hello foo  BAR foo bar")[-1] == "Foo Bar"
    assert is_set_up(tokenizer)


@pytest.mark.usefixtures("budget")
def test_an_added_token_without_its_id_is_found_before_any_text() -> None:
    with pytest.raises(
        TokenizerError, match="'<x>' cannot have id 10, because the vocabulary holds a piece twice"
    ):
        SqueezeBertTokenizerFast([*PIECES, "hello"], added_tokens=[AddedToken("<x>")])


def test_many_added_tokens_are_given_to_the_library_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """It prepares a search for all of them after each call: 10,000 words one by one took half a minute."""
    calls: list[int] = []

    class Counting:
        def __init__(self, model: Any) -> None:
            vars(self)["library"] = Tokenizer(model)

        def __getattr__(self, name: str) -> Any:
            return getattr(vars(self)["library"], name)

        def __setattr__(self, name: str, value: Any) -> None:
            setattr(vars(self)["library"], name, value)

        def add_tokens(self, tokens: list[Any]) -> int:
            calls.append(len(tokens))
            return int(vars(self)["library"].add_tokens(tokens))

    monkeypatch.setattr("tokenizers.Tokenizer", Counting)
    words = [f"word{number}x" for number in range(30)]
    tokenizer = SqueezeBertTokenizerFast(PIECES)
    tokenizer.add_tokens(words[:20])
    tokenizer.add_tokens("<x>", special_tokens=True)
    tokenizer.add_tokens(words[20:])
    assert not calls, "each call set the library up, which takes 45 ms"
    assert tokenizer.tokenize(" ".join([*words, "<x>"])) == [*words, "<x>"]
    assert calls == [20, 10]
    assert tokenizer.convert_tokens_to_ids(["word19x", "<x>", "word20x"]) == [28, 29, 30]


def test_a_text_that_is_asked_about_again_is_divided_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = SqueezeBertTokenizerFast(VOCAB)
    library, divided = tokenizer._rust(), []

    class Counting:
        def encode_batch(self, texts: list[str], **options: bool) -> Any:
            divided.extend(texts)
            return library.encode_batch(texts, **options)

    monkeypatch.setattr(tokenizer, "_rust", Counting)
    context = "the unaffable Runners, HELLO"
    for question in ("the?", "", "runners", "hello?", "the unaffable?", "##s"):
        tokenizer.encode_windows(question)
        windows = tokenizer.encode_windows(question, context, max_length=11, stride=2)
        fresh = SqueezeBertTokenizerFast(VOCAB).encode_windows(question, context, max_length=11, stride=2)
        assert windows == fresh
    assert len(divided) == 7
    for text in map(str, range(13)):
        tokenizer.encode_windows(text)
    tokenizer.encode_windows(context)
    assert divided.count(context) == 2
    # Nothing large is kept.
    monkeypatch.setattr("squeezebert.tokenization.fast._LONGEST_KEPT", len(context) - 1)
    for _ in range(2):
        tokenizer.encode_windows(context + ".")
    assert divided.count(context + ".") == 2

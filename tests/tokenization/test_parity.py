"""Both tokenizers against the one of transformers 5, which is the norm."""

from __future__ import annotations

import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from transformers import BertTokenizer

from squeezebert.errors import TokenizerError
from squeezebert.tokenization import BatchEncoding, SqueezeBertTokenizer
from squeezebert.tokenization.base import BaseTokenizer
from tests.tokenization.conftest import CLASSES, OPTIONS, VOCAB, make_reference
from tests.tokenization.strategies import plain, texts, word_lists

COLUMNS: dict[str, Any] = {
    "return_offsets_mapping": True,
    "return_special_tokens_mask": True,
    "return_token_type_ids": True,
}
parity = settings(max_examples=120, deadline=None)


SMALL = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "b",
    "##b",
    "##a",
    "foo",
    "bar",
    "e",
    "<",
    ">",
    "s",
]


def make_small_reference() -> Any:
    return BertTokenizer(vocab={piece: index for index, piece in enumerate(SMALL)}, model_max_length=512)


def check_equal(ours: BatchEncoding, theirs: Any, rows: int) -> None:
    assert ours.data == dict(theirs)
    for row in range(rows):
        assert ours.word_ids(row) == theirs.word_ids(row)
        assert ours.sequence_ids(row) == theirs.sequence_ids(row)
        assert ours.tokens(row) == theirs.tokens(row)


@parity
@given(text=texts)
@example(text="a\u0301\u302e")
@example(text="\u0344\u0323\u0f73\u0f71")
@example(text="ΑΣ ας İI\u0307 ﬁ ẞ")
@example(text="[MASK][MASK ][SEP] [mask]")
def test_any_text(reference: Any, tokenizer: BaseTokenizer, text: str) -> None:
    check_equal(tokenizer(text, **COLUMNS), reference(text, **COLUMNS), 1)


@parity
@given(text=texts, second=texts)
def test_any_pair(reference: Any, tokenizer: BaseTokenizer, text: str, second: str) -> None:
    # As a batch, because transformers drops an empty second text outside of one.
    check_equal(tokenizer([text], [second], **COLUMNS), reference([text], [second], **COLUMNS), 1)


@parity
@given(words=word_lists)
@example(words=["Hello", "", "\u0301", "world"])
@example(words=[])
def test_any_words(reference: Any, tokenizer: BaseTokenizer, words: list[str]) -> None:
    """Empty words and words that normalise to nothing count, so that labels stay in step."""
    options = {**COLUMNS, "is_split_into_words": True}
    check_equal(tokenizer(words, **options), reference(words, **options), 1)


@pytest.mark.parametrize("options", OPTIONS[1:], ids=str)
def test_normalizer_options(options: dict[str, Any]) -> None:
    theirs = make_reference(**options)
    ours = [cls(VOCAB, **options) for cls in CLASSES]

    @settings(max_examples=60, deadline=None)
    @given(text=texts)
    def check(text: str) -> None:
        expected = theirs(text, **COLUMNS)
        for tokenizer in ours:
            check_equal(tokenizer(text, **COLUMNS), expected, 1)

    check()


@parity
@given(
    first=plain,
    second=st.none() | plain,
    truncation=st.sampled_from(["longest_first", "only_first", "only_second", "do_not_truncate"]),
    max_length=st.integers(4, 20),
    stride=st.integers(0, 6),
    overflow=st.booleans(),
    special=st.booleans(),
    side=st.sampled_from(["right", "left"]),
)
def test_truncation_and_overflow(
    reference: Any,
    tokenizer: BaseTokenizer,
    first: str,
    second: str | None,
    truncation: str,
    max_length: int,
    stride: int,
    overflow: bool,
    special: bool,
    side: str,
) -> None:
    """The same windows in the same order; what we refuse is what the norm refuses or gets wrong."""
    options = {
        **COLUMNS, "truncation": truncation, "max_length": max_length, "stride": stride,
        "return_overflowing_tokens": overflow, "add_special_tokens": special,
    }  # fmt: skip
    reference.truncation_side = tokenizer.truncation_side = side
    texts = ([first], None if second is None else [second])
    try:
        ours = tokenizer(*texts, **options)
    except TokenizerError:
        # We compare stride with the room that a pair leaves, the norm first with that of a single text.
        assert stride >= max_length - 3 or _is_refused(reference, texts, options)
        return
    finally:
        tokenizer.truncation_side = "right"
    # The norm counts special tokens here even where there are none.
    assume(special or stride < max_length - 2)
    theirs = reference(*texts, **options)
    check_equal(ours, theirs, len(theirs["input_ids"]))
    whole = len(reference(*texts, add_special_tokens=special)["input_ids"][0])
    assert ours.truncated == [truncation != "do_not_truncate" and whole > max_length]


def _is_refused(reference: Any, texts: tuple[Any, Any], options: dict[str, Any]) -> bool:
    """Whether the norm fails too, or gives rows that are longer than asked for."""
    try:
        rows = reference(*texts, **options)["input_ids"]
    except BaseException:  # the Rust library panics, which is not an Exception
        return True
    return any(len(row) > options["max_length"] for row in rows)


@parity
@given(
    batch=st.lists(plain, min_size=1, max_size=5),
    padding=st.sampled_from([False, True, "longest", "max_length"]),
    truncation=st.booleans(),
    multiple=st.sampled_from([None, 8]),
    side=st.sampled_from([None, "left", "right"]),
)
def test_padding(
    reference: Any,
    tokenizer: BaseTokenizer,
    batch: list[str],
    padding: bool | str,
    truncation: bool,
    multiple: int | None,
    side: str | None,
) -> None:
    options = {
        **COLUMNS, "padding": padding, "truncation": truncation, "max_length": 16, "padding_side": side,
        "pad_to_multiple_of": multiple, "return_length": True,
    }  # fmt: skip
    check_equal(tokenizer(batch, **options), reference(batch, **options), len(batch))


@parity
@given(ids=st.lists(st.integers(0, 30530), max_size=20), skip=st.booleans(), clean=st.booleans())
def test_decoding(reference: Any, tokenizer: BaseTokenizer, ids: list[int], skip: bool, clean: bool) -> None:
    options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": clean}
    assert tokenizer.decode(ids, **options) == reference.decode(ids, **options)


def test_decoding_of_contractions(reference: Any, tokenizer: BaseTokenizer) -> None:
    """Random ids hardly ever make the patterns that clean-up looks for."""
    text = "I'm sure, don't you ' think ' so? We've been there . They're n't mine's! do not"
    for ids in (tokenizer.encode(text), tokenizer.encode(text, add_special_tokens=False)):
        for clean in (None, True, False):
            assert tokenizer.decode(ids, clean_up_tokenization_spaces=clean) == reference.decode(
                ids, clean_up_tokenization_spaces=clean
            )


def test_every_assigned_character_between_two_letters(reference: Any, tokenizer: BaseTokenizer) -> None:
    assigned = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co") or code in (0xE000, 0xF0000, 0x10FFFD)
    ]
    assert len(assigned) > 140_000
    batch = [
        " ".join(f"a{char}b" for char in assigned[start : start + 2000])
        for start in range(0, len(assigned), 2000)
    ]
    options = {**COLUMNS, "truncation": False}
    ours, theirs = tokenizer(batch, **options), reference(batch, **options)
    for row in range(len(batch)):
        assert ours.word_ids(row) == theirs.word_ids(row)
        for name in theirs:
            assert ours[name][row] == theirs[name][row]


def test_long_words_take_linear_time(reference: Any, tokenizer: BaseTokenizer) -> None:
    """A word of a million characters, of letters, of marks and of ideographs."""
    for word in ("x" * 1_000_000, "a\u0301\u0323" * 30_000, "中" * 30_000, "." * 30_000):
        ours = tokenizer(word, **COLUMNS, truncation=False)
        theirs = reference(word, **COLUMNS, truncation=False)
        assert ours.data == dict(theirs)


@parity
@given(text=texts, tokens=st.lists(st.sampled_from(["Foo Bar", "é", "zzz", "<e>", "ab", "abz"]), unique=True))
def test_added_tokens(text: str, tokens: list[str]) -> None:
    """Tokens looked for in the normalised text, beside special ones looked for as written."""
    text = f"{text} foo  bar föo bar É<e> ABZ {text}"
    theirs = make_small_reference()
    theirs.add_tokens(tokens)
    theirs.add_special_tokens({"additional_special_tokens": ["<S>", "a<S>"]})
    expected = theirs(text, **COLUMNS)
    for cls in CLASSES:
        ours = cls(SMALL)
        ours.add_tokens(tokens)
        ours.add_special_tokens({"additional_special_tokens": ["<S>", "a<S>"]})
        encoded = ours(text, **COLUMNS)
        assert encoded.data == dict(expected)
        assert encoded.word_ids() == expected.word_ids()


def test_a_full_cache_changes_nothing(monkeypatch: pytest.MonkeyPatch, reference: Any) -> None:
    monkeypatch.setattr("squeezebert.tokenization.division._CACHE_SIZE", 3)
    tokenizer = SqueezeBertTokenizer(VOCAB)
    text = "one two three four, five. one two unaffable three"
    for _ in range(3):
        check_equal(tokenizer(text, **COLUMNS), reference(text, **COLUMNS), 1)

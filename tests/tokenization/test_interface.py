"""What users of a tokenizer rely on besides the ids."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertTokenizer
from transformers.tokenization_utils_base import TruncationStrategy

from squeezebert.errors import OptionError, TokenizerError
from squeezebert.tokenization import AddedToken, SqueezeBertTokenizer, SqueezeBertTokenizerFast
from squeezebert.tokenization.base import BaseTokenizer
from squeezebert.tokenization.vocabulary import SPECIAL_TOKENS
from tests.tokenization.conftest import CLASSES, VOCAB, make_reference

TEXT = "Unaffable cats"

# Text, and its pieces: one row per rule that surprises people.
SURPRISING = [
    ("", []),
    (" \t\n\r\u00a0\u3000", []),
    ("\ufeffHello\u200b\u00ad", ["hello"]),
    ("HÉLLO e\u0301", ["hello", "e"]),
    ("İstanbul", ["istanbul"]),
    ("ΟΔΟΣ", ["ο", "##δ", "##ο", "##σ"]),
    ("中国a", ["中", "国", "a"]),
    ("don't", ["don", "'", "t"]),
    ("[MASK].[mask]", ["[MASK]", ".", "[", "mask", "]"]),
    ("a" * 100 + "b", ["[UNK]"]),
    ("##ing", ["#", "#", "ing"]),
    ("ﬁne", ["ﬁ", "##ne"]),
    ("x\x00y\x0bz\ufffd", ["x", "##y", "##z"]),
    ("가", ["ᄀ", "##ᅡ"]),
]


@pytest.mark.parametrize(("text", "tokens"), SURPRISING)
def test_surprising_strings(tokenizer: BaseTokenizer, text: str, tokens: list[str]) -> None:
    assert tokenizer.tokenize(text) == tokens


def test_offsets_point_into_the_original(tokenizer: BaseTokenizer) -> None:
    text = "  Café\u0301s, ÜBER\u200ball 中国"
    encoded = tokenizer(text, return_offsets_mapping=True)
    parts = [text[start:end] for start, end in encoded["offset_mapping"][1:-1]]
    assert parts == ["Café\u0301s", ",", "ÜBER", "all", "中", "国"]


def test_windows_lose_nothing_and_say_so(tokenizer: BaseTokenizer) -> None:
    text = " ".join(f"word{index}" for index in range(97))
    windows = tokenizer.encode_windows("what is it", text, max_length=31, stride=7, truncation="only_second")
    assert all(len(window) <= 31 and window.truncated for window in windows)
    assert all(window.tokens[:5] == ["[CLS]", "what", "is", "it", "[SEP]"] for window in windows)
    found = {
        offset for window in windows
        for offset, sequence in zip(window.offsets, window.sequence_ids, strict=True) if sequence == 1
    }  # fmt: skip
    assert (
        sorted(found)
        == tokenizer(text, return_offsets_mapping=True, truncation=False)["offset_mapping"][1:-1]
    )
    [single] = tokenizer.encode_windows("what is it", "this")
    assert not single.truncated


def test_truncated_is_said_per_text(tokenizer: BaseTokenizer) -> None:
    encoded = tokenizer(["a", "a b c d e f"], truncation=True, max_length=5)
    assert encoded.truncated == [False, True]


def test_batch_encoding_is_a_mapping_that_models_accept(tokenizer: BaseTokenizer) -> None:
    encoded = tokenizer(TEXT)
    assert dict(**encoded) == encoded.data
    assert encoded.input_ids is encoded["input_ids"]
    assert pickle.loads(pickle.dumps(encoded)).data == encoded.data
    with pytest.raises(AttributeError, match="labels"):
        _ = encoded.labels
    encoded["labels"] = [1]
    assert encoded.pop("labels") == [1]


def test_positions_can_be_looked_up(reference: Any, tokenizer: BaseTokenizer) -> None:
    ours, theirs = tokenizer("unaffable cats", "no dogs"), reference("unaffable cats", "no dogs")
    for token in range(len(ours["input_ids"])):
        assert ours.token_to_word(token) == theirs.token_to_word(token)
        assert ours.token_to_sequence(token) == ours.sequence_ids()[token]
        if ours.sequence_ids()[token] is not None:
            assert ours.token_to_chars(token) == tuple(theirs.token_to_chars(token))
    for sequence in (0, 1):
        for char in range(16):
            assert ours.char_to_token(0, char, sequence) == theirs.char_to_token(0, char, sequence)
            assert ours.char_to_word(0, char, sequence) == theirs.char_to_word(0, char, sequence)
        for word in range(2):
            assert ours.word_to_tokens(0, word, sequence) == tuple(theirs.word_to_tokens(0, word, sequence))
            assert ours.word_to_chars(0, word, sequence) == tuple(theirs.word_to_chars(0, word, sequence))
    assert ours.word_to_tokens(0, 9) is None


def test_tensors(tokenizer: BaseTokenizer) -> None:
    torch = pytest.importorskip("torch")
    arrays = tokenizer(["a", "b c"], padding=True, return_tensors="np")
    assert arrays["input_ids"].dtype == np.int64
    assert arrays["input_ids"].shape == (2, 4)
    assert tokenizer(TEXT, return_tensors="np")["input_ids"].ndim == 2
    tensors = tokenizer(["a", "b c"], padding=True, return_tensors="pt").to("cpu")
    assert tensors["attention_mask"].dtype == torch.int64
    np.testing.assert_array_equal(tensors["input_ids"].numpy(), arrays["input_ids"])


@pytest.mark.parametrize("texts", [[], [""], ["", ""]], ids=str)
def test_ids_of_no_tokens_are_integers(tokenizer: BaseTokenizer, texts: list[str]) -> None:
    arrays = tokenizer(texts, add_special_tokens=False, return_tensors="np")
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.int64)}
    assert arrays["input_ids"].size == 0


def test_documented_methods(reference: Any, tokenizer: BaseTokenizer, tmp_path: Any) -> None:
    first, second = [7, 8, 9], [11, 12]
    pair = tokenizer.build_inputs_with_special_tokens(first, second)
    assert pair == [101, 7, 8, 9, 102, 11, 12, 102]
    assert tokenizer.build_inputs_with_special_tokens(first) == pair[:5]
    assert tokenizer.create_token_type_ids_from_sequences(first, second) == [0] * 5 + [1] * 3
    assert tokenizer.get_special_tokens_mask(first, second) == [1, 0, 0, 0, 1, 0, 0, 1]
    assert tokenizer.get_special_tokens_mask(pair, already_has_special_tokens=True) == [
        1,
        0,
        0,
        0,
        1,
        0,
        0,
        1,
    ]
    [path] = tokenizer.save_vocabulary(tmp_path, "mine")
    assert path.endswith("mine-vocab.txt")
    assert (tmp_path / "mine-vocab.txt").read_bytes() == VOCAB.read_bytes()
    assert tokenizer.convert_ids_to_tokens(pair) == reference.convert_ids_to_tokens(pair)
    assert tokenizer.convert_tokens_to_ids(["[CLS]", "cats", "nope!"]) == [101, 8870, 100]
    assert tokenizer.all_special_ids == reference.all_special_ids
    assert (tokenizer.vocab_size, len(tokenizer)) == (30522, 30522)
    assert tokenizer.get_vocab() == reference.get_vocab()


ATTRIBUTES = (
    "vocab", "get_added_vocab", "added_tokens_encoder", "added_tokens_decoder", "max_len_single_sentence",
    "max_len_sentences_pair", "name_or_path", "pad_token", "pad_token_id", "mask_token", "mask_token_id",
)  # fmt: skip


@pytest.mark.parametrize("cls", [SqueezeBertTokenizer, SqueezeBertTokenizerFast])
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_mean_what_they_do_in_transformers(name: str, cls: type[BaseTokenizer]) -> None:
    """After tokens were added, one of them a piece, and special tokens were given other names."""
    values = []
    for made in (cls(VOCAB), make_reference()):
        made.add_tokens(["covid19", "the"])
        made.add_special_tokens({"mask_token": "<mask>"})
        made.pad_token = "[SEP]"
        value = getattr(made, name)
        value = value() if callable(value) else value
        if name == "added_tokens_decoder":
            value = {i: (token.content, token.special, token.normalized) for i, token in value.items()}
        values.append(value)
    assert values[0] == values[1]


def test_a_loaded_tokenizer_knows_its_name(tokenizer: BaseTokenizer, tmp_path: Path) -> None:
    """Logs and model cards are written from it."""
    tokenizer.save_pretrained(tmp_path)
    for made in (type(tokenizer), BertTokenizer):
        assert made.from_pretrained(tmp_path).name_or_path == str(tmp_path)


@pytest.mark.parametrize("texts", [("a",), ("a", "b"), (["a", "b c"],), (["a"], ["b"])], ids=str)
def test_batch_encoding_says_how_it_was_made(
    reference: Any, tokenizer: BaseTokenizer, texts: tuple[Any, ...]
) -> None:
    """Its copy can be changed alone, and a batch that was padded later is of unknown origin."""
    ours, theirs = (made(*texts, verbose=False) for made in (tokenizer, reference))
    assert (ours.n_sequences, ours.is_fast) == (theirs.n_sequences, theirs.is_fast)
    copied = ours.copy()
    copied["input_ids"] = []
    assert ours.data == dict(theirs)
    assert (copied.tokens(), copied.n_sequences) == (ours.tokens(), ours.n_sequences)
    ours, theirs = tokenizer.pad(ours), reference.pad(theirs)
    assert (ours.n_sequences, ours.is_fast) == (theirs.n_sequences, theirs.is_fast)


def test_calls_with_names_are_those_of_transformers(reference: Any, tokenizer: BaseTokenizer) -> None:
    """As its guides write them: ``word_ids(batch_index=i)``."""
    batch = ["a cat", "no dogs"]
    ours, theirs = tokenizer(batch), reference(batch)
    for name in ("tokens", "word_ids", "sequence_ids"):
        assert getattr(ours, name)(batch_index=1) == getattr(theirs, name)(batch_index=1)
    for name in ("char_to_token", "char_to_word", "token_to_chars", "token_to_word", "token_to_sequence",
                 "word_to_tokens", "word_to_chars"):  # fmt: skip
        kind = name.split("_")[0]
        place = {f"batch_or_{kind}_index": 1, f"{kind}_index": 1}
        assert getattr(ours, name)(**place) == getattr(theirs, name)(**place)
    assert [row.ids for row in ours[:2]] == [row.ids for row in theirs[:2]]
    assert ours.convert_to_tensors(tensor_type="np")["input_ids"].shape == (2, 4)
    assert tokenizer.decode(token_ids=[8870]) == reference.decode(token_ids=[8870])
    assert tokenizer.tokenize("a", pair="b") == reference.tokenize("a", pair="b")
    for options in ({}, {"return_tensors": "np"}, {"padding": "max_length", "max_length": 8}):
        counted = tokenizer("hello", return_length=True, **options)["length"]
        assert [*counted] == [*reference("hello", return_length=True, **options)["length"]]
    made = type(tokenizer)(VOCAB)
    assert made.add_tokens(new_tokens=["covid19"], special_tokens=False) == 1
    assert made.add_special_tokens(special_tokens_dict={"pad_token": "<pad>"}) == 1


def test_special_tokens_can_be_set(tokenizer: BaseTokenizer) -> None:
    """Each by its name; one that is new is added, and the named ones stay the first."""
    made = type(tokenizer)(VOCAB)
    made.add_special_tokens({"additional_special_tokens": ["<x>"]})
    made.pad_token = "<pad>"
    made.unk_token = "the"
    assert (made.pad_token_id, made.convert_tokens_to_ids("nope!")) == (30523, made.unk_token_id)
    assert made.all_special_tokens[:5] == ["the", "[SEP]", "<pad>", "[CLS]", "[MASK]"]
    assert made.tokenize("a<pad>") == ["a", "<pad>"]
    assert made(["a", "a b"], padding=True)["input_ids"][0][-1] == 30523


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (
            {"additional_special_tokens": "<x>"},
            "additional_special_tokens is '<x>'; expected a list of tokens",
        ),
        ({"extra_special_tokens": AddedToken("<x>")}, "expected a list of tokens"),
        ({"additional_special_tokens": 5}, "additional_special_tokens is 5; expected a list of tokens"),
        ({"additional_special_tokens": [5]}, "the added token 5 is a int; expected a string"),
        ({"pad_token": None}, "the added token None is a NoneType; expected a string"),
        ({"unk_token": "<u>"}, "lacks the unknown token '<u>'; give one of them as unk_token"),
    ],
)
def test_special_tokens_that_are_none_are_refused(
    tokenizer: BaseTokenizer, tokens: dict[str, Any], message: str
) -> None:
    """A string in place of a list would be taken apart into characters."""
    with pytest.raises(TokenizerError, match=message):
        tokenizer.add_special_tokens({"additional_special_tokens": ["<before>"], **tokens})
    with pytest.raises(TokenizerError, match="an added token is empty"):
        tokenizer.add_tokens(["<before>", ""])
    assert (len(tokenizer), len(tokenizer.get_vocab())) == (30522, 30522)
    assert tokenizer.tokenize("<before>") == ["<", "before", ">"]


@pytest.mark.parametrize("tensors", [None, "np"])
@pytest.mark.parametrize("row", [{}, {"token_type_ids": [0, 0, 1], "attention_mask": [1, 1, 0]}], ids=str)
def test_one_text_is_padded_alone(
    reference: Any, tokenizer: BaseTokenizer, row: dict[str, Any], tensors: str | None
) -> None:
    """Columns of numbers, not of rows, come back as such."""
    options = {"padding": "max_length", "max_length": 5, "return_tensors": tensors}
    ours, theirs = (made.pad({"input_ids": [1, 2, 3], **row}, **options) for made in (tokenizer, reference))
    assert ours.keys() == theirs.keys()
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name])
    ids = np.array([1, 2, 3])
    assert tokenizer.pad({"input_ids": ids, "label": 1}, padding=True, pad_to_multiple_of=4).data == {
        "input_ids": [1, 2, 3, 0], "attention_mask": [1, 1, 1, 0], "label": 1
    }  # fmt: skip


def test_padding_takes_the_options_that_it_knows(tokenizer: BaseTokenizer) -> None:
    """Misspelt ones had no effect, and no word was said."""
    padded = tokenizer.pad(
        [{"input_ids": [1, 2]}, {"input_ids": [1]}], return_attention_mask=False, verbose=False
    )
    assert padded.data == {"input_ids": [[1, 2], [1, 0]]}
    for usual in (None, True):
        again = tokenizer.pad([{"input_ids": [1, 2]}, {"input_ids": [1]}], return_attention_mask=usual)
        assert again["attention_mask"] == [[1, 1], [1, 0]]
    with pytest.raises(TypeError, match="max_lenght"):
        tokenizer.pad([{"input_ids": [1, 2]}], max_lenght=8)  # type: ignore[call-arg]


def test_rows_to_be_padded_have_the_same_columns(tokenizer: BaseTokenizer) -> None:
    rows = [{"input_ids": [1, 2], "label": 1}, {"input_ids": [1], "label": 0}, {"input_ids": [1]}]
    with pytest.raises(TokenizerError, match="row 3 has no 'label', which the first row has"):
        tokenizer.pad(rows)
    assert tokenizer.pad(row for row in rows[:2])["label"] == [1, 0]
    with pytest.raises(TokenizerError, match="row 2 is of type list; rows have columns by name"):
        tokenizer.pad([rows[0], [1, 2]])


@pytest.mark.parametrize(
    "ids",
    [[[101, 1037, 102], [1038]], np.array([[101], [1038]]), [np.array([101, 1037])], [[]], [], 101],
    ids=str,
)
def test_several_sequences_are_decoded_at_once(reference: Any, tokenizer: BaseTokenizer, ids: Any) -> None:
    """As transformers 5 does; no sequences at all are an empty one."""
    for skip in (False, True):
        assert tokenizer.decode(ids, skip) == reference.decode(ids, skip)


def test_ids_may_be_scalars_of_tensors(tokenizer: BaseTokenizer) -> None:
    """As loops over arg max leave them; their hashes are not those of the numbers."""
    ids = [*torch.tensor([101, 7592, 102, 0])]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "hello"
    assert tokenizer.convert_ids_to_tokens(ids, skip_special_tokens=True) == ["hello"]
    assert tokenizer.get_special_tokens_mask(ids, already_has_special_tokens=True) == [1, 0, 1, 1]


def test_strategies_of_transformers_are_taken(tokenizer: BaseTokenizer) -> None:
    shorter = tokenizer("a b c", "d", truncation=TruncationStrategy.ONLY_FIRST, max_length=5)
    assert shorter == tokenizer("a b c", "d", truncation="only_first", max_length=5)


@pytest.mark.parametrize("cls", [SqueezeBertTokenizer, SqueezeBertTokenizerFast])
def test_a_vocabulary_may_be_ids_by_piece(cls: type[BaseTokenizer], tokenizer: BaseTokenizer) -> None:
    ids = dict(sorted(tokenizer.get_vocab().items()))
    assert cls(ids)("hello world").input_ids == [101, 7592, 2088, 102]
    for wrong, message in (
        ({"[UNK]": 0, "a": 2}, "vocab: there is no id 1; 'a' has 2"),
        ({"[UNK]": 0, "a": "1"}, "vocab: the id of 'a' is '1'"),
        (None, "vocab is a NoneType"),
    ):
        with pytest.raises(TokenizerError, match=message):
            cls(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("vanishing", ["\u0301", "\ufe0f", "\u200d", "\xad"])
def test_a_token_that_normalising_removes_is_found_as_it_is_written(vanishing: str) -> None:
    """Nothing is left of it to be found in a normalised text: the library would find that everywhere."""
    for tokenizer in (SqueezeBertTokenizer(VOCAB), SqueezeBertTokenizerFast(VOCAB)):
        assert tokenizer.add_tokens([vanishing]) == 1
        assert tokenizer.tokenize("a warm, funny ﬁlm") == ["a", "warm", ",", "funny", "ﬁ", "##lm"]
        assert tokenizer.tokenize(f"warm{vanishing} film") == ["warm", vanishing, "film"]


def test_a_folder_that_cannot_be_made_is_named(tokenizer: BaseTokenizer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for save in (tokenizer.save_pretrained, tokenizer.save_vocabulary):
        with pytest.raises(OptionError, match="file: cannot be made"):
            save(tmp_path / "file")


def test_collator_pads_labels_along(tokenizer: BaseTokenizer) -> None:
    """transformers' data collator works with our tokenizers."""
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    rows = [{**tokenizer(text).data, "label": 1} for text in ("a", "a b c")]
    batch = transformers.DataCollatorWithPadding(tokenizer, pad_to_multiple_of=8)(rows)
    assert batch["input_ids"].shape == (2, 8)
    assert batch["attention_mask"].sum().item() == 8
    assert batch["labels"].tolist() == [1, 1]


@pytest.mark.parametrize("cls", [SqueezeBertTokenizer, SqueezeBertTokenizerFast])
def test_training_is_the_same_for_both(cls: type[BaseTokenizer]) -> None:
    trained = cls.train_from_iterator(["Low lower lowest", "new newer newest"] * 5, 40)
    assert trained.vocab_size <= 40
    assert trained.pad_token_id == 0
    assert trained.decode(trained.encode("lowest newer"), skip_special_tokens=True) == "lowest newer"
    assert trained.tokenize("low") == ["low"]
    spoken = cls.train_from_iterator(["the [MASK] is a mask"] * 5, 40)
    assert {piece for piece in spoken.get_vocab() if piece != piece.lower()} == {*SPECIAL_TOKENS.values()}
    with pytest.raises(TokenizerError, match="vocab_size 18 is less than the 19 that"):
        cls.train_from_iterator(["Low lower lowest", "new newer newest"] * 5, 18)
    with pytest.raises(TokenizerError, match="texts is a string"):
        cls.train_from_iterator("Low lower lowest", 40)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("a\ud800b",), {}, r"text has an unpaired surrogate \(U\+D800\) at character 1"),
        ((["ok", "\udc00"],), {}, r"text\[1\] has an unpaired surrogate"),
        ((3,), {}, "text is a int"),
        ((["a", None],), {}, r"text\[1\] is a NoneType"),
        ((["a"], ["b", "c"]), {}, "text has 1 items and text_pair 2"),
        (("a",), {"is_split_into_words": True}, "expected a list of words"),
        (("a",), {"truncation": "first"}, "truncation 'first' is not one of"),
        (("a",), {"padding": "long"}, "padding 'long' is not one of"),
        (("a",), {"padding_side": "top"}, "padding_side 'top'"),
        (("a",), {"return_tensors": "tf"}, "return_tensors 'tf'"),
        (("a",), {"max_length": 1}, "max_length 1 is smaller than the 2 special tokens"),
        (("a",), {"max_length": 8, "stride": 6}, "stride 6 is not smaller than the 6 tokens"),
        (("a b c", "d"), {"truncation": "only_second", "max_length": 5}, "leaves no room"),
        (("a b c",), {"truncation": "only_second", "max_length": 4}, "needs a second text"),
        ((["a", "b c"],), {"return_tensors": "np"}, "rows of 3 to 4 items"),
        (("a b",), {"max_length": 2, "return_overflowing_tokens": True}, "too little"),
        (("a",), {"max_length": "5"}, "max_length is '5'; expected a whole number"),
        (("a",), {"stride": None}, "stride is None; expected a whole number"),
        (("a",), {"truncation": [1]}, r"truncation \[1\] is not one of"),
        (("a",), {"padding": True, "pad_to_multiple_of": 2.5}, r"pad_to_multiple_of is 2\.5; expected"),
        (
            ("a",),
            {"padding": True, "truncation": True, "pad_to_multiple_of": 100},
            "max_length 512 is no multiple of pad_to_multiple_of 100",
        ),
    ],
)
def test_errors_name_place_and_remedy(
    tokenizer: BaseTokenizer, arguments: tuple[Any, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TokenizerError, match=message):
        tokenizer(*arguments, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"do_lower_case": "false"}, "do_lower_case is 'false'; expected True or False"),
        ({"strip_accents": 1}, "strip_accents is 1; expected True or False or None"),
        ({"model_max_length": None}, "model_max_length is None; expected a whole number"),
        ({"added_tokens": ["<x>"]}, r"is a builtins\.str; give a squeezebert\.tokenization\.AddedToken"),
        ({"vocab": ["[UNK]", 5]}, "the piece of id 1 is a int"),
        ({"vocab": ["[UNK]", "a\udc00"]}, "the piece of id 1 has an unpaired surrogate"),
    ],
)
@pytest.mark.parametrize("cls", CLASSES)
def test_arguments_of_other_types_are_refused(
    cls: type[BaseTokenizer], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TokenizerError, match=message):
        cls(**{"vocab": ["[UNK]"], **options})


@pytest.mark.parametrize("texts", ["abc", [("a", "b")], [["a", "b"]], ["a", 5]], ids=str)
def test_many_texts_are_strings(tokenizer: BaseTokenizer, texts: Any) -> None:
    with pytest.raises(TokenizerError, match=r"texts is a string|texts\[[01]\] is a"):
        tokenizer.piece_ids(texts)


@pytest.mark.parametrize(
    ("texts", "options"),
    [([5], {}), (["\ud800"], {}), (["a"], {"limit_alphabet": -1}), (["a"], {"vocab_size": 50.0})],
)
def test_vocabularies_are_learnt_from_texts(texts: Any, options: dict[str, Any]) -> None:
    with pytest.raises(TokenizerError):
        CLASSES[0].train_from_iterator(texts, **{"vocab_size": 50, **options})


def test_unknown_ids_and_names_are_errors(tokenizer: BaseTokenizer) -> None:
    with pytest.raises(TokenizerError, match="id 30522"):
        tokenizer.convert_ids_to_tokens(30522)
    assert tokenizer.convert_ids_to_tokens(np.int64(1996)) == "the"
    assert tokenizer.convert_ids_to_tokens(np.array(1996)) == "the"
    with pytest.raises(TokenizerError, match="'bos_token' is not one of"):
        tokenizer.add_special_tokens({"bos_token": "<s>"})
    with pytest.raises(TokenizerError, match="lacks the unknown token"):
        type(tokenizer)(["a", "b"])

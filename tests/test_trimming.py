"""A smaller vocabulary changes no bit of what its pieces can spell, and what is lost is told as it is."""

from __future__ import annotations

import dataclasses
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from squeezebert import pipeline
from squeezebert.checkpoints import StoredCheckpoint, read_checkpoint, read_stored, write_checkpoint
from squeezebert.engine import Engine
from squeezebert.errors import CheckpointError, OptionError
from squeezebert.tokenization import AddedToken, SqueezeBertTokenizer, SqueezeBertTokenizerFast
from squeezebert.trimming import Selection, Trimming, count_words, with_rows
from tests.tasks.tiny import VOCABULARY, WORDS, model, tokenizer
from tests.tokenization.strategies import texts

MASKED, BASE, CLASSIFIER = (
    "SqueezeBertForMaskedLM",
    "SqueezeBertModel",
    "SqueezeBertForSequenceClassification",
)
CORPUS = ["the good cat sat on the mat", "the cat was very good", "ada lives in paris, 7 cats"]
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@lru_cache
def mini(kind: Any) -> Any:
    return kind.from_pretrained("mini")


def saved(folder: Path, head: str, dtype: str = "float32", **options: Any) -> Path:
    network = model(head, **options)
    network.save_pretrained(folder, dtype=dtype)
    tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", [SqueezeBertTokenizerFast, SqueezeBertTokenizer])
@settings(max_examples=25)
@given(data=st.data())
def test_texts_of_kept_pieces_are_divided_into_the_same_pieces(kind: Any, data: Any) -> None:
    whole = mini(kind)
    text = data.draw(texts)
    tokens = whole.tokenize(text)
    others = data.draw(st.sets(st.integers(0, whole.vocab_size - 1), max_size=40))
    smaller = whole.with_pieces({*whole.convert_tokens_to_ids(tokens), *others})
    assert smaller.tokenize(text) == tokens
    assert smaller(text).encodings[0].offsets == whole(text).encodings[0].offsets
    assert list(smaller.get_vocab()) == [token for token in whole.get_vocab() if token in smaller.get_vocab()]
    assert len(smaller) <= len(set(tokens)) + len(others) + len(SPECIALS)


@settings(max_examples=25)
@given(texts)
def test_what_characters_can_spell_is_never_unknown(text: str) -> None:
    """No word that was known becomes unknown, in a vocabulary that has both forms of its characters."""
    smaller = tokenizer().with_pieces(Selection().of(tokenizer(), Counter()))
    assert smaller.tokenize(text).count("[UNK]") == tokenizer().tokenize(text).count("[UNK]")


@lru_cache
def engines(head: str, dtype: str, precision: str, keep: int) -> tuple[Engine, Engine, Any, Any]:
    """A network before and after, and their tokenizers."""
    network = model(head, labels=["a", "b", "c"])
    arrays = {f"{network._published_prefix}{n}": t.detach().numpy() for n, t in network.state_dict().items()}
    arrays.pop("cls.predictions.decoder.weight", None)
    arrays.pop("cls.predictions.decoder.bias", None)
    if dtype == "int8":
        from squeezebert.checkpoints.quantized import quantize

        arrays = quantize(arrays)
    before = StoredCheckpoint(network.config, arrays, Path("test"))
    words = count_words(tokenizer(), CORPUS)
    smaller = tokenizer().with_pieces(Selection(keep=keep, characters=False).of(tokenizer(), words))
    after = with_rows(before, tokenizer(), smaller)
    return (*(Engine(s.config, s.arrays, head, precision=precision) for s in (before, after)),
            tokenizer(), smaller)  # fmt: skip


@pytest.mark.parametrize("precision", ["int8", "fp32"])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("head", [BASE, CLASSIFIER, MASKED])
@settings(max_examples=12)
@given(data=st.data())
def test_outputs_for_texts_of_kept_pieces_are_the_same_bits(
    head: str, dtype: str, precision: str, data: Any
) -> None:
    before, after, whole, smaller = engines(head, dtype, precision, 9)
    kept = [word for word in WORDS.split() if word in smaller.get_vocab()]
    assert 5 <= len(kept) <= 9
    several = [
        " ".join(words)
        for words in data.draw(st.lists(st.lists(st.sampled_from(kept), max_size=20), min_size=1, max_size=4))
    ]
    expected = before(whole(several)["input_ids"])
    found = after(smaller(several)["input_ids"])
    # Of the masked-LM head, the columns of the pieces that are still there.
    columns = [whole.get_vocab()[token] for token in smaller.get_vocab()] if head == MASKED else slice(None)
    for (name, one), (_, other) in zip(found.items(), expected.items(), strict=True):
        for text, array in enumerate(one):
            np.testing.assert_array_equal(array, other[text][..., columns], err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_rows_are_those_of_the_file_and_padding_rows_are_gone(dtype: str, tmp_path: Path) -> None:
    source = saved(tmp_path / "source", MASKED, dtype)
    whole = read_stored(source)
    assert whole.config.vocab_size == len(VOCABULARY) + 6
    trimming = Trimming.read(source, tmp_path / "small", CORPUS, Selection(characters=False))
    trimming.write()
    small = read_stored(tmp_path / "small")
    vocab = (tmp_path / "small" / "vocab.txt").read_text().splitlines()
    used = {token for text in CORPUS for token in tokenizer().tokenize(text)}
    assert vocab == [piece for piece in VOCABULARY if piece in {*SPECIALS, *used}]
    assert small.config.vocab_size == len(vocab)
    rows = [VOCABULARY.index(piece) for piece in vocab]
    changed = set()
    for name, array in whole.arrays.items():
        by_piece = array.shape[:1] == (whole.config.vocab_size,)
        np.testing.assert_array_equal(small.arrays[name], array[rows] if by_piece else array)
        assert small.arrays[name].dtype == array.dtype
        changed |= {name} if by_piece else set()
    names = {"transformer.embeddings.word_embeddings.weight", "cls.predictions.bias"}
    scales = {"transformer.embeddings.word_embeddings.weight.scale"} if dtype == "int8" else set()
    assert changed == names | scales
    assert small.config.extra == whole.config.extra


def test_transformers_reads_what_is_written_and_answers_the_same(tmp_path: Path) -> None:
    source = saved(tmp_path / "source", CLASSIFIER, labels=["a", "b", "c"])
    Trimming.read(source, tmp_path / "small", CORPUS, Selection(keep=3)).write()
    text = "the cat, the cat"
    logits = []
    for folder in (source, tmp_path / "small"):
        theirs = transformers.AutoTokenizer.from_pretrained(folder)
        assert (
            theirs(text)["input_ids"] == SqueezeBertTokenizerFast.from_pretrained(folder)(text)["input_ids"]
        )
        network = transformers.SqueezeBertForSequenceClassification.from_pretrained(folder).eval()
        with torch.inference_mode():
            logits.append(network(**theirs(text, return_tensors="pt")).logits)
    torch.testing.assert_close(logits[0], logits[1], atol=1e-6, rtol=0)


def test_added_tokens_stay_and_move_up(tmp_path: Path) -> None:
    added = [AddedToken("<user>", special=True, normalized=False), AddedToken("newword")]
    # Without its double, which would take the room of an added token.
    wide = SqueezeBertTokenizerFast(list(dict.fromkeys(VOCABULARY)), added_tokens=added)
    network = model(BASE)
    network.save_pretrained(tmp_path / "source")
    wide.save_pretrained(tmp_path / "source")
    Trimming.read(tmp_path / "source", tmp_path / "small", ["the cat"], Selection(characters=False)).write()
    small = SqueezeBertTokenizerFast.from_pretrained(tmp_path / "small")
    assert small.get_vocab() == {t: i for i, t in enumerate([*SPECIALS, "the", "cat", "<user>", "newword"])}
    text = "the <user> newword cat"
    assert small.tokenize(text) == wide.tokenize(text) == ["the", "<user>", "newword", "cat"]
    one, other = (
        Engine.from_pretrained(tmp_path / folder)([tok.encode(text)]).last_hidden_state[0]
        for folder, tok in (("source", wide), ("small", small))
    )
    np.testing.assert_array_equal(one, other)


def test_only_tokenizer_files_that_were_there_are_written(tmp_path: Path) -> None:
    trimming = Trimming.read("mini", tmp_path, CORPUS, Selection())
    assert set(trimming.tokenizer_files) == {"vocab.txt", "tokenizer_config.json"}
    source = saved(tmp_path / "source", BASE)
    trimming = Trimming.read(source, tmp_path / "small", CORPUS, Selection())
    assert {"vocab.txt", "tokenizer_config.json", "tokenizer.json"} <= set(trimming.tokenizer_files)


def test_the_padding_id_moves_with_its_token(tmp_path: Path) -> None:
    pieces = ["a", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "b", "[PAD]"]
    others = {"sep_token_id": 3, "bos_token_id": 0, "eos_token_id": None, "stop_token_id": [3, 0]}
    whole = model(BASE, vocab_size=7, pad_token_id=6)
    whole.config = whole.config.replace(extra=others)
    whole.save_pretrained(tmp_path)
    SqueezeBertTokenizerFast(pieces).save_pretrained(tmp_path)
    trimming = Trimming.read(tmp_path, tmp_path / "small", ["b"], Selection(characters=False))
    config = trimming.after.config
    assert config.pad_token_id == trimming.tokenizer_after.pad_token_id == 5
    # The number of "a", which is gone, is that of another token now.
    assert {name: config.extra[name] for name in others} == {
        **others, "sep_token_id": 2, "bos_token_id": None, "stop_token_id": [2],
    }  # fmt: skip
    assert trimming.tokenizer_after.sep_token_id == 2
    with pytest.raises(OptionError, match="texts is a string, whose letters would be the texts"):
        Trimming.read(tmp_path, tmp_path / "small", "b", Selection())


counts = st.dictionaries(st.integers(5, len(VOCABULARY) - 1), st.integers(1, 9), max_size=13)


@given(counts, st.floats(0, 1))
def test_coverage_takes_the_fewest_pieces_that_suffice(found: dict[int, int], share: float) -> None:
    words = Counter({(piece,): count for piece, count in found.items()})
    kept = Selection(coverage=share, characters=False).of(tokenizer(), words)
    covered = sum(found[piece] for piece in kept)
    assert covered >= share * sum(found.values())
    assert not kept or covered - min(found[piece] for piece in kept) < share * sum(found.values())


@given(counts, st.integers(0, 15))
def test_keep_takes_the_most_frequent(found: dict[int, int], keep: int) -> None:
    words = Counter({(piece,): count for piece, count in found.items()})
    kept = Selection(keep=keep, characters=False).of(tokenizer(), words)
    assert len(kept) == min(keep, len(found))
    assert sum(found[piece] for piece in kept) == sum(sorted(found.values(), reverse=True)[:keep])


@settings(max_examples=20)
@given(
    st.lists(st.lists(st.sampled_from([*WORDS.split(), "sats", "mating", "éa", "中", "x1"]), max_size=9)),
    st.integers(0, 12),
    st.booleans(),
)
def test_losses_are_what_dividing_the_corpus_again_shows(
    lines: list[list[str]], keep: int, characters: bool
) -> None:
    corpus = [" ".join(words) for words in lines]
    whole = tokenizer()
    words = count_words(whole, corpus)
    smaller = whole.with_pieces(Selection(keep, characters=characters).of(whole, words))
    stored = _stored()
    trimming = Trimming(stored, with_rows(stored, whole, smaller), whole, smaller, Path(), {}, words)
    found = trimming.losses()
    pairs = [(whole.tokenize(word), smaller.tokenize(word)) for line in lines for word in line]
    before, after = (sum(len(pair[side]) for pair in pairs) for side in (0, 1))
    assert (found["corpus_tokens_before"], found["corpus_tokens_after"]) == (before, after)
    changed = sum(len(one) for one, other in pairs if one != other)
    assert found["changed_share"] == pytest.approx(changed / max(1, before))
    for side, name in ((0, "before"), (1, "after")):
        unknown = sum(pair[side].count("[UNK]") for pair in pairs)
        assert found[f"unknown_share_{name}"] == pytest.approx(unknown / max(1, (before, after)[side]))
    assert found["pieces_after"] == smaller.vocab_size
    rows_lost = len(VOCABULARY) + 6 - smaller.vocab_size
    assert found["parameters_before"] - found["parameters_after"] == rows_lost * 24
    assert found["bytes_before"] - found["bytes_after"] == rows_lost * 24 * 4


@lru_cache
def _stored() -> StoredCheckpoint:
    network = model(BASE)
    arrays = {f"transformer.{name}": tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    return StoredCheckpoint(network.config, arrays, Path("test"))


def test_a_trimmed_embedded_model_answers_the_same_bits_from_one_folder(tmp_path: Path) -> None:
    reviews = ["A warm, funny film.", "Two hours that I will never get back."]
    trimming = Trimming.read("mini/text-classification", tmp_path, reviews, Selection())
    trimming.write()
    assert trimming.losses()["bytes_after"] < 0.4 * trimming.losses()["bytes_before"]
    assert pipeline("text-classification", tmp_path)(reviews) == pipeline("text-classification")(reviews)
    unseen = pipeline("text-classification", tmp_path)("An excellent and beautifully told story.")
    assert unseen[0]["label"] in ("negative", "positive")


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="keep and coverage both"):
        Selection(keep=3, coverage=0.5)
    with pytest.raises(OptionError, match="keep -1 is negative"):
        Selection(keep=-1)
    with pytest.raises(OptionError, match=r"coverage 99.9 is not a share from 0 to 1"):
        Selection(coverage=99.9)
    source = saved(tmp_path, BASE)
    with pytest.raises(OptionError, match="is what would be read"):
        Trimming.read(source, source, CORPUS, Selection())
    whole = read_checkpoint(source)
    arrays = {n: a[:50] if n.endswith("word_embeddings.weight") else a for n, a in whole.arrays.items()}
    write_checkpoint(source, dataclasses.replace(whole.config, vocab_size=50), arrays)
    with pytest.raises(
        CheckpointError, match=f"tokenizer has {len(VOCABULARY)} tokens and the model 50 word"
    ):
        Trimming.read(source, tmp_path / "out", CORPUS, Selection())
    write_checkpoint(source, whole.config, arrays)
    with pytest.raises(CheckpointError, match=r"weight has 50 rows, and config.json says vocab_size"):
        Trimming.read(source, tmp_path / "out", CORPUS, Selection())

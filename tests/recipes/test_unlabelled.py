"""Texts for teachers: repeatable, made of what they should be, and never of what is held out."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from squeezebert import modeling
from squeezebert.config import SqueezeBertConfig
from squeezebert.data import Row
from squeezebert.tokenization import SqueezeBertTokenizerFast
from unlabelled import Thesaurus, pairs_varied, sentences_varied

# Three groups of fifteen words; the words of a group have nearly the same embedding.
GROUPS = [[first + second * 2 for second in "abcdefghijklmno"] for first in "xyz"]
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "##s", "no", *chain.from_iterable(GROUPS)]
LONG = " ".join(GROUPS[0][:8])


@pytest.fixture(scope="module", params=["float32", "int8"])
def thesaurus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Thesaurus:
    folder = tmp_path_factory.mktemp("words")
    config = SqueezeBertConfig(
        vocab_size=len(PIECES), hidden_size=28, embedding_size=28, num_hidden_layers=1, num_attention_heads=7,
        intermediate_size=44, max_position_embeddings=13,
    )  # fmt: skip
    model = modeling.SqueezeBertModel(config)
    weight = model.get_input_embeddings().weight.detach()
    for place, piece in enumerate(PIECES):
        weight[place, "xyz".find(piece[0])] += 1
    model.save_pretrained(folder, dtype=request.param)
    SqueezeBertTokenizerFast(PIECES, model_max_length=13).save_pretrained(folder)
    return Thesaurus(folder)


def test_words_are_replaced_by_their_neighbours(thesaurus: Thesaurus) -> None:
    text = " ".join(["No", GROUPS[1][0], "unheard-of", *GROUPS[2]] * 20)
    varied = thesaurus.vary(text, np.random.default_rng(0))
    before, after = text.split(), varied.split()
    assert len(before) == len(after)
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert 0.2 < len(changed) / len(before) < 0.4
    assert all(a[0] == b[0] and b in PIECES for a, b in changed)


def test_sentences_are_long_ones_or_two_joined(thesaurus: Thesaurus) -> None:
    rows = [Row({"text": text, "label": "1"}, "made") for text in (LONG, "good", "bad")]
    made = [list(sentences_varied(rows, 97, thesaurus, np.random.default_rng(7))) for _ in range(2)]
    assert made[0] == made[1]
    assert len(made[0]) == 97
    texts = [text["text"] for text in made[0]]
    single = [text for text in texts if len(text.split()) == 8 and text.split()[0][0] == "x"]
    assert 0.6 < len(single) / len(texts) < 0.9
    assert any(" but " in text for text in texts)


def test_pairs_mostly_share_a_premise(thesaurus: Thesaurus) -> None:
    rows = [
        Row({"text": group[0], "text_pair": other, "label": "neutral"}, "made")
        for group in GROUPS
        for other in group[1:4]
    ]
    pairs = list(pairs_varied(rows, 199, thesaurus, np.random.default_rng(7)))
    assert all(set(pair) == {"text", "text_pair"} for pair in pairs)
    same = [pair for pair in pairs if pair["text"][0] == pair["text_pair"][0]]
    assert 0.8 < len(same) / len(pairs) < 1

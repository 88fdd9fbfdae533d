"""Heads that look at neighbouring tokens do so, in every block, whatever the words are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from neighbours import LOOKS, look_at_neighbours
from squeezebert.config import SqueezeBertConfig
from squeezebert.modeling import SqueezeBertForSequenceClassification, SqueezeBertModel
from squeezebert.tokenization import SqueezeBertTokenizerFast
from start import prepare

HEADS, GROUPS = 12, 4


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made from a model of random weights that has a head, too."""
    torch.manual_seed(3)
    config = SqueezeBertConfig(
        vocab_size=61, hidden_size=192, embedding_size=192, num_hidden_layers=2, num_attention_heads=HEADS,
        intermediate_size=128, max_position_embeddings=47,
    )  # fmt: skip
    source = tmp_path_factory.mktemp("source")
    SqueezeBertForSequenceClassification(config).save_pretrained(source)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{number}" for number in range(56))]
    SqueezeBertTokenizerFast(pieces, model_max_length=47).save_pretrained(source)
    return prepare(source, tmp_path_factory.mktemp("runs") / "prepared", look_at_neighbours)


def test_the_first_head_of_each_group_attends_to_what_lies_beside(prepared: Path) -> None:
    model = SqueezeBertModel.from_pretrained(prepared).eval()
    ids = torch.randint(61, (31, 47), generator=torch.Generator().manual_seed(7))
    attentions = model(input_ids=ids, output_attentions=True).attentions
    assert attentions is not None
    for probabilities in attentions:
        for group in range(GROUPS):
            band, distance = LOOKS[group]
            mean = probabilities[:, group * HEADS // GROUPS].mean(0)
            by_distance = {shift: mean.diagonal(shift)[8:-8].mean().item() for shift in range(-20, 21)}
            # A token attends to the same word, too, and so to itself.
            nearest = max(by_distance.keys() - {0}, key=lambda shift: by_distance[shift])
            assert abs(nearest - distance) <= 3 * band
            assert by_distance[nearest] > max(3 / 47, 1.5 * by_distance[-distance])


def test_it_is_a_trunk_with_its_tokenizer_and_the_same_each_time(prepared: Path, tmp_path: Path) -> None:
    assert len(SqueezeBertTokenizerFast.from_pretrained(prepared)) == 61
    first, second = (
        SqueezeBertModel.from_pretrained(prepare(prepared, tmp_path / name, look_at_neighbours)).state_dict()
        for name in ("first", "second")
    )
    made = (tmp_path / "first" / "model.safetensors").stat().st_mtime_ns
    again = prepare(prepared, tmp_path / "first", look_at_neighbours)
    assert (again / "model.safetensors").stat().st_mtime_ns == made
    # Sums of least squares may differ in their last bits.
    torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-4)

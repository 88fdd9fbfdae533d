"""Heads that look for the same word in the other text find it, and nothing else changes."""

from __future__ import annotations

import copy

import torch

from equal_words import BLOCK, look_for_equal_words
from squeezebert.config import SqueezeBertConfig
from squeezebert.modeling import SqueezeBertModel

HEADS, GROUPS = 12, 4
LAST = [group * HEADS // GROUPS + HEADS // GROUPS - 1 for group in range(GROUPS)]


def model_of_random_weights() -> SqueezeBertModel:
    torch.manual_seed(3)
    config = SqueezeBertConfig(
        vocab_size=499, hidden_size=384, embedding_size=384, num_hidden_layers=3, num_attention_heads=HEADS,
        intermediate_size=128, max_position_embeddings=47,
    )  # fmt: skip
    model = SqueezeBertModel(config).eval()
    # As in a trained model, words are longer than the rest.
    with torch.no_grad():
        model.embeddings.word_embeddings.weight *= 10
    return model


def test_the_last_head_of_each_group_attends_to_the_same_word_in_the_other_text() -> None:
    model = model_of_random_weights()
    look_for_equal_words(model)
    rng = torch.Generator().manual_seed(7)
    first, second = (torch.stack([torch.randperm(499, generator=rng)[:23] for _ in range(31)]) for _ in "ab")
    # The word at place 5 of the first text stands at place 11 of the second, and at place 17 of its own.
    second[:, 11] = first[:, 17] = first[:, 5]
    types = torch.arange(46).expand(31, 46) // 23
    attentions = model(
        input_ids=torch.cat([first, second], 1), token_type_ids=types, output_attentions=True
    ).attentions
    assert attentions is not None
    heads = attentions[BLOCK][:, LAST]
    for place, others, own in ((5, [23 + 11], [5, 17]), (23 + 11, [5, 17], [23 + 11])):
        found = heads[:, :, place]
        assert found[..., others].sum(-1).mean() > 0.6
        assert found[..., own].sum(-1).mean() < 0.3
    # Other heads do not find it, so it is these that were set.
    rest = [head for head in range(HEADS) if head not in LAST]
    assert (attentions[BLOCK][:, rest, 5].argmax(-1) == 23 + 11).float().mean() < 0.2


def test_nothing_else_is_changed() -> None:
    model = model_of_random_weights()
    before = copy.deepcopy(model.state_dict())
    look_for_equal_words(model)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    attention = f"encoder.layers.{BLOCK}.attention"
    assert {name.removeprefix("transformer.") for name in changed} == {
        "embeddings.token_type_embeddings.weight",
        *(f"{attention}.{part}.{kind}" for part in ("query", "key") for kind in ("weight", "bias")),
    }
    kept = torch.ones(384, dtype=torch.bool)
    for head in LAST:
        kept[head * 32 : (head + 1) * 32] = False
    name = next(name for name in changed if name.endswith("query.bias"))
    assert torch.equal(model.state_dict()[name][kept], before[name][kept])

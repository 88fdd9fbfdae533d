"""A start for what needs the order of words: heads of attention that look at neighbouring tokens.

The trunk learns vectors of whole texts, for which a bag of words goes a long way, and its position embeddings
hardly tell one place from the next. What a model needs in order to mark an answer or a name, it would first
have to discover: which token is beside which. Here it is given that to start from. Sinusoids are added to the
position embeddings (Vaswani et al., 2017, section 3.5), and in every block the first head of each group of
channels gets queries and keys by which a token attends to those a few places away: a product of two sinusoids
is largest where their places agree, and a rotation of one shifts the place. Training may change all of it.
Initial weights that attend to neighbours let transformers learn from little data (Trockman and Kolter, 2023).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from squeezebert.modeling import SqueezeBertModel
from squeezebert.modeling.attention import SqueezeBertSelfAttention
from start import set_head

LENGTH = 0.7
"""Of a sinusoid, in lengths of a word embedding."""
SHARPNESS = 2.2
"""Factor of the sinusoids in queries and keys."""
SLOWEST = 300
"""Longest period, in tokens, over 2π."""
LOOKS = ((0, -1), (0, 1), (1, -5), (1, 5))
"""Band of frequencies, and distance in tokens that the head in a group looks at. Band 0 is fast and sharp;
band 1 is slower, and overlaps a quarter of it."""
_TEXTS = 160
"""Random texts, to see in them what a block makes of the positions."""


@torch.no_grad()
def look_at_neighbours(model: SqueezeBertModel) -> None:
    """Add sinusoids to the positions, and have one head of each group of channels compare them.

    Each block in turn gets its heads: the linear map that finds the sinusoids best, by least squares, in what
    reaches the block of random texts.

    Args:
        model: Changed in place. Queries and keys have the same groups, each of two heads or more.
    """
    config, embeddings = model.config, model.embeddings
    table = embeddings.position_embeddings.weight  # [P, C]
    places, width = len(table), config.hidden_size // config.q_groups
    pace = torch.exp(torch.linspace(0.0, -math.log(SLOWEST), width // 2))  # radians a token
    angles = torch.arange(places)[:, None] * pace  # [P, width / 2]
    waves = torch.cat([angles.sin(), angles.cos()], 1).repeat(1, config.q_groups)  # [P, C]
    length = embeddings.word_embeddings.weight.norm(dim=1).mean()
    table += LENGTH * length * waves / waves.norm(dim=1, keepdim=True)
    ids = torch.randint(config.vocab_size, (_TEXTS, places), generator=torch.Generator().manual_seed(0))
    for number, block in enumerate(model.encoder.layers):
        seen = model(input_ids=ids, output_hidden_states=True).hidden_states[number].flatten(0, 1)
        _compare_positions(block.attention, seen, angles, pace)


def _compare_positions(
    attention: SqueezeBertSelfAttention, seen: Tensor, angles: Tensor, pace: Tensor
) -> None:
    """Set the first head of each group.

    Args:
        attention: Of a block.
        seen: What the block sees ``[texts × places, channels]``.
        angles: Of each sinusoid at each place, in radians ``[places, channels / groups / 2]``.
        pace: Radians a token ``[channels / groups / 2]``.
    """
    query, key = attention.query, attention.key
    width, size = query.in_features // query.groups, query.out_features // attention.heads
    pairs = size // 2
    for group in range(query.groups):
        band, distance = LOOKS[group % len(LOOKS)]
        taken = slice(band * 3 * pairs // 4, band * 3 * pairs // 4 + pairs)
        rows = slice(group * width, group * width + size)
        for layer, shift in ((query, distance), (key, 0)):
            moved = angles[:, taken] + shift * pace[taken]
            waves = torch.cat([moved.sin(), moved.cos()], 1).repeat(_TEXTS, 1)
            set_head(layer, group, rows, seen, SHARPNESS * waves)

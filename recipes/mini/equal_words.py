"""A start for what compares two texts: heads of attention that look for the same word in the other text.

The trunk reads one text at a time. What a model needs in order to answer a question from a text, or to say
what two sentences have in common, it would first have to discover: which words of the one are in the other.
Here it is given that to start from. The two segments get embeddings that differ, and in one block the last
head of each group of channels gets queries and keys by which a token attends to equal ones in the other
segment: a product of two codes of words is largest where the words agree, and one more channel, which says
the segment and has opposite signs in queries and keys, lifts the other segment above the own. Training may
change all of it.
"""

from __future__ import annotations

import math

import torch

from squeezebert.modeling import SqueezeBertModel
from start import set_head

BLOCK = 1
"""The second one: below it, a head of a task may share its block with the trunk."""
DIFFERENCE = 0.5
"""Between the embeddings of the segments, in lengths of a word embedding."""
SHARPNESS = 1.8
"""Factor of the codes' products: the size of one channel's part where two words differ."""
LIFT = 16.0
"""What the segment's channel adds to a product with the other segment, and takes from one with the own."""
_TEXTS = 160
"""Random texts of two segments, to see in them what the block makes of the words."""


@torch.no_grad()
def look_for_equal_words(model: SqueezeBertModel) -> None:
    """Tell the segments apart, and have one head of each group of channels compare their words.

    The head's linear map is the one that finds the words' codes best, by least squares, in what reaches the
    block of random texts. A code is what word embeddings have most of in the channels of a group: their
    principal components, each of variance 1. The head is the last of its group; the first one is the one that
    neighbours.py sets.

    Args:
        model: Changed in place. It has two blocks or more; queries and keys have the same groups, each of two
            heads or more.
    """
    config, embeddings = model.config, model.embeddings
    words, segments = embeddings.word_embeddings.weight, embeddings.token_type_embeddings.weight
    rng = torch.Generator().manual_seed(0)
    direction = torch.randn(config.hidden_size, generator=rng)  # [C]
    segments[1] = segments[0] + DIFFERENCE * words.norm(dim=1).mean() * direction / direction.norm()
    places = config.max_position_embeddings
    ids = torch.randint(config.vocab_size, (_TEXTS, places), generator=rng)  # [N, P]
    # The second segment begins anywhere.
    types = (torch.rand(_TEXTS, 1, generator=rng) < torch.arange(places) / places).long()
    states = model(input_ids=ids, token_type_ids=types, output_hidden_states=True).hidden_states
    seen = states[BLOCK].flatten(0, 1)  # [N × P, C]
    attention = model.encoder.layers[BLOCK].attention
    size, width = config.hidden_size // config.num_attention_heads, config.hidden_size // config.q_groups
    segment = math.sqrt(LIFT) * (2 * types.flatten()[:, None] - 1)  # [N × P, 1]
    for group in range(config.q_groups):
        channels = words[ids.flatten(), group * width : (group + 1) * width]  # [N × P, C / groups]
        components = torch.linalg.svd(channels - channels.mean(0), full_matrices=False).U[:, : size - 1]
        code = math.sqrt(SHARPNESS * len(components)) * components  # [N × P, size - 1]
        rows = slice((group + 1) * width - size, (group + 1) * width)
        for layer, sign in ((attention.query, 1), (attention.key, -1)):
            set_head(layer, group, rows, seen, torch.cat([code, sign * segment], 1))

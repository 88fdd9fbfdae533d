"""The one table of foreign names: what other programs call the tensors of this network.

Inside the package the names are those of the published SqueezeBERT checkpoints, always with the
``transformer.`` prefix. Sources: the state dicts of transformers' ``BertModel`` and ``BertFor…`` classes and
of ``SqueezeBertModel`` (5.23); ``gamma``/``beta`` are from google-research/bert's TensorFlow checkpoints.
"""

from __future__ import annotations

import re

import numpy as np

from squeezebert.checkpoints.arrays import Arrays
from squeezebert.errors import CheckpointError

WORD_EMBEDDINGS = "transformer.embeddings.word_embeddings.weight"
BACKBONE_PREFIX = "transformer."

_LAYER = r"^(transformer\.encoder\.layers\.\d+)"

_RENAMES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # Wrappers: DataParallel, torch.compile.
        (r"^(?:module\.|_orig_mod\.)+", ""),
        (r"\._orig_mod\.", "."),
        # The backbone is named "bert", or not named at all where it was saved alone.
        (r"^bert\.", BACKBONE_PREFIX),
        (r"^(?=(?:embeddings|encoder|pooler)\.)", BACKBONE_PREFIX),
        (r"^transformer\.encoder\.layer\.", "transformer.encoder.layers."),
        # BERT's block, in SqueezeBERT's words.
        (_LAYER + r"\.attention\.self\.", r"\1.attention."),
        (_LAYER + r"\.attention\.output\.dense\.", r"\1.post_attention.conv1d."),
        (_LAYER + r"\.attention\.output\.LayerNorm\.", r"\1.post_attention.layernorm."),
        (_LAYER + r"\.(intermediate|output)\.dense\.", r"\1.\2.conv1d."),
        (_LAYER + r"\.output\.LayerNorm\.", r"\1.output.layernorm."),
        (r"\.gamma$", ".weight"),
        (r"\.beta$", ".bias"),
    )
)

_CONVOLUTION = re.compile(_LAYER + r"\.(attention\.(query|key|value)|\w+\.conv1d)\.weight$")

# Names of copies of other tensors, which some programs write, and of what they copy.
TIED_COPIES = {
    "cls.predictions.decoder.weight": WORD_EMBEDDINGS,
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}


def published_name(name: str) -> str:
    """Translate one tensor name to the published SqueezeBERT name; a name of no known kind is kept."""
    for pattern, replacement in _RENAMES:
        name = pattern.sub(replacement, name)
    return name


def to_published(arrays: Arrays, place: object, *, tied: bool = True) -> Arrays:
    """Bring arrays under their published names and shapes.

    A linear layer ``[out, in]`` of a block becomes the kernel-1 convolution ``[out, in, 1]``, and copies
    of tied tensors are left out.

    Args:
        arrays: Arrays under any of the known names.
        place: What to name in an error.
        tied: Whether the output embeddings are the input embeddings by the config
            (``tie_word_embeddings``). If not, a decoder that differs is kept, under its own name.

    Raises:
        CheckpointError: Two tensors have the same published name.
    """
    published: Arrays = {}
    for foreign, array in arrays.items():
        name = published_name(foreign)
        if name in published:
            raise CheckpointError(f"{place}: holds {name} twice, the second time as {foreign}")
        is_linear = array.ndim == 2 and _CONVOLUTION.match(name)
        published[name] = array[:, :, np.newaxis] if is_linear else array
    return _without_copies(published, tied)


def _without_copies(arrays: Arrays, tied: bool) -> Arrays:
    for copy, kept in TIED_COPIES.items():
        if copy not in arrays:
            continue
        if kept not in arrays:
            arrays[kept] = arrays.pop(copy)
        elif tied or np.array_equal(arrays[copy], arrays[kept]):
            del arrays[copy]
    return arrays

"""The one table of foreign names: what other programs call the tensors of this network.

Inside the package the names are those of the published SqueezeBERT checkpoints, always with the
``transformer.`` prefix. Sources: the state dicts of transformers' ``BertModel`` and ``BertFor…`` classes and
of ``SqueezeBertModel`` (5.23); ``gamma``/``beta`` are from google-research/bert's TensorFlow checkpoints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.checkpoints.arrays import Stored
from squeezebert.checkpoints.quantized import SCALE_SUFFIX
from squeezebert.errors import CheckpointError

WORD_EMBEDDINGS = "transformer.embeddings.word_embeddings.weight"
BACKBONE_PREFIX = "transformer."

_BLOCK = re.compile(r"\bencoder\.layers\.(\d+)\.")
_LAYER = r"^(transformer\.encoder\.layers\.\d+)"

_RENAMES = (
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
_FOREIGN = re.compile("|".join(pattern for pattern, _ in _RENAMES))
"""Whether a name has anything to be renamed: one search instead of many for those that have not."""

_CONVOLUTION = re.compile(_LAYER + r"\.(attention\.(query|key|value)|\w+\.conv1d)\.weight$")

# Names of copies of other tensors, which some programs write, and of what they copy.
TIED_COPIES = {
    "cls.predictions.decoder.weight": WORD_EMBEDDINGS,
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}


def block_of(name: str) -> int | None:
    """The block, counted from 0, that the tensor of a published name is in; None if it is in none."""
    found = _BLOCK.search(name)
    return None if found is None else int(found[1])


def published_name(name: str) -> str:
    """Translate one tensor name to the published SqueezeBERT name; a name of no known kind is kept.

    The scales of int8 codes go by the name of their codes.
    """
    stem = name.removesuffix(SCALE_SUFFIX)
    if not _FOREIGN.search(stem):
        return name
    suffix = name[len(stem) :]
    for pattern, replacement in _RENAMES:
        stem = re.sub(pattern, replacement, stem)
    return stem + suffix


def to_published(arrays: Mapping[str, NDArray[Any]], place: object, *, tied: bool = True) -> Stored:
    """Bring arrays under their published names and shapes.

    A linear layer ``[out, in]`` of a block becomes the kernel-1 convolution ``[out, in, 1]``, and copies
    of tied tensors are left out.

    Args:
        arrays: Arrays under any of the known names, as float32 or as stored.
        place: What to name in an error.
        tied: Whether the output embeddings are the input embeddings by the config
            (``tie_word_embeddings``). If not, a decoder that differs is kept, under its own name.

    Raises:
        CheckpointError: Two tensors have the same published name.
    """
    published: Stored = {}
    for foreign, array in arrays.items():
        name = published_name(foreign)
        if name in published:
            raise CheckpointError(f"{place}: holds {name} twice, the second time as {foreign}")
        is_linear = array.ndim == 2 and _CONVOLUTION.match(name)
        published[name] = array[:, :, np.newaxis] if is_linear else array
    for copy, kept in TIED_COPIES.items():
        _drop_copy(published, copy, kept, tied)
    return published


def _drop_copy(arrays: Stored, copy: str, kept: str, tied: bool) -> None:
    """Leave out the copy of a tied tensor, or give it the name of what it copies if that is not there."""
    if copy not in arrays:
        return
    suffixes = [suffix for suffix in ("", SCALE_SUFFIX) if copy + suffix in arrays]
    copies = {suffix: arrays.pop(copy + suffix) for suffix in suffixes}
    if kept not in arrays:
        arrays.update({kept + suffix: array for suffix, array in copies.items()})
    elif not tied and any(_differ(array, arrays.get(kept + suffix)) for suffix, array in copies.items()):
        arrays.update({copy + suffix: array for suffix, array in copies.items()})


def _differ(one: NDArray[Any], other: NDArray[Any] | None) -> bool:
    return other is None or not np.array_equal(one, other)

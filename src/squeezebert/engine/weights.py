"""Which tensors a network computes with, by published name, and taking them from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.checkpoints import match
from squeezebert.checkpoints.arrays import Stored
from squeezebert.checkpoints.quantized import SCALE_SUFFIX, check_scales, is_scale, smoothing_of
from squeezebert.config import SqueezeBertConfig
from squeezebert.engine.backend import BASE, POOLED_HEADS
from squeezebert.errors import CheckpointError

Shapes = dict[str, tuple[int, ...]]

POOLER = "transformer.pooler.dense"


def fitting(
    config: SqueezeBertConfig, arrays: Mapping[str, NDArray[Any]], head: str, *, place: object
) -> Stored:
    """Take the arrays that a network needs, with their scales, in forms that the kernels read.

    Args:
        config: Sizes, groups and labels.
        arrays: Under published names, as stored or as float32. The pooler of a model without head may be
            absent.
        head: Class name of the published model.
        place: What to name in an error.

    Returns:
        Contiguous float32 or float16 arrays, or int8 codes with float32 scales, and what they are smoothed
        by; without a copy where they have that form.

    Raises:
        CheckpointError: Tensors are missing, unexpected, of another shape or type.
    """
    # Before a shape is made for each: a config may say anything.
    if config.num_hidden_layers > len(arrays):
        raise CheckpointError(
            f"{place}: has too few tensors for num_hidden_layers {config.num_hidden_layers}"
        )
    codes = {name: array for name, array in arrays.items() if not is_scale(name, arrays)}
    pooler = head in POOLED_HEADS or (head == BASE and f"{POOLER}.weight" in arrays)
    shapes = network_shapes(config, head, pooler=pooler)
    smoothing = {name for matrix in shapes if (name := smoothing_of(matrix)) and name in arrays}
    shapes |= dict.fromkeys(smoothing, (config.hidden_size,))
    found = match(shapes, codes, place=place)
    if found.missing:
        raise CheckpointError(f"{place}: there is no {found.missing[0]}, which a {head} needs")
    taken = {
        stored: _plain(arrays[stored], f"{place}: {stored}")
        for name in found.arrays
        for stored in (name, name + SCALE_SUFFIX)
        if stored in arrays
    }
    try:
        check_scales(taken)
    except ValueError as error:
        raise CheckpointError(f"{place}: {error}") from error
    for name, array in taken.items():
        if array.dtype == np.int8 and name + SCALE_SUFFIX not in taken:
            raise CheckpointError(f"{place}: {name} holds int8 without a scale")
    return taken


def _plain(array: NDArray[Any], where: str) -> NDArray[Any]:
    if array.dtype in (np.float32, np.float16, np.int8):
        return np.ascontiguousarray(array)
    if array.dtype.kind != "f":
        raise CheckpointError(f"{where} holds {array.dtype}, not floats")
    return np.ascontiguousarray(array, dtype=np.float32)


def network_shapes(config: SqueezeBertConfig, head: str, *, pooler: bool) -> Shapes:
    """Shape of each tensor that a network computes with.

    Args:
        config: Sizes, groups and labels.
        head: Class name of the published model.
        pooler: Whether the pooler is among them.
    """
    hidden = config.hidden_size
    shapes: Shapes = {
        "transformer.embeddings.word_embeddings.weight": (config.vocab_size, hidden),
        "transformer.embeddings.position_embeddings.weight": (config.max_position_embeddings, hidden),
        "transformer.embeddings.token_type_embeddings.weight": (config.type_vocab_size, hidden),
        **_norm("transformer.embeddings.LayerNorm", hidden),
    }
    for layer in range(config.num_hidden_layers):
        shapes.update(_block(f"transformer.encoder.layers.{layer}", config))
    if pooler:
        shapes.update(_linear(POOLER, hidden, hidden))
    return {**shapes, **_head(config, head)}


def _block(name: str, config: SqueezeBertConfig) -> Shapes:
    hidden, inner = config.hidden_size, config.intermediate_size
    return {
        **_convolution(f"{name}.attention.query", hidden, hidden, config.q_groups),
        **_convolution(f"{name}.attention.key", hidden, hidden, config.k_groups),
        **_convolution(f"{name}.attention.value", hidden, hidden, config.v_groups),
        **_convolution(f"{name}.post_attention.conv1d", hidden, hidden, config.post_attention_groups),
        **_norm(f"{name}.post_attention.layernorm", hidden),
        **_convolution(f"{name}.intermediate.conv1d", hidden, inner, config.intermediate_groups),
        **_convolution(f"{name}.output.conv1d", inner, hidden, config.output_groups),
        **_norm(f"{name}.output.layernorm", hidden),
    }


def _head(config: SqueezeBertConfig, head: str) -> Shapes:
    hidden = config.hidden_size
    if head == "SqueezeBertForMultipleChoice":
        return _linear("classifier", hidden, 1)
    if head.endswith("Classification"):
        return _linear("classifier", hidden, config.num_labels)
    if head == "SqueezeBertForQuestionAnswering":
        return _linear("qa_outputs", hidden, 2)
    if head == "SqueezeBertForMaskedLM":
        return {
            "cls.predictions.bias": (config.vocab_size,),
            **_linear("cls.predictions.transform.dense", hidden, hidden),
            **_norm("cls.predictions.transform.LayerNorm", hidden),
        }
    return {}


def _linear(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _convolution(name: str, inputs: int, outputs: int, groups: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs // groups, 1), f"{name}.bias": (outputs,)}


def _norm(name: str, channels: int) -> Shapes:
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}

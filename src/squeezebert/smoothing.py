"""What input channels are divided by before they become codes, found from the weights and a few pieces.

In trained BERTs some channels of a norm's output are many times as large as the others, whichever text is
read. All channels of a group share a scale, so these leave few codes to the rest. Dividing a channel by a
factor and multiplying its weights with it changes nothing but the codes (Xiao et al., "SmoothQuant", arXiv
2211.10438, whose usual power is 0.5). The factors are powers of two, so that applying them rounds nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from squeezebert.checkpoints import Checkpoint
from squeezebert.checkpoints.arrays import Arrays
from squeezebert.checkpoints.quantized import SMOOTHING_SUFFIX
from squeezebert.engine import Engine
from squeezebert.engine.backend import BASE
from squeezebert.engine.packing import PackedBatch
from squeezebert.engine.weights import fitting

PIECES = 64
"""So many pieces of the vocabulary are read, evenly spread: channels that stand out do so for any text."""
_TEXT = 32
_MOST = 8
"""Largest exponent of a factor; a channel that is never used would ask for more."""


def measure_smoothing(checkpoint: Checkpoint) -> Arrays:
    """Find the factors of a model.

    Returns:
        Factors ``[hidden]`` by name, where any is not 1.

    Raises:
        CheckpointError: It does not fit its config.
        OptionError: The engine does not compute it.
    """
    config = checkpoint.config
    arrays = fitting(config, checkpoint.arrays, BASE, place=checkpoint.folder)
    engine = Engine(config, arrays, BASE, precision="fp32")
    ids = np.arange(PIECES, dtype=np.int32) * np.int32(config.vocab_size) // PIECES
    starts = np.append(np.arange(0, PIECES, min(_TEXT, config.max_position_embeddings)), PIECES)
    batch = PackedBatch(ids, np.zeros_like(ids), starts.astype(np.int32))
    magnitudes = engine.channel_magnitudes(batch)
    found = {
        f"transformer.encoder.layers.{layer}.{reader}{SMOOTHING_SUFFIX}": factors
        for layer in range(config.num_hidden_layers)
        for reader, factors in zip(
            ("attention", "intermediate"), map(_factors, magnitudes[layer]), strict=True
        )
    }
    return {name: factors for name, factors in found.items() if (factors != 1).any()}


def _factors(magnitudes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Square roots of what channels are larger than their median, as powers of two ``[channels]``."""
    typical = float(np.median(magnitudes))
    if typical == 0:
        return np.ones_like(magnitudes)
    powers = np.rint(np.log2(np.clip(magnitudes / typical, 4.0**-_MOST, 4.0**_MOST)) / 2)
    factors: NDArray[np.float32] = np.exp2(powers).astype(np.float32)
    return factors

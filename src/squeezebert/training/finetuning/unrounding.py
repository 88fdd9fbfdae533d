"""Leaving the grid of int8: what has to happen to word embeddings before they are trained on."""

from __future__ import annotations

import torch
from torch import Tensor

from squeezebert.checkpoints import read_stored
from squeezebert.checkpoints.names import WORD_EMBEDDINGS
from squeezebert.checkpoints.quantized import SCALE_SUFFIX


def unround(embeddings: Tensor, start: str, seed: int) -> None:
    """Add to word embeddings that are stored as int8 what their rounding may have taken, at random.

    Most words change by less than half a step of the grid in fine-tuning. Where they start on the grid, an
    int8 copy of the finished model would take back the change of every one of them. Spread evenly around the
    grid, the same share of the values as the change is of a step moves to the next code, and the change is
    kept on average. Words that are not trained return to their codes.

    Args:
        embeddings: float32 ``[vocabulary, size]``, as read from ``start``; changed in place.
        start: Folder, embedded name or hub name. Nothing happens if it does not store int8.
        seed: Of the random numbers.

    Raises:
        CheckpointError: ``start`` cannot be read.
    """
    scales = read_stored(start).arrays.get(WORD_EMBEDDINGS + SCALE_SUFFIX)
    if scales is None:
        return
    noise = torch.rand(embeddings.shape, generator=torch.Generator().manual_seed(seed)) - 0.5
    with torch.no_grad():
        embeddings += noise * torch.tensor(scales)[:, None]

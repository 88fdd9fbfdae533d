"""Logits to probabilities, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def log_sum_exp(logits: NDArray[Any]) -> NDArray[np.float64]:
    """``[…, classes]`` -> ``[…]``, without overflow."""
    wide = np.asarray(logits, dtype=np.float64)
    top = wide.max(axis=-1, keepdims=True)
    total: NDArray[np.float64] = np.log(np.exp(wide - top).sum(axis=-1)) + top[..., 0]
    return total


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """``[…, classes]`` -> probabilities that sum to 1 over the last axis."""
    wide = np.asarray(logits, dtype=np.float64)
    probabilities: NDArray[np.float64] = np.exp(wide - log_sum_exp(wide)[..., None])
    return probabilities


def sigmoid(logits: NDArray[Any]) -> NDArray[np.float64]:
    """A probability for each logit by itself."""
    wide = np.asarray(logits, dtype=np.float64)
    probabilities: NDArray[np.float64] = 0.5 * (1 + np.tanh(wide / 2))
    return probabilities


def highest(values: NDArray[Any], count: int | None = None) -> NDArray[np.intp]:
    """Indices of the ``count`` highest of ``values`` ``[n]``, or of all: highest first, ties in order."""
    near: NDArray[np.intp] = np.arange(len(values))
    if count is not None and 0 < count < len(values):
        # Sorting the scores of a vocabulary takes longer than a small model.
        limit = np.partition(values, -count)[-count]
        near = np.flatnonzero(~(values < limit))
    return near[np.argsort(-values[near], kind="stable")[:count]]

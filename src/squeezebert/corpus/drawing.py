"""Which of a corpus's texts an epoch reads: a pure function of seed and epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def draw(size: int, count: int, epoch: int, seed: Sequence[int]) -> NDArray[np.int64]:
    """The ``count`` indices below ``size`` that belong to an epoch.

    Over the epochs each index comes once before any comes twice; each round has an order of its own.
    """
    wanted = np.arange(epoch * count, (epoch + 1) * count)
    rounds = wanted // size
    drawn = np.empty(count, dtype=np.int64)
    for number in np.unique(rounds):
        order = np.random.default_rng([*seed, int(number)]).permutation(size)
        here = rounds == number
        drawn[here] = order[wanted[here] % size]
    return drawn


def divide(count: int, shares: Sequence[float]) -> list[int]:
    """Divide a number of texts among corpora by their shares, to the nearest whole text."""
    bounds = np.round(np.cumsum([0.0, *shares]) / sum(shares) * count).astype(np.int64)
    return [int(size) for size in np.diff(bounds)]

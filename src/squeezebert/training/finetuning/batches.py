"""Batches of similar length, drawn anew each epoch; nothing but the seed and the lengths decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from squeezebert.tasks.base import Feature
from squeezebert.training.finetuning.settings import TrainingSettings

# Texts of this many batches are sorted by length together: long enough to spare most padding, short enough
# that the batches of an epoch stay a random draw.
_SORTED_TOGETHER = 64


def tokens_of(feature: Feature) -> int:
    """Tokens that a feature costs when it is padded alone: choices × the longest."""
    return len(feature.inputs) * max(len(text.ids) for text in feature.inputs)


def plan_batches(
    costs: Sequence[int], settings: TrainingSettings, rng: np.random.Generator
) -> list[list[int]]:
    """Cut an epoch into batches of indices.

    Args:
        costs: Tokens of each feature, padded alone.
        settings: ``batch_tokens``, or else ``batch_size``, bounds a batch.
        rng: Decides the order.

    Returns:
        Each index once; a batch is over its bound only where a single feature is.
    """
    order = rng.permutation(len(costs))
    mean = max(1.0, float(np.mean(costs)))
    share = settings.batch_size if settings.batch_tokens is None else int(settings.batch_tokens / mean)
    pool = max(1, share) * _SORTED_TOGETHER
    batches: list[list[int]] = []
    for start in range(0, len(order), pool):
        by_length = sorted(order[start : start + pool].tolist(), key=lambda index: costs[index])
        batches.extend(_cut(by_length, costs, settings))
    return [batches[index] for index in rng.permutation(len(batches))]


def _cut(by_length: list[int], costs: Sequence[int], settings: TrainingSettings) -> list[list[int]]:
    if settings.batch_tokens is None:
        size = settings.batch_size
        return [by_length[start : start + size] for start in range(0, len(by_length), size)]
    batches: list[list[int]] = [[]]
    for index in by_length:
        # Sorted, so this one is the longest so far and sets the padded length.
        if batches[-1] and (len(batches[-1]) + 1) * costs[index] > settings.batch_tokens:
            batches.append([])
        batches[-1].append(index)
    return batches

"""Training examples to the padded arrays that a torch head takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.engine.packing import pack
from squeezebert.tasks.base import NO_LOSS, Feature


def collate(features: Sequence[Feature], pad_id: int) -> dict[str, NDArray[Any]]:
    """Batch features of one task as the keyword arguments of its head.

    Args:
        features: At least one; those of multiple choice have one input for each choice, two or more.
        pad_id: ``config.pad_token_id``.

    Returns:
        ``input_ids``, ``token_type_ids`` and ``attention_mask`` ``[batch, tokens]`` int64 (multiple choice:
        ``[batch, choices, tokens]``), and the targets: those of texts stacked, those of tokens padded to
        ``[batch, tokens]``. A question with fewer choices than others of the batch gets rows of padding as
        further choices, which the loss counts as wrong ones; their first token is seen.
    """
    input_ids, token_type_ids, mask = pack([text for item in features for text in item.inputs]).padded(pad_id)
    arrays: dict[str, NDArray[Any]] = {
        "input_ids": _by_choice(features, input_ids, pad_id),
        "token_type_ids": _by_choice(features, token_type_ids, 0),
        "attention_mask": _by_choice(features, mask, 0),
    }
    # Gradients of rows that are masked throughout are wrong in fused attention.
    arrays["attention_mask"][..., 0] = 1
    for name in features[0].targets:
        arrays[name] = np.stack([item.targets[name] for item in features])
    for name in features[0].token_targets:
        arrays[name] = np.full(input_ids.shape, NO_LOSS, dtype=np.int64)
        for row, item in zip(arrays[name], features, strict=True):
            row[: len(item.token_targets[name])] = item.token_targets[name]
    return arrays


def _by_choice(features: Sequence[Feature], rows: NDArray[np.int64], fill: int) -> NDArray[np.int64]:
    """``[inputs, tokens]`` -> ``[batch, choices, tokens]`` where features have choices."""
    counts = np.array([len(item.inputs) for item in features])
    if counts.max() == 1:
        return rows
    grid = np.full((len(features), counts.max(), rows.shape[1]), fill, dtype=rows.dtype)
    grid[np.arange(counts.max()) < counts[:, None]] = rows
    return grid

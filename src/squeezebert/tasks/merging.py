"""Windows of one text put together again: token by token, or by their mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.engine.backend import Outputs
from squeezebert.tasks.base import Window

Place = tuple[int, int]


def mean_of(windows: Sequence[Window], found: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """The mean of what was found in each window ``[n]``, in float64.

    Weighted by their tokens, so that a short last window counts for as little as it has read.
    """
    tokens = np.array([len(window.ids) for window in windows], dtype=np.float64)
    mean: NDArray[np.float64] = tokens @ np.array(found, dtype=np.float64) / tokens.sum()
    return mean


def merge(windows: Sequence[Window], outputs: Sequence[Outputs]) -> NDArray[np.float64]:
    """Average the logits of windows: ``[labels]``.

    Logits and not probabilities, so that a window that is sure outweighs one that is in doubt.
    """
    return mean_of(windows, [output["logits"] for output in outputs])


def best_places(windows: Sequence[Window], stride: int) -> list[Place]:
    """Where each token of a text has most context.

    Context is the smaller of the numbers of tokens of the text to the left and right in the same window. At
    the start of the first window and the end of the last one the text itself ends, so nothing is missing
    there. Of two windows that show as much, the earlier one is taken.

    Args:
        windows: All windows of one text, in order, as ``encode_windows`` gives them for a single text.
        stride: Tokens that neighbours share.

    Returns:
        For each token of the text, in order and each once, the index of a window and the position in it.
    """
    texts = [_text_positions(window) for window in windows]
    step = len(texts[0]) - stride
    best: dict[int, tuple[float, Place]] = {}
    for index, positions in enumerate(texts):
        for rank, position in enumerate(positions):
            left = float("inf") if index == 0 else rank
            right = float("inf") if index == len(texts) - 1 else len(positions) - 1 - rank
            context = min(left, right)
            token = index * step + rank
            if token not in best or context > best[token][0]:
                best[token] = (context, (index, position))
    return [best[token][1] for token in sorted(best)]


def _text_positions(window: Window) -> list[int]:
    owners = window.encoding.sequence_ids
    return [position for position, owner in enumerate(owners) if owner is not None]

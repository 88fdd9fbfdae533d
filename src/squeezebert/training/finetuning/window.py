"""How much of a text a model reads at once, by what its rows can teach it."""

from __future__ import annotations

import math

from squeezebert.pipelines import windows_of
from squeezebert.tasks.base import Setup
from squeezebert.training.finetuning.data import TrainingData

_SHORTEST = 64
_SHARE = 0.99
_ROWS = 2000
"""Rows that tell how long all are."""


def learnt_window(data: TrainingData, setup: Setup) -> int:
    """Choose the longest window, in tokens, of a model that nobody gave one.

    A task that judges each place of a text learns nothing of places that no row reaches, and judges them
    badly: so its window is the shortest of 64, 128, 256 and so on that holds 99 of 100 training rows. Longer
    rows are windowed, as longer texts are later. The limit in the start's tokenizer_config.json is one of
    other rows, and is not looked at; for other tasks it is the window.

    Args:
        data: The rows; some of them are tokenised.
        setup: With the longest window that the tokenizer gives.

    Raises:
        DataError: A row has a part that no window can hold.
    """
    if not data.task.judges_places:
        return setup.max_length
    longest = Setup.of(setup.config, setup.tokenizer, max_length=setup.config.max_position_embeddings)
    rows = data.training[:: math.ceil(len(data.training) / _ROWS)]
    lengths = sorted(max(len(window.ids) for window in windows_of(data.task, row, longest)) for row in rows)
    reached = lengths[math.ceil(_SHARE * len(lengths)) - 1]
    window = _SHORTEST
    while window < reached:
        window *= 2
    return min(window, longest.max_length)

"""Masking of tokens for masked language modelling.

Source: the BERT paper, section 3.1: 15 % of the tokens; of these 80 % become ``[MASK]``, 10 % a random piece,
and 10 % stay.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RATE = 0.15
_MASKED, _RANDOM = 0.8, 0.1


def mask_tokens(
    ids: Sequence[int], special: Sequence[int], *, mask_id: int, vocab_size: int, rng: np.random.Generator
) -> tuple[list[int], tuple[int, ...]]:
    """Choose tokens to be predicted and hide them.

    Args:
        ids: ``[tokens]``.
        special: 1 for tokens that are never chosen ``[tokens]``.
        mask_id: Id of ``[MASK]``.
        vocab_size: Random pieces are drawn from the ids below.
        rng: Source of the choice.

    Returns:
        The ids as the model reads them, and the chosen positions in order: 15 % of the text's tokens,
        rounded, and at least one if there is any.
    """
    free = np.flatnonzero(np.asarray(special) == 0)
    count = min(len(free), max(1, round(RATE * len(free))))
    chosen = np.sort(rng.choice(free, size=count, replace=False)) if count else free
    hidden = np.array(ids)
    lot = rng.random(count)
    drawn = rng.integers(vocab_size, size=count)
    hidden[chosen] = np.where(
        lot < _MASKED, mask_id, np.where(lot < _MASKED + _RANDOM, drawn, hidden[chosen])
    )
    return hidden.tolist(), tuple(chosen.tolist())

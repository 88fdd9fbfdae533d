"""Masking of tokens for masked language modelling.

Source: the BERT paper, section 3.1: 15 % of the tokens; of these 80 % become ``[MASK]``, 10 % a random piece,
and 10 % stay.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
    count = _count(len(free))
    chosen = np.sort(rng.choice(free, size=count, replace=False)) if count else free
    return _hidden(ids, chosen, mask_id, vocab_size, rng), tuple(chosen.tolist())


def mask_words(
    ids: Sequence[int],
    special: Sequence[int],
    continues: NDArray[np.bool_],
    *,
    mask_id: int,
    vocab_size: int,
    rng: np.random.Generator,
) -> tuple[list[int], tuple[int, ...]]:
    """Choose whole words to be predicted and hide their pieces, each by its own lot.

    Args:
        ids: As in :func:`mask_tokens`, like the rest.
        special: See there.
        continues: Whether a piece goes on with the word before it, by id ``[vocabulary]``.
        mask_id: See there.
        vocab_size: See there.
        rng: See there.

    Returns:
        As there. Words are taken in a random order while they fit into 15 % of the tokens; if none does, the
        first of the order.
    """
    free = np.flatnonzero(np.asarray(special) == 0)
    # A word begins also where a special token stands before it.
    begins = ~continues[np.asarray(ids, dtype=np.int64)[free]] | (np.diff(free, prepend=-2) > 1)
    words = np.split(free, np.flatnonzero(begins)[1:]) if len(free) else []
    budget = _count(len(free))
    order = rng.permutation(len(words)).tolist()
    taken: list[NDArray[np.intp]] = []
    size = 0
    for word in map(words.__getitem__, order):
        if size + len(word) <= budget:
            taken.append(word)
            size += len(word)
        elif taken:
            break
    if words and not taken:
        taken = [words[order[0]]]
    chosen = np.sort(np.concatenate(taken)) if taken else free
    return _hidden(ids, chosen, mask_id, vocab_size, rng), tuple(chosen.tolist())


def _count(free: int) -> int:
    return min(free, max(1, round(RATE * free)))


def _hidden(
    ids: Sequence[int], chosen: NDArray[np.intp], mask_id: int, vocab_size: int, rng: np.random.Generator
) -> list[int]:
    hidden = np.array(ids)
    lot = rng.random(len(chosen))
    drawn = rng.integers(vocab_size, size=len(chosen))
    hidden[chosen] = np.where(
        lot < _MASKED, mask_id, np.where(lot < _MASKED + _RANDOM, drawn, hidden[chosen])
    )
    pieces: list[int] = hidden.tolist()
    return pieces

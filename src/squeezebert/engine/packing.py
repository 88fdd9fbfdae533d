"""Ragged batches: texts one after the other without padding, and the padded form for backends that need it.

Pure functions on numpy arrays.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from squeezebert.errors import OptionError


class Tokens(Protocol):
    """What a model reads of one text; an ``Encoding`` is one."""

    @property
    def ids(self) -> Sequence[int]:
        """Piece ids ``[tokens]``."""

    @property
    def type_ids(self) -> Sequence[int]:
        """Segment of each token ``[tokens]``."""


@dataclass(frozen=True)
class PackedBatch:
    """Texts one after the other.

    Attributes:
        input_ids: Piece ids of all texts ``[T]``, int32.
        token_type_ids: Their segments ``[T]``, int32.
        starts: Text ``b`` has the tokens ``starts[b]`` to ``starts[b + 1]``; ``[B + 1]``, int32.
    """

    input_ids: NDArray[np.int32]
    token_type_ids: NDArray[np.int32]
    starts: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens of each text ``[B]``."""
        return np.diff(self.starts)

    def padded(self, pad_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Give ``input_ids``, ``token_type_ids`` and ``attention_mask``, each ``[B, L]`` int64."""
        mask = np.arange(self.lengths.max(initial=0)) < self.lengths[:, None]
        input_ids = np.full(mask.shape, pad_id, dtype=np.int64)
        token_type_ids = np.zeros(mask.shape, dtype=np.int64)
        input_ids[mask] = self.input_ids
        token_type_ids[mask] = self.token_type_ids
        return input_ids, token_type_ids, mask.astype(np.int64)


def pack(texts: Sequence[Tokens]) -> PackedBatch:
    """Put texts one after the other.

    Raises:
        OptionError: A text has no tokens at all, not even ``[CLS]`` and ``[SEP]``.
    """
    lengths = [len(text.ids) for text in texts]
    if 0 in lengths:
        raise OptionError(f"text {lengths.index(0)} of the batch has no tokens; add special tokens")
    return PackedBatch(
        input_ids=int32(chain.from_iterable(text.ids for text in texts)),
        token_type_ids=int32(chain.from_iterable(text.type_ids for text in texts)),
        starts=starts_of(lengths),
    )


def batches(lengths: Sequence[int], batch_tokens: int, pads: bool) -> Iterator[slice]:
    """Divide texts, sorted from long to short, into batches of so many tokens at most.

    Args:
        lengths: Tokens of each text.
        batch_tokens: Tokens of a batch; one text goes through even if it is longer.
        pads: Whether each text costs as much as the first of its batch, which is the longest.
    """
    start = tokens = 0
    for end, length in enumerate(lengths):
        cost = lengths[start] if pads else length
        if end > start and tokens + cost > batch_tokens:
            yield slice(start, end)
            start, tokens, cost = end, 0, length
        tokens += cost
    if lengths:
        yield slice(start, len(lengths))


def int32(values: Iterable[int]) -> NDArray[np.int32]:
    """Integers as an array ``[n]``, with one call of numpy.

    After a forward pass the caches hold weights, and each call of numpy costs some microseconds. What has no
    length is made a list first, which ``array`` reads faster.

    Raises:
        OverflowError: One does not fit.
        TypeError: One is no integer.
    """
    return np.asarray(array("i", list(values)))


def starts_of(lengths: Iterable[int]) -> NDArray[np.int32]:
    """Where each text begins, and where the last one ends: ``[B]`` -> ``[B + 1]``."""
    return int32(accumulate(lengths, initial=0))


def positions_of(lengths: Iterable[int]) -> NDArray[np.int32]:
    """Place of each token in its text ``[T]``."""
    return int32(chain.from_iterable(map(range, lengths)))

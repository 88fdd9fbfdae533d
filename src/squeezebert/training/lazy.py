"""Batches that are read when they are asked for, so that an epoch can be longer than memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

ItemT = TypeVar("ItemT")


class LazyBatches(Sequence[Sequence[ItemT]]):
    """A sequence of batches, each made anew by :meth:`batch` whenever it is asked for."""

    @abstractmethod
    def batch(self, index: int) -> list[ItemT]:
        """Make a batch.

        Args:
            index: From 0 to below the number of batches.
        """

    @overload
    def __getitem__(self, index: int) -> list[ItemT]: ...

    @overload
    def __getitem__(self, index: slice) -> list[list[ItemT]]: ...

    def __getitem__(self, index: int | slice) -> list[ItemT] | list[list[ItemT]]:
        places = range(len(self))[index]
        return self.batch(places) if isinstance(places, int) else [self.batch(place) for place in places]

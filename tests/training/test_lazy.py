"""Batches that are made when they are asked for behave as a list of them."""

from __future__ import annotations

import pytest

from squeezebert.training.lazy import LazyBatches


class Squares(LazyBatches[int]):
    def __len__(self) -> int:
        return 5

    def batch(self, index: int) -> list[int]:
        return [index, index * index]


def test_places_and_slices_are_those_of_a_list() -> None:
    lazy, listed = Squares(), [[n, n * n] for n in range(5)]
    assert [*lazy] == listed
    assert [lazy[index] for index in range(-5, 5)] == [listed[index] for index in range(-5, 5)]
    for part in (slice(1, 9), slice(None, None, -2), slice(-2, None)):
        assert lazy[part] == listed[part]
    for outside in (5, -6):
        with pytest.raises(IndexError):
            lazy[outside]

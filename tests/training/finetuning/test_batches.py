"""Batches: every feature once, bounded, of similar length, and decided by the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.training import TrainingSettings
from squeezebert.training.finetuning.batches import plan_batches

COSTS = st.lists(st.integers(2, 99), min_size=1, max_size=300)


def planned(costs: list[int], seed: int = 0, **settings: int) -> list[list[int]]:
    return plan_batches(costs, TrainingSettings(**settings), np.random.default_rng(seed))


@given(COSTS, st.integers(1, 20))
def test_each_feature_comes_once_in_batches_of_a_size(costs: list[int], size: int) -> None:
    batches = planned(costs, batch_size=size)
    assert sorted(index for batch in batches for index in batch) == list(range(len(costs)))
    assert all(1 <= len(batch) <= size for batch in batches)


@given(COSTS, st.integers(1, 500))
def test_a_token_budget_holds_with_padding(costs: list[int], budget: int) -> None:
    batches = planned(costs, batch_tokens=budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(costs)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(costs[index] for index in batch) <= budget


def test_lengths_of_a_batch_are_similar_and_batches_are_not_in_order() -> None:
    costs = np.random.default_rng(7).integers(2, 99, size=1300).tolist()
    batches = planned(costs, batch_size=13)
    padded = sum(len(batch) * max(costs[index] for index in batch) for batch in batches)
    assert padded < 1.1 * sum(costs)
    longest = [max(costs[index] for index in batch) for batch in batches]
    assert abs(np.corrcoef(longest, range(len(longest)))[0, 1]) < 0.3


@pytest.mark.parametrize("bound", [{"batch_size": 7}, {"batch_tokens": 99}])
def test_the_seed_decides(bound: dict[str, int]) -> None:
    costs = np.random.default_rng(7).integers(2, 99, size=97).tolist()
    assert planned(costs, seed=1, **bound) == planned(costs, seed=1, **bound) != planned(costs, 2, **bound)

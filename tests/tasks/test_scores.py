"""Which scores are the highest."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.tasks.scores import highest


@given(st.lists(st.integers(-3, 3), max_size=37), st.none() | st.integers(1, 41))
def test_the_highest_are_those_of_a_stable_sort(values: list[int], count: int | None) -> None:
    found = highest(np.array(values, dtype=np.float32), count)
    expected = sorted(range(len(values)), key=lambda index: -values[index])[:count]
    assert found.tolist() == expected

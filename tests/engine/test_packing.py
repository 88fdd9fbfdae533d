"""Packing and unpacking are inverse to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.engine.packing import batches, pack
from squeezebert.errors import OptionError


@dataclass
class Text:
    ids: list[int]
    type_ids: list[int]


texts = st.lists(
    st.lists(st.tuples(st.integers(0, 98), st.integers(0, 1)), min_size=1, max_size=11).map(
        lambda pairs: Text([i for i, _ in pairs], [t for _, t in pairs])
    ),
    min_size=1,
    max_size=13,
)


@given(texts)
def test_texts_stand_one_after_the_other(batch: list[Text]) -> None:
    packed = pack(batch)
    assert len(packed) == len(batch)
    bounds = packed.starts[1:-1]
    assert [part.tolist() for part in np.split(packed.input_ids, bounds)] == [text.ids for text in batch]
    assert [part.tolist() for part in np.split(packed.token_type_ids, bounds)] == [t.type_ids for t in batch]
    assert packed.input_ids.dtype == packed.starts.dtype == np.int32


@given(texts)
def test_padding_is_what_the_mask_says(batch: list[Text]) -> None:
    packed = pack(batch)
    ids, types, mask = packed.padded(pad_id=77)
    assert ids.shape == types.shape == mask.shape == (len(batch), max(len(t.ids) for t in batch))
    assert mask.sum(axis=1).tolist() == packed.lengths.tolist()
    assert (ids[mask == 0] == 77).all()
    assert (types[mask == 0] == 0).all()
    np.testing.assert_array_equal(ids[mask == 1], packed.input_ids)
    np.testing.assert_array_equal(types[mask == 1], packed.token_type_ids)


def test_a_text_without_tokens_is_refused() -> None:
    with pytest.raises(OptionError, match="text 1 of the batch has no tokens"):
        pack([Text([1], [0]), Text([], [])])


@pytest.mark.parametrize(
    ("lengths", "pads", "expected"),
    [
        ([9, 5, 3, 2, 1], True, [[9], [5, 3], [2, 1]]),
        ([9, 5, 3, 2, 1], False, [[9], [5, 3, 2], [1]]),
        ([50, 20, 10], True, [[50], [20], [10]]),
        ([50, 5, 5], False, [[50], [5, 5]]),
        ([5, 5], True, [[5, 5]]),
        ([], False, []),
    ],
)
def test_padding_counts_where_a_backend_pads(
    lengths: list[int], pads: bool, expected: list[list[int]]
) -> None:
    assert [lengths[batch] for batch in batches(lengths, 10, pads)] == expected

"""Lists and padded arrays lose nothing but masked tokens on the way in, and come out in the form they had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.engine.inputs import Inputs, read_inputs
from squeezebert.errors import OptionError


def read(ids: Any, mask: Any = None, types: Any = None, *, choices: bool = False) -> Inputs:
    return read_inputs(ids, mask, types, None, choices=choices)


@st.composite
def texts(draw: st.DrawFn) -> tuple[list[list[int]], list[list[int]]]:
    """Ids of some texts and their masks; every text keeps a token."""
    lengths = draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))
    ids = [draw(st.lists(st.integers(0, 98), min_size=n, max_size=n)) for n in lengths]
    masks = [draw(st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(any)) for n in lengths]
    return ids, masks


@given(texts())
def test_lists_come_back_with_zeros_where_tokens_were_masked(given_texts: Any) -> None:
    ids, masks = given_texts
    inputs = read(ids, masks, types=[[i % 3 for i in text] for text in ids])
    kept = [[i for i, m in zip(*pair, strict=True) if m] for pair in zip(ids, masks, strict=True)]
    assert inputs.input_ids.tolist() == [i for text in kept for i in text]
    assert inputs.token_type_ids.tolist() == [i % 3 for text in kept for i in text]
    assert np.diff(inputs.starts).tolist() == [len(text) for text in kept]
    assert inputs.position_ids.tolist() == [p for m in masks for p, kept in enumerate(m) if kept]
    for values in (inputs.input_ids, inputs.token_type_ids, inputs.position_ids, inputs.starts):
        assert values.dtype == np.int32
        assert values.flags.c_contiguous
    back = inputs.of_tokens(np.repeat(inputs.input_ids[:, None] + 1.0, 2, axis=1).astype(np.float32))
    for row, text, mask in zip(back, ids, masks, strict=True):
        expected = [(i + 1) * m for i, m in zip(text, mask, strict=True)]
        np.testing.assert_array_equal(row, np.stack([expected, expected], axis=1))


@given(texts(), st.integers(7, 9), st.sampled_from(["left", "right"]))
def test_padded_arrays_hold_the_same_as_lists(given_texts: Any, width: int, side: str) -> None:
    ids, masks = given_texts
    inputs = read(ids, masks)
    padded, mask = np.zeros((2, len(ids), width), dtype=np.int64)
    for row, (text, kept) in enumerate(zip(ids, masks, strict=True)):
        place = slice(0, len(text)) if side == "right" else slice(width - len(text), width)
        padded[row, place], mask[row, place] = text, kept
    same = read(padded, mask)
    np.testing.assert_array_equal(same.input_ids, inputs.input_ids)
    np.testing.assert_array_equal(same.starts, inputs.starts)
    # Padding on the left moves the positions, as it does in torch.
    moved = [p for m in mask for p, kept in enumerate(m) if kept]
    assert same.position_ids.tolist() == moved
    back = same.of_tokens(inputs.input_ids.astype(np.float32))
    np.testing.assert_array_equal(back, padded * mask)


def test_every_form_of_the_same_texts() -> None:
    ids = [[1, 2, 3], [4, 5, 6]]
    for given_ids in (ids, tuple(map(tuple, ids)), [np.array(text, dtype=np.uint16) for text in ids]):
        inputs = read(given_ids)
        assert inputs.form is None
        assert inputs.input_ids.tolist() == [1, 2, 3, 4, 5, 6]
    for dtype in (np.int8, np.uint64, np.int64):
        assert read(np.array(ids, dtype=dtype)).form == (2, 3)
    # What is neither C-contiguous nor an array, but says how to become one.
    memory = memoryview(np.asfortranarray(ids))
    assert read(memory).input_ids.tolist() == [1, 2, 3, 4, 5, 6]
    for mask in (np.ones((2, 3), bool), np.full((2, 3), 0.5), None):
        assert len(read(np.array(ids), mask).input_ids) == 6


def test_choices_are_grouped_by_question() -> None:
    ids = [[[1], [2, 3]], [[4, 5, 6], [7], [8]]]
    inputs = read(ids, choices=True)
    assert inputs.starts.tolist() == [0, 1, 3, 6, 7, 8]
    scores = inputs.of_choices(np.arange(5, dtype=np.float32))
    assert [part.tolist() for part in scores] == [[0, 1], [2, 3, 4]]
    padded = np.arange(1, 13).reshape(2, 3, 2)
    assert np.shape(read(padded, choices=True).of_choices(np.zeros(6, np.float32))) == (2, 3)


def test_an_empty_batch_has_no_texts() -> None:
    inputs = read([])
    assert inputs.of_tokens(np.zeros((0, 5), np.float32)) == []
    assert inputs.of_texts(np.zeros((0, 5), np.float32)) == []
    padded = read(np.zeros((0, 7), dtype=np.int64))
    assert np.shape(padded.of_tokens(np.zeros((0, 5), np.float32))) == (0, 7, 5)


@pytest.mark.parametrize(
    ("given_inputs", "message"),
    [
        (([1, 2, 3],), r"input_ids\[0\] is a int; expected a list of ids for each text"),
        ((["a text"],), r"input_ids\[0\] is a str"),
        (([[1], []],), "text 1 has no tokens that are not masked"),
        (([[1, 2]], [[0, 0]]), "text 0 has no tokens that are not masked"),
        ((np.zeros((2, 3), int), np.array([[1, 1, 1], [0, 0, 0]])), "text 1 has no tokens that"),
        (([[1, 2]], [[1]]), "attention_mask has other lengths than input_ids"),
        (([[1, 2]], [[1, 1], [1]]), "attention_mask has other lengths than input_ids"),
        (([[1, 2]], 1), "attention_mask is a int; expected a list"),
        (([[1, 2]], [["0", "1"]]), "attention_mask holds <U1; expected 1 for tokens"),
        (([[1, 2]], [[1, None]]), "attention_mask holds object; expected 1 for tokens"),
        (([[1, 2]], [[1.0, float("nan")]]), "attention_mask holds nan; expected 1 for tokens"),
        (([[1, 2]], [[[1], [1]]]), "attention_mask holds lists within its texts"),
        (([[1, 2]], [[0, -1]]), "attention_mask holds -1; expected 1 for tokens"),
        ((np.ones((1, 2), int), np.array([[0.0, -np.inf]])), "attention_mask holds -inf; expected 1 for"),
        (
            (np.ones((1, 2), int), torch.ones(1, 2, dtype=torch.bfloat16)),
            "attention_mask is no array",
        ),
        (
            (np.ones((1, 2), int), torch.ones(1, 2, requires_grad=True)),
            "attention_mask is no array",
        ),
        ((np.ma.ones((1, 2), int),), "input_ids is a masked array; give plain arrays, and an attention_mask"),
        (([np.array(5)],), r"input_ids\[0\] is a ndarray; expected a list of ids"),
        ((np.ones((2, 2), int), np.array([["1", "0"], ["1", "1"]])), "attention_mask holds <U1"),
        ((np.ones((2, 2), int), [[1, 1], [1]]), "attention_mask holds lists within its texts, or of diff"),
        (([[1.5]],), "input_ids holds float64; expected integers"),
        (([["a"]],), "input_ids holds <U1; expected integers"),
        (([[None]],), "input_ids holds None; expected integers"),
        ((iter([[1]]),), "input_ids is a list_iterator; expected a list of lists of ids, or an array"),
        (({"input_ids": [[1]]},), "input_ids is a dict; expected a list of lists"),
        (([[[1], [2, 3]]],), "input_ids holds lists within its texts"),
        (([[[1], [2]]],), "input_ids holds lists within its texts; expected integers"),
        (([[2**31]],), "input_ids holds 2147483648, which is out of range"),
        (([[-(2**40)]],), "input_ids holds -1099511627776, which is out of range"),
        (([[2**80]],), "input_ids is out of range"),
        ((np.array([[-(2**63), 5]]),), "input_ids holds -9223372036854775808, which is out of range"),
        ((np.zeros(3, int),), r"input_ids has the shape \[3\]; expected \[batch, tokens\]"),
        ((np.zeros((1, 2, 3), int),), r"expected \[batch, tokens\]"),
        ((np.zeros((2, 3), int), np.ones((2, 4))), r"attention_mask has the shape \[2, 4\], and input_ids"),
        ((np.zeros((2, 3)),), "input_ids holds float64; expected integers"),
        (("text",), "input_ids is a str; expected a list of lists of ids"),
        ((None,), "input_ids is a NoneType; expected"),
    ],
)
def test_what_makes_no_sense_is_named(given_inputs: tuple[Any, ...], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        read(*given_inputs)


@pytest.mark.parametrize(
    ("ids", "mask", "message"),
    [
        (np.zeros((2, 3), int), None, r"expected \[batch, choices, tokens\]"),
        ([[1, 2], [3]], None, r"input_ids\[0\] is a int; expected a list of ids"),
        ([[[1], [2]]], [[[1]]], "attention_mask has other choices than input_ids"),
    ],
)
def test_choices_that_make_no_sense_are_named(ids: Any, mask: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        read(ids, mask, choices=True)

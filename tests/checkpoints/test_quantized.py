"""Int8 storage keeps every weight within half a step of its row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from squeezebert.checkpoints.quantized import dequantize, quantize
from tests.checkpoints.fixtures import random_arrays

shapes = hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7)
values = st.floats(-(2.0**20), 2.0**20, width=32)


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.float32, shapes, elements=values))
def test_the_error_is_at_most_half_a_step(array):
    stored = quantize({"w": array})
    assert stored["w"].dtype == np.int8
    assert stored["w"].shape == array.shape
    assert stored["w.scale"].shape == array.shape[:1]
    restored = dequantize(stored)
    assert list(restored) == ["w"]
    step = np.abs(array).reshape(len(array), -1).max(1) / 127
    error = np.abs(restored["w"] - array).reshape(len(array), -1).max(1)
    assert (error <= step * 0.5001 + 1e-37).all()


def test_storing_again_changes_nothing():
    once = dequantize(quantize(random_arrays()))
    twice = dequantize(quantize(once))
    for name, array in once.items():
        np.testing.assert_allclose(twice[name], array, rtol=3e-7)


def test_biases_are_halved_where_they_can_be_and_norms_are_not():
    near = np.linspace(-11.0, 7.0, 101, dtype=np.float32)
    norms = ("x.LayerNorm.weight", "x.layernorm.bias")
    stored = quantize({"near": near, "far": near * 1e5, "empty": near[:0], **dict.fromkeys(norms, near)})
    assert {name: array.dtype.name for name, array in stored.items()} == {
        "near": "float16", "far": "float32", "empty": "float16", **dict.fromkeys(norms, "float32"),
    }  # fmt: skip
    np.testing.assert_allclose(stored["near"], near, rtol=2**-11, atol=1e-7)
    np.testing.assert_array_equal(stored["far"], near * 1e5)


@pytest.mark.parametrize(
    "stored",
    [
        {"w": np.zeros((3, 2), np.int8), "w.scale": np.ones(2, np.float32)},
        {"w": np.zeros((3, 2), np.int8), "w.scale": np.ones((3, 1), np.float32)},
        {"w": np.zeros((3, 2), np.int8), "w.scale": np.ones(3, np.float64)},
        {"w": np.zeros((3, 2), np.float32), "w.scale": np.ones(3, np.float32)},
        {"w": np.zeros((), np.int8), "w.scale": np.ones((), np.float32)},
    ],
)
def test_scales_that_do_not_fit_are_refused(stored):
    with pytest.raises(ValueError, match=r"^w has"):
        dequantize(stored)

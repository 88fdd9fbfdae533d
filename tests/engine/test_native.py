"""The compiled kernels against plain numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from squeezebert import _native

MATRICES = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=23),
    elements=st.floats(-(2.0**99), 2.0**99, width=32),
)


@given(MATRICES)
def test_rows_come_back_within_half_a_step(matrix: np.ndarray) -> None:
    codes, scales = _native.quantize_rows(matrix)
    assert codes.dtype == np.int8
    assert codes.min() >= -127
    np.testing.assert_allclose(scales, np.abs(matrix).max(axis=1) / np.float32(127), rtol=1e-6, atol=1e-38)
    error = np.abs(_native.dequantize_rows(codes, scales) - matrix)
    assert (error <= scales[:, None] * np.float32(0.5001) + 1e-37).all()


def test_dequantize_is_code_times_scale() -> None:
    codes = np.array([[-127, 0, 3], [1, 2, 127]], dtype=np.int8)
    scales = np.array([0.5, 0.25], dtype=np.float32)
    np.testing.assert_array_equal(_native.dequantize_rows(codes, scales), codes * scales[:, None])


def test_zero_and_subnormal_rows_are_zero() -> None:
    codes, scales = _native.quantize_rows(np.array([[0, 0, 0], [1e-44, 0, 0]], dtype=np.float32))
    assert not codes.any()
    assert not scales.any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_int8_cannot_hold_are_refused(bad: float) -> None:
    matrix = np.ones((3, 5), dtype=np.float32)
    matrix[1, 2] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        _native.quantize_rows(matrix)


def test_scales_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="number of rows"):
        _native.dequantize_rows(np.zeros((3, 5), dtype=np.int8), np.zeros(2, dtype=np.float32))


@pytest.mark.parametrize("shape", [(0, 5), (3, 0)])
def test_empty_matrices_pass(shape: tuple[int, int]) -> None:
    codes, scales = _native.quantize_rows(np.zeros(shape, dtype=np.float32))
    assert codes.shape == shape
    assert _native.dequantize_rows(codes, scales).shape == shape

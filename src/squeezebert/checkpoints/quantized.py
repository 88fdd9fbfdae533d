"""Weights stored as int8 with one scale per output row, a quarter of the size of float32.

A matrix ``name`` of ``rows`` output channels becomes ``name`` (int8, same shape) and ``name.scale``
(float32 ``[rows]``); ``value = scale[row] * code``, codes in [-127, 127]. Vectors stay float32, but for those
as long as a vocabulary: the bias of the pieces that a mask may hide becomes float16, finer than the codes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert import _native
from squeezebert.checkpoints.arrays import Arrays, Stored

METADATA_KEY = "quantization"
METADATA_VALUE = "int8-rows"
SCALE_SUFFIX = ".scale"
LONG_VECTOR = 8192
"""Values from which on a vector is stored as float16."""
_LARGEST = float(np.finfo(np.float16).max)


def is_scale(name: str, stored: Mapping[str, NDArray[Any]]) -> bool:
    """Whether an array holds the scales of another one."""
    return name.endswith(SCALE_SUFFIX) and name.removesuffix(SCALE_SUFFIX) in stored


def quantize(arrays: Arrays) -> Stored:
    """Store every matrix as int8 codes and row scales; vectors are passed on, long ones as float16.

    Args:
        arrays: Finite float32 arrays; those of two or more axes have their output channels first.
    """
    stored: Stored = {}
    for name, array in arrays.items():
        if array.ndim < 2:
            shortened = array.size >= LONG_VECTOR and np.abs(array).max() <= _LARGEST
            stored[name] = array.astype(np.float16) if shortened else array
            continue
        codes, scales = _native.quantize_rows(_as_matrix(np.ascontiguousarray(array, dtype=np.float32)))
        stored[name] = codes.reshape(array.shape)
        stored[name + SCALE_SUFFIX] = scales
    return stored


def check_scales(stored: Mapping[str, NDArray[Any]]) -> None:
    """Make sure that every scale fits its codes.

    Raises:
        ValueError: One does not; the message names the tensor.
    """
    for name, codes in stored.items():
        scales = stored.get(name + SCALE_SUFFIX)
        if scales is None:
            continue
        if codes.dtype != np.int8 or codes.ndim < 2 or scales.dtype != np.float32:
            raise ValueError(f"{name} has a scale but is not an int8 matrix with float32 scales")
        if scales.shape != codes.shape[:1]:
            raise ValueError(f"{name} has {codes.shape[0]} rows and scales of shape {list(scales.shape)}")
        # The largest code times its scale has to be a float32 too.
        with np.errstate(over="ignore"):
            count = int(np.sum(~np.isfinite(scales * np.float32(128))))
        if count:
            raise ValueError(f"{name} has {count} scales that are NaN, infinite or too large")


def dequantize(stored: Mapping[str, NDArray[Any]]) -> Stored:
    """Turn int8 matrices that have a scale back into float32; everything else is passed on.

    Raises:
        ValueError: A scale does not fit its codes; the message names the tensor.
    """
    check_scales(stored)
    return {
        name: _restore(array, stored[name + SCALE_SUFFIX]) if name + SCALE_SUFFIX in stored else array
        for name, array in stored.items()
        if not is_scale(name, stored)
    }


def _restore(codes: NDArray[Any], scales: NDArray[Any]) -> NDArray[np.float32]:
    matrix = _as_matrix(np.ascontiguousarray(codes))
    return _native.dequantize_rows(matrix, np.ascontiguousarray(scales)).reshape(codes.shape)


def _as_matrix(array: NDArray[Any]) -> NDArray[Any]:
    return array.reshape(array.shape[0], math.prod(array.shape[1:]))

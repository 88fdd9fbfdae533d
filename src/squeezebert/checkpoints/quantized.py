"""Weights stored as int8 with one scale per output row, a quarter of the size of float32.

A matrix ``name`` of ``rows`` output channels becomes ``name`` (int8, same shape) and ``name.scale``
(float32 ``[rows]``); ``value = scale[row] * code``, codes in [-127, 127]. Biases become float16, which is
finer than codes are; norms, which scale all that comes behind them, stay float32, and so does a bias that
float16 cannot hold.

Where ``block.attention.smoothing`` or ``block.intermediate.smoothing`` (float32 ``[channels]``) stands beside
the matrices that read these channels, they were multiplied by it first:
``value = scale[row] * code / smoothing``. Their inputs are divided by it, so that a channel that stands out
does not take the codes of the others (Xiao et al., "SmoothQuant", arXiv 2211.10438).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert import _native
from squeezebert.checkpoints.arrays import Arrays, Stored

METADATA_KEY = "quantization"
METADATA_VALUE = "int8-rows"
SCALE_SUFFIX = ".scale"
SMOOTHING_SUFFIX = ".smoothing"
_SMOOTHED = re.compile(r"(.+\.attention)\.(?:query|key|value)\.weight$|(.+\.intermediate)\.conv1d\.weight$")
_LARGEST = float(np.finfo(np.float16).max)


def is_scale(name: str, stored: Mapping[str, NDArray[Any]]) -> bool:
    """Whether an array holds the scales of another one."""
    return name.endswith(SCALE_SUFFIX) and name.removesuffix(SCALE_SUFFIX) in stored


def is_about_codes(name: str, stored: Mapping[str, NDArray[Any]]) -> bool:
    """Whether an array says how the codes of others are read, as scales and smoothing do."""
    return name.endswith(SMOOTHING_SUFFIX) or is_scale(name, stored)


def is_norm(name: str) -> bool:
    """Whether a vector is the weight or the bias of a layer normalisation."""
    return "layernorm" in name.lower()


def smoothing_of(name: str) -> str | None:
    """The name of what a matrix may be smoothed with; None if it is one that never is."""
    found = _SMOOTHED.match(name)
    return None if found is None else (found[1] or found[2]) + SMOOTHING_SUFFIX


def _factors_of(name: str, stored: Mapping[str, NDArray[Any]]) -> NDArray[Any] | None:
    smoothed_by = smoothing_of(name)
    return None if smoothed_by is None else stored.get(smoothed_by)


def quantize(arrays: Arrays, smoothing: Arrays | None = None) -> Stored:
    """Store every matrix as int8 codes and row scales, every bias as float16; norms are passed on.

    Args:
        arrays: Finite float32 arrays; those of two or more axes have their output channels first.
        smoothing: Positive factors of input channels, under the names that :func:`smoothing_of` gives.
    """
    stored: Stored = dict(smoothing or {})
    for name, array in arrays.items():
        if array.ndim < 2:
            halved = not is_norm(name) and np.abs(array).max(initial=0) <= _LARGEST
            stored[name] = array.astype(np.float16) if halved else array
            continue
        factors = _factors_of(name, stored)
        smoothed = array if factors is None else array * _per_input(factors, array)
        codes, scales = _native.quantize_rows(_as_matrix(np.ascontiguousarray(smoothed, dtype=np.float32)))
        stored[name] = codes.reshape(array.shape)
        stored[name + SCALE_SUFFIX] = scales
    return stored


def _per_input(factors: NDArray[Any], matrix: NDArray[Any]) -> NDArray[Any]:
    """Factors of all channels, for each weight ``[outputs, inputs / groups, …]`` of a grouped layer."""
    outputs, inputs = matrix.shape[:2]
    of_groups = factors.reshape(-1, inputs)
    of_rows = np.repeat(of_groups, outputs // len(of_groups), axis=0)
    return of_rows.reshape(outputs, inputs, *(1 for _ in matrix.shape[2:]))


def check_scales(stored: Mapping[str, NDArray[Any]]) -> None:
    """Make sure that every scale, and what codes are smoothed with, fits them.

    Raises:
        ValueError: One does not; the message names the tensor.
    """
    for name, factors in stored.items():
        if name.endswith(SMOOTHING_SUFFIX) and not _are_factors(factors):
            raise ValueError(f"{name} is not a float32 vector of positive factors that can be divided by")
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
        _check_smoothing(name, codes, stored)


def _check_smoothing(name: str, codes: NDArray[Any], stored: Mapping[str, NDArray[Any]]) -> None:
    factors, smoothed_by = _factors_of(name, stored), smoothing_of(name)
    if factors is None:
        return
    outputs, inputs = codes.shape[:2]
    groups, rest = divmod(len(factors), inputs)
    if rest or not groups or outputs % groups:
        raise ValueError(f"{smoothed_by} has {len(factors)} factors for {name} of shape {list(codes.shape)}")
    with np.errstate(over="ignore"):
        largest = np.float32(128) * stored[name + SCALE_SUFFIX].max(initial=0) / factors.min()
    if not np.isfinite(largest):
        raise ValueError(f"{smoothed_by} makes values of {name} infinite")


def _are_factors(factors: NDArray[Any]) -> bool:
    with np.errstate(over="ignore", divide="ignore"):
        return (
            factors.dtype == np.float32
            and factors.ndim == 1
            and bool((factors > 0).all() and np.isfinite([factors, 1 / factors]).all())
        )


def dequantize(stored: Mapping[str, NDArray[Any]]) -> Stored:
    """Turn int8 matrices that have a scale back into float32; everything else is passed on.

    Raises:
        ValueError: A scale does not fit its codes; the message names the tensor.
    """
    check_scales(stored)
    return {
        name: _restore(name, stored) if name + SCALE_SUFFIX in stored else array
        for name, array in stored.items()
        if not is_about_codes(name, stored)
    }


def _restore(name: str, stored: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    codes = stored[name]
    scales = np.ascontiguousarray(stored[name + SCALE_SUFFIX])
    values = _native.dequantize_rows(_as_matrix(np.ascontiguousarray(codes)), scales).reshape(codes.shape)
    factors = _factors_of(name, stored)
    return values if factors is None else values / _per_input(factors, values)


def _as_matrix(array: NDArray[Any]) -> NDArray[Any]:
    return array.reshape(array.shape[0], math.prod(array.shape[1:]))

"""The forms in which weights travel inside this package: named, finite, as float32 or as stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.errors import CheckpointError

Arrays = dict[str, NDArray[np.float32]]

Stored = dict[str, NDArray[Any]]
"""Float32, float16, or int8 codes, whose float32 row scales have the same name and ``.scale``."""

_PARAMETERS = ("weight", "bias", "gamma", "beta", "smoothing")


def is_parameter(name: str) -> bool:
    """Whether a tensor of this name is a weight, as opposed to a buffer such as ``position_ids``."""
    return name.rsplit(".", 1)[-1] in _PARAMETERS


def check_finite(arrays: Mapping[str, NDArray[Any]], place: object) -> None:
    """Refuse weights that are NaN or infinite: every answer computed from them would be garbage.

    Integer codes are finite by nature and are not looked at, so that they stay on disk where they are mapped.

    Raises:
        CheckpointError: Naming ``place`` and the first such tensor.
    """
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            count = int(array.size - np.isfinite(array).sum())
            raise CheckpointError(f"{place}: {name} holds {count} values that are NaN or infinite")


def bytes_of(arrays: Mapping[str, NDArray[Any]]) -> int:
    """Bytes that arrays take in a file, without its header."""
    return sum(array.nbytes for array in arrays.values())

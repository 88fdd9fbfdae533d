"""Rows of different lengths as one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def padded(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    """Fill rows up to the longest: ``[rows, longest]``, int64."""
    array = np.full((len(rows), max(map(len, rows))), value, dtype=np.int64)
    for row, values in zip(array, rows, strict=True):
        row[: len(values)] = values
    return torch.from_numpy(array)

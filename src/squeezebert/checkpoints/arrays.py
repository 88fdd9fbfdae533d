"""The form in which weights travel inside this package: float32 arrays, named, finite."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from squeezebert.errors import CheckpointError

Arrays = dict[str, NDArray[np.float32]]

_PARAMETERS = ("weight", "bias", "gamma", "beta")


def is_parameter(name: str) -> bool:
    """Whether a tensor of this name is a weight, as opposed to a buffer such as ``position_ids``."""
    return name.rsplit(".", 1)[-1] in _PARAMETERS


def check_finite(arrays: Mapping[str, NDArray[np.floating]], place: object) -> None:
    """Refuse weights that are NaN or infinite: every answer computed from them would be garbage.

    Raises:
        CheckpointError: Naming ``place`` and the first such tensor.
    """
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            count = int(array.size - np.isfinite(array).sum())
            raise CheckpointError(f"{place}: {name} holds {count} values that are NaN or infinite")

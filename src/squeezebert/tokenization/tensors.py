"""Lists of numbers to arrays: numpy, or torch where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from squeezebert.errors import MissingExtraError, TokenizerError


def to_tensor(name: str, column: Any, kind: str) -> Any:
    """Turn nested lists into an array: int64 for integers, float32 for fractions.

    Args:
        name: Name of the column, for the error message.
        column: Nested lists, or an array, which is passed through.
        kind: "np" for numpy, "pt" for torch.

    Raises:
        TokenizerError: The rows differ in length, or ``kind`` is another word.
        MissingExtraError: Torch is wanted and not installed.
    """
    if kind not in ("np", "pt"):
        raise TokenizerError(f"return_tensors {kind!r} is not one of 'np', 'pt'")
    array = _array(name, column) if isinstance(column, (list, tuple)) else column
    if kind == "np":
        return np.asarray(array)
    return _to_torch(array)


def to_list(values: Any) -> Any:
    """Turn a numpy array or torch tensor into lists; pass anything else through."""
    return values.tolist() if hasattr(values, "tolist") else values


def _array(name: str, column: list[Any] | tuple[Any, ...]) -> np.ndarray[Any, Any]:
    rows = [to_list(row) for row in column]
    lengths = {len(row) for row in rows if isinstance(row, (list, tuple))}
    if len(lengths) > 1:
        raise TokenizerError(
            f"{name} has rows of {min(lengths)} to {max(lengths)} items, which make no array; "
            "give padding=True, and truncation=True where texts are long"
        )
    array = np.asarray(rows)
    if array.size == 0:
        # Of no rows, or of rows without tokens: numpy takes it for floats, which no embedding can look up.
        array = array.astype(np.int64)
    if array.dtype.kind not in "biuf":
        raise TokenizerError(f"{name} holds items that are not numbers: {rows[0]!r}")
    return array.astype(np.float32 if array.dtype.kind == "f" else np.int64)


def _to_torch(array: Any) -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("return_tensors='pt'", "train") from error
    return torch.as_tensor(array)

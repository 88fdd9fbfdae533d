"""Padding of features that were tokenised before, as data collators do it batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from squeezebert.errors import TokenizerError
from squeezebert.tokenization.inputs import check_number
from squeezebert.tokenization.tensors import to_list

PADDINGS = (False, True, "longest", "max_length", "do_not_pad")
SIDES = ("left", "right")


def check_side(name: str, side: str) -> None:
    """Refuse a side other than "left" and "right".

    Raises:
        TokenizerError: See above.
    """
    if side not in SIDES:
        raise TokenizerError(f"{name} {side!r} is not one of 'left', 'right'")


def target_length(lengths: Sequence[int], padding: bool | str, max_length: int, multiple: int | None) -> int:
    """Length that the rows of a batch are padded to; 0 for no padding.

    Args:
        lengths: Tokens of each row.
        padding: False or "do_not_pad", True or "longest", "max_length".
        max_length: Length for "max_length".
        multiple: Round the length up to a multiple of this.

    Raises:
        TokenizerError: ``padding`` is none of these or ``multiple`` is not positive.
    """
    if padding not in PADDINGS:
        raise TokenizerError(f"padding {padding!r} is not one of False, True, 'longest', 'max_length'")
    if multiple is not None:
        check_number("pad_to_multiple_of", multiple)
        if multiple < 1:
            raise TokenizerError(f"pad_to_multiple_of {multiple} is not positive")
    if padding in (False, "do_not_pad"):
        return 0
    length = max_length if padding == "max_length" else max(lengths, default=0)
    return length if multiple is None else -(-length // multiple) * multiple


def pad_features(
    features: Mapping[str, Any], length: int, *, side: str, values: Mapping[str, int]
) -> dict[str, list[list[Any]]]:
    """Pad the columns that have a padding value and leave the others as they are.

    Args:
        features: Columns of rows; ``input_ids`` must be among them.
        length: Length of the shortest row afterwards.
        side: "left" or "right".
        values: What each column is padded with.
    """
    rows = [to_list(row) for row in features["input_ids"]]
    columns = dict(features)
    columns.setdefault("attention_mask", [[1] * len(row) for row in rows])
    padded: dict[str, list[list[Any]]] = {}
    for name, column in columns.items():
        padded[name] = [to_list(row) for row in column] if not hasattr(column, "tolist") else column.tolist()
        if name in values:
            padded[name] = [_pad(row, length, values[name], side) for row in padded[name]]
    return padded


def _pad(row: list[int], length: int, value: int, side: str) -> list[int]:
    filling = [value] * (length - len(row))
    return filling + row if side == "left" else row + filling

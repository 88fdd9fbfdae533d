"""What a run starts from where heads of attention are set first: see neighbours.py and equal_words.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from squeezebert.checkpoints.reader import SAFETENSORS_NAME
from squeezebert.modeling import SqueezeBertModel
from squeezebert.modeling.grouped import GroupedLinear
from squeezebert.tokenization import SqueezeBertTokenizerFast


def prepare(source: str | Path, out: Path, change: Callable[[SqueezeBertModel], None]) -> Path:
    """Write a changed model into a folder; where one is already, it stays.

    Args:
        source: Model folder, or the name of an embedded model; of a head's model, the encoder alone is taken.
        out: Model folder to make.
        change: Sets heads, in place.

    Returns:
        ``out``.
    """
    if (out / SAFETENSORS_NAME).exists():
        return out
    model = SqueezeBertModel.from_pretrained(source)
    change(model)
    SqueezeBertTokenizerFast.from_pretrained(source).save_pretrained(out)
    model.save_pretrained(out)
    return out


def set_head(layer: GroupedLinear, group: int, rows: slice, seen: Tensor, target: Tensor) -> None:
    """Set output channels of queries or keys to find something in what their block sees.

    Args:
        layer: Changed in place; the linear map is the one of least squares.
        group: That the channels belong to, and the only one that they see.
        rows: The channels.
        seen: What the block sees ``[N, channels]``.
        target: What the channels are to be ``[N, rows]``.
    """
    width = layer.in_features // layer.groups
    x = seen[:, group * width : (group + 1) * width]
    mean, wanted = x.mean(0), target.mean(0)
    found = torch.linalg.lstsq(x - mean, target - wanted).solution  # [width, rows]
    layer.weight[rows] = found.t()[..., None]
    layer.bias[rows] = wanted - mean @ found

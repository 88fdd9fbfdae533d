"""Layers of a student and of its teacher: which are compared, and how far they are from each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import OptionError, is_whole

TEACHER_PRECISIONS = ("int8", "fp32", "torch")


def check_layer_map(layer_map: object, precision: str) -> None:
    """See that the layers to be compared are pairs of numbers, and that the teacher gives its own.

    Raises:
        OptionError: See above.
    """
    if not (isinstance(layer_map, Sequence) and all(map(_is_pair, layer_map))):
        raise OptionError(f"layer_map {layer_map!r} is no list of pairs of blocks, [[6, 12]]")
    if layer_map and precision != "torch":
        raise OptionError("layer_map needs teacher_precision torch; the engine gives the last layer only")


def _is_pair(value: object) -> bool:
    return isinstance(value, Sequence) and len(value) == 2 and all(map(is_whole, value))


def check_layers(
    pairs: Iterable[tuple[int, int]], student: SqueezeBertConfig, teacher: SqueezeBertConfig
) -> None:
    """See that both models have the blocks that are to be compared.

    Raises:
        OptionError: One has not.
    """
    for pair in pairs:
        for layer, config, who in zip(pair, (student, teacher), ("student", "teacher"), strict=True):
            if not 1 <= layer <= config.num_hidden_layers:
                raise OptionError(f"the {who} has the blocks 1 to {config.num_hidden_layers}, and no {layer}")


def projection(student: SqueezeBertConfig, teacher: SqueezeBertConfig) -> nn.Module:
    """From vectors of the student to those of the teacher, learned where their widths differ."""
    if student.hidden_size == teacher.hidden_size:
        return nn.Identity()
    return nn.Linear(student.hidden_size, teacher.hidden_size)


def cosine_distances(a: Tensor, b: Tensor) -> Tensor:
    """1 - cosine of each row: two of ``[n, hidden]`` -> ``[n]``."""
    return 1 - F.cosine_similarity(a.float(), b.float(), dim=-1)

"""Dropout that is fast on a processor."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

_LEVELS = 1 << 16


class Dropout(nn.Dropout):
    """As torch's, by :func:`dropout`."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return dropout(x, self.p) if self.training else x


def dropout(x: Tensor, p: float) -> Tensor:
    """Set values to 0 with the probability ``p``, and scale the others so that the mean stays.

    On a processor torch draws a random number for each value, one after the other, which is a fifth of a
    training step in bf16. Here one of 64 bits serves four values; ``p`` is then a multiple of 1/65536.
    """
    dropped = round(p * _LEVELS)
    if x.device.type != "cpu" or not 0 < dropped < _LEVELS or torch.compiler.is_compiling():
        return F.dropout(x, p)
    draws = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(torch.iinfo(torch.int64).min, None)
    kept = draws.view(torch.int16)[: x.numel()].view(x.shape) >= dropped - _LEVELS // 2
    return torch.where(kept, x * (_LEVELS / (_LEVELS - dropped)), 0.0)

"""The optimizer of a run, and what it does to which parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from squeezebert.checkpoints.names import block_of
from squeezebert.training.lamb import Lamb
from squeezebert.training.settings import LoopSettings


def make_optimizer(module: nn.Module, settings: LoopSettings) -> torch.optim.Optimizer:
    """Make the optimizer for what is trained of a module.

    Biases and norms are not decayed. Each group has a ``scale``, its share of the learning rate.
    """
    groups = parameter_groups(module, settings)
    betas = (0.9, settings.beta2)
    if settings.optimizer == "lamb":
        return Lamb(
            groups, lr=settings.learning_rate, betas=betas, dialect=settings.lamb_dialect,
            max_grad_norm=settings.max_grad_norm,
        )  # fmt: skip
    fused = {parameter.device.type for parameter in module.parameters()} <= {"cpu", "cuda"}
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=betas, fused=fused)


def parameter_groups(module: nn.Module, settings: LoopSettings) -> list[dict[str, Any]]:
    """Divide what is trained by weight decay and, with ``layer_decay``, by depth.

    The head learns at the full rate, the last block at ``layer_decay`` of it, the one before at its square,
    the embeddings at the lowest.
    """
    trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
    heights = {name: height(name) for name in trained}
    top = 1 + max((at for at in heights.values() if at is not None), default=0)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in trained.items():
        at = heights[name]
        scale = settings.layer_decay ** (top - (top if at is None else at))
        decay = settings.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((decay, scale), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "scale": scale}
        for (decay, scale), parameters in groups.items()
    ]


def height(name: str) -> int | None:
    """How far up a parameter is: 0 for embeddings, n + 1 for block n, None for what follows the blocks."""
    block = block_of(name)
    if block is not None:
        return block + 1
    return 0 if "embeddings." in name else None

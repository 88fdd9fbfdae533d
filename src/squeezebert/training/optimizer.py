"""AdamW and its learning rate."""

from __future__ import annotations

import torch
from torch import nn

from squeezebert.training.settings import TrainingSettings


def make_optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.AdamW:
    """Make AdamW for what is trained of a model; biases and norms are not decayed."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def learning_rate(progress: float, settings: TrainingSettings) -> float:
    """Linear warm-up and linear decay to 0.

    Args:
        progress: Share of the run that is behind, in [0, 1].
        settings: ``learning_rate`` is reached when ``warmup`` of the run is behind.
    """
    if progress < settings.warmup:
        return settings.learning_rate * progress / settings.warmup
    return settings.learning_rate * max(0.0, 1 - progress) / (1 - settings.warmup)

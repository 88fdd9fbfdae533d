"""The learning rate over a run."""

from __future__ import annotations

import math

from squeezebert.training.settings import LoopSettings


def learning_rate(share: float, settings: LoopSettings) -> float:
    """Linear warm-up, then linear or cosine decay to 0, or none.

    Args:
        share: Share of the run that is behind, in [0, 1].
        settings: ``learning_rate`` is reached when ``warmup`` of the run is behind.
    """
    if share < settings.warmup:
        return settings.learning_rate * share / settings.warmup
    left = max(0.0, 1 - share) / (1 - settings.warmup)
    factor = {"linear": left, "cosine": 0.5 - 0.5 * math.cos(math.pi * left), "constant": 1.0}
    return settings.learning_rate * factor[settings.schedule]

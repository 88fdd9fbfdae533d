"""How a training run ended."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended.

    Attributes:
        folder: The model folder.
        metrics: Of the best checkpoint on the validation rows, the headline first.
        best_step: Its step.
        steps: Steps of the run.
        tokens: Tokens read, without padding.
        seconds: Time taken, over all sittings.
        precision: "bf16" or "fp32".
    """

    folder: Path
    metrics: dict[str, float]
    best_step: int
    steps: int
    tokens: int
    seconds: float
    precision: str

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {**dataclasses.asdict(self), "folder": str(self.folder)}

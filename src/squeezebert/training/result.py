"""How a sitting of a training run ended."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrainingResult:
    """How a sitting of a run ended.

    Attributes:
        folder: The model folder.
        finished: Whether the run is over; otherwise it was stopped, and can be resumed.
        metrics: Of the best checkpoint on the validation rows, the headline first.
        best_step: Its step, None where there is none yet.
        steps: Steps of the run.
        tokens: Tokens read, without padding.
        seconds: Time taken, over all sittings.
        precision: "bf16", "tf32" or "fp32".
        writes: Whether this process is the one of several that writes.
    """

    folder: Path
    finished: bool
    metrics: dict[str, float]
    best_step: int | None
    steps: int
    tokens: int
    seconds: float
    precision: str
    writes: bool = dataclasses.field(default=True, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        fields = {**dataclasses.asdict(self), "folder": str(self.folder)}
        del fields["writes"]
        return fields

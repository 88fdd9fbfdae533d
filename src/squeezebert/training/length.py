"""How long a run is: epochs, steps or tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass

from squeezebert.training.settings import DEFAULT_EPOCHS, LoopSettings
from squeezebert.training.state import Position


@dataclass(frozen=True)
class Length:
    """The bound of a run.

    Attributes:
        amount: How many.
        unit: "epochs", "steps" or "tokens".
    """

    amount: float
    unit: str

    @classmethod
    def of(cls, settings: LoopSettings) -> Length:
        """The bound that the settings name."""
        for unit in ("steps", "tokens"):
            if (amount := getattr(settings, unit)) is not None:
                return cls(amount, unit)
        return cls(DEFAULT_EPOCHS if settings.epochs is None else settings.epochs, "epochs")

    def batches(self, position: Position, batches: int) -> int:
        """How many of the ``batches`` of the current epoch belong to the run; at least one."""
        return min(batches, self._left(position, batches)) if self.unit == "epochs" else batches

    def reached(self, position: Position) -> bool:
        """Whether a position, with ``batch`` within its epoch, is the end of the run."""
        if self.unit == "epochs":
            return position.epoch >= self.amount
        return bool((position.step if self.unit == "steps" else position.tokens) >= self.amount)

    def share(self, position: Position, batches: int) -> float:
        """Share of the run that is behind in the middle of the next step (of tokens: before it)."""
        if self.unit == "tokens":
            return position.tokens / self.amount
        if self.unit == "steps":
            return (position.step + 0.5) / self.amount
        return (position.epoch + (position.batch + 0.5) / batches) / (self._total(batches) / batches)

    def steps(self, position: Position, batches: int) -> int | None:
        """Steps that the whole run will have, None where that cannot be told yet."""
        if self.unit == "steps":
            return int(self.amount)
        if self.unit == "epochs":
            return position.step - position.batch + self._left(position, batches)
        if not position.tokens:
            return None
        return max(1, math.ceil(position.step * self.amount / position.tokens))

    def _left(self, position: Position, batches: int) -> int:
        """Batches of the current epoch and those after it."""
        return self._total(batches) - position.epoch * batches

    def _total(self, batches: int) -> int:
        """Batches of all epochs, if each had as many; a fraction of an epoch has at least one."""
        whole, part = divmod(self.amount, 1)
        return int(whole) * batches + (max(1, round(part * batches)) if part else 0)

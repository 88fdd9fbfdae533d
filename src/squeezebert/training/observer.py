"""Those who are told how a run goes: the journal, the progress bar, TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from squeezebert.training.state import Position


@dataclass(frozen=True)
class Step:
    """What one step was like, over all processes.

    Attributes:
        step: Its number, from 1.
        epoch: Epochs done, as a fraction.
        loss: That of the whole batch.
        parts: Mean of each part of the loss.
        learning_rate: As used.
        gradient_norm: Before clipping.
        tokens: Tokens read, without padding.
        seconds: Time taken.
    """

    step: int
    epoch: float
    loss: float
    parts: Mapping[str, float]
    learning_rate: float
    gradient_norm: float
    tokens: int
    seconds: float

    @property
    def named_parts(self) -> Mapping[str, float]:
        """The parts, also where a step has but one of several; empty where the loss has none with names."""
        return {} if {*self.parts} <= {"loss"} else self.parts


class Observer:
    """Is told how a run goes; this one keeps silent. Only the first of several processes tells."""

    def started(self, position: Position, steps: int | None) -> None:
        """The run starts or goes on at a position; ``steps`` is its expected length, if that is known.

        Called again at the start of each epoch, when the length is known better.
        """

    def stepped(self, step: Step) -> None:
        """A step is done."""

    def evaluated(self, step: int, metrics: Mapping[str, float], best: bool) -> None:
        """The model is measured; ``best`` tells whether these weights are kept."""

    def working(self, what: str, done: int, total: int) -> None:
        """Of other work than steps, ``"tokenising"`` or ``"measuring"``, so much is done."""

    def wants_stop(self) -> bool:
        """Whether the run is to save its state and stop; asked after each step."""
        return False

    def close(self) -> None:
        """The sitting is over, whatever its end."""

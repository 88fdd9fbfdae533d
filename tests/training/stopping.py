"""An end in the middle of a run."""

from __future__ import annotations

from squeezebert.training import Observer, Step


class Stopper(Observer):
    """Stops a run as kill -9 would: without a word to it."""

    def __init__(self, after: int) -> None:
        self.after = after

    def stepped(self, step: Step) -> None:
        if step.step == self.after:
            raise KeyboardInterrupt

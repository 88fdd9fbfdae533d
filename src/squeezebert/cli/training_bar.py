"""The progress bar of ``squeezebert train``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from tqdm import tqdm

from squeezebert.training import Observer
from squeezebert.training.run import Position
from squeezebert.training.trainer import Step

_SMOOTHING = 0.98


class TrainingBar(Observer):
    """Shows steps, time left, loss and tokens per second on a terminal, and a line for each evaluation.

    Where ``stream`` is no terminal, there are only the lines of evaluations.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: tqdm[None] | None = None
        self._loss: float | None = None
        self._rate = 0.0

    def started(self, position: Position, steps: int) -> None:
        """Open the bar; an epoch of a slightly other length changes its end."""
        if self._bar is None:
            self._bar = tqdm(
                total=steps, initial=position.step, unit="step", dynamic_ncols=True, file=self._stream,
                disable=not self._stream.isatty(),
            )  # fmt: skip
        self._bar.total = steps

    def stepped(self, step: Step) -> None:
        """Move on by one."""
        rate = step.tokens / step.seconds
        share = _SMOOTHING if self._loss is not None else 0.0
        self._loss = share * (self._loss or 0.0) + (1 - share) * step.loss
        self._rate = share * self._rate + (1 - share) * rate
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {self._loss:.3f}, {self._rate:,.0f} tokens/s", refresh=False)
            self._bar.update()

    def evaluated(self, step: int, metrics: Mapping[str, float], best: bool) -> None:
        """Print the metrics above the bar."""
        shown = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        tqdm.write(f"step {step}: {shown}{' (best so far)' if best else ''}", file=self._stream)

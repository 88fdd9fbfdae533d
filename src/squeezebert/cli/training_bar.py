"""What ``squeezebert train`` shows while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from tqdm import tqdm

from squeezebert.training import Observer, Position, Step

_SMOOTHING = 0.98


class TrainingBar(Observer):
    """Steps, time left, loss and tokens per second on a terminal, and a line for each evaluation.

    Where the stream is no terminal, there are only the lines.

    Args:
        stream: Where to write.
        note: A line to write when the run starts.
    """

    def __init__(self, stream: TextIO, note: str) -> None:
        self._stream = stream
        self._note = note
        self._bar: tqdm[None] | None = None
        self._loss = 0.0
        self._rate = 0.0

    def started(self, position: Position, steps: int | None) -> None:
        """Open the bar, or correct its end: epochs differ by a few steps."""
        if self._bar is None:
            self._say(self._note)
            if position.step:
                self._say(f"going on after step {position.step:,}")
            self._bar = tqdm(
                total=steps, initial=position.step, unit="step", dynamic_ncols=True, file=self._stream,
                disable=not self._stream.isatty(),
            )  # fmt: skip
        self._bar.total = steps

    def stepped(self, step: Step) -> None:
        """Move on by one."""
        if self._bar is None:
            return
        share = _SMOOTHING if self._loss else 0.0
        self._loss = share * self._loss + (1 - share) * step.loss
        self._rate = share * self._rate + (1 - share) * step.tokens / step.seconds
        self._bar.set_postfix_str(f"loss {self._loss:.3f}, {self._rate:,.0f} tokens/s", refresh=False)
        self._bar.update()

    def evaluated(self, step: int, metrics: Mapping[str, float], best: bool) -> None:
        """Say the metrics."""
        shown = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        self._say(f"step {step:,}: {shown}{', the best so far' if best else ''}")

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()

    def _say(self, line: str) -> None:
        tqdm.write(f"squeezebert: {line}", file=self._stream)

"""What ``squeezebert train`` shows while it runs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

from squeezebert.cli.progress import PATIENCE
from squeezebert.errors import MissingExtraError
from squeezebert.training import Observer, Position, Step
from squeezebert.training.distributed import is_first_process
from squeezebert.training.plots import plots_are_possible
from squeezebert.training.tensorboard import tensorboard_is_here

_SMOOTHING = 0.98


class TrainingBar(Observer):
    """Steps, time left, loss and tokens per second on a terminal, and a line for each evaluation.

    Where the stream is no terminal, there are only the lines.

    Args:
        stream: Where to write.
        notes: Lines to write when the run starts.
    """

    def __init__(self, stream: TextIO, notes: Sequence[str]) -> None:
        self._stream = stream
        self._notes = notes
        self._stop_asked = False
        self._bar: tqdm[None] | None = None
        self._other: tqdm[None] | None = None
        self._loss = 0.0
        self._rate = 0.0

    def started(self, position: Position, steps: int | None) -> None:
        """Open the bar, or correct its end: epochs differ by a few steps."""
        if self._bar is None:
            for note in self._notes:
                self._say(note)
            self._notes = ()
            self._loss = self._rate = 0.0
            if position.step:
                self._say(f"going on after step {position.step:,}")
            self._bar = tqdm(
                total=steps, initial=position.step, unit="step", dynamic_ncols=True, file=self._stream,
                disable=not self._stream.isatty(),
            )  # fmt: skip
        self._bar.total = steps

    def working(self, what: str, done: int, total: int) -> None:
        """Show other work under the bar, once it takes a while."""
        if self._other is None:
            self._other = tqdm(
                total=total, desc=what, dynamic_ncols=True, leave=False, delay=PATIENCE,
                file=self._stream, disable=not self._stream.isatty(),
            )  # fmt: skip
        self._other.update(done - self._other.n)
        if done == total:
            self._other.close()
            self._other = None

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

    def wants_stop(self) -> bool:
        """Whether a signal has asked for it."""
        return self._stop_asked

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Within the block, Ctrl-C or SIGTERM stops the run after its step; a second one at once."""

        def ask(signal_number: int, frame: object) -> None:
            self._stop_asked = True
            if is_first_process():
                self._say("stopping after this step; once more stops at once")
            signal.signal(signal_number, before[signal.Signals(signal_number)])

        # Only a program's main thread may do this.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Leave the bar as it is; the next phase of pre-training starts one of its own."""
        for bar in (self._other, self._bar):
            if bar is not None:
                bar.close()
        self._other = self._bar = None

    def _say(self, line: str) -> None:
        tqdm.write(f"squeezebert: {line}", file=self._stream)


def hint() -> list[str]:
    """What to say where the pictures of a run cannot be made; nothing where they can."""
    if plots_are_possible() and tensorboard_is_here():
        return []
    return [str(MissingExtraError("a picture of the run (learning curves)", "plots"))]

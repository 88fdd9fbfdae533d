"""The journal's numbers as TensorBoard event files; needs the extra ``plots``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from squeezebert.training.observer import Observer, Step
from squeezebert.training.state import Position

FOLDER_NAME = "tensorboard"


def tensorboard_is_here() -> bool:
    """Whether event files can be written."""
    return find_spec("tensorboard") is not None


class TensorBoard(Observer):
    """Writes losses, learning rate, speed and metrics; a resumed run replaces what it does again.

    Args:
        folder: Where the event files go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None

    def started(self, position: Position, steps: int | None) -> None:
        """Open a file; points of steps after the position are void."""
        if self._writer is None:
            # Imported here: it takes seconds.
            from torch.utils.tensorboard import SummaryWriter

            again = self._folder.exists() and any(self._folder.iterdir())
            self._writer = SummaryWriter(str(self._folder), purge_step=position.step + 1 if again else None)

    def stepped(self, step: Step) -> None:
        """Write a step."""
        parts = {f"loss/{name}": value for name, value in step.named_parts.items()}
        values = {
            "loss": step.loss, **parts, "learning_rate": step.learning_rate,
            "gradient_norm": step.gradient_norm, "tokens_per_second": step.tokens / step.seconds,
        }  # fmt: skip
        self._write("training", values, step.step)

    def evaluated(self, step: int, metrics: Mapping[str, float], best: bool) -> None:
        """Write an evaluation."""
        self._write("validation", metrics, step)

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()

    def _write(self, group: str, values: Mapping[str, float], step: int) -> None:
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f"{group}/{name}", value, step)

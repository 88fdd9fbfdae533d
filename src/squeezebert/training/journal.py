"""metrics.jsonl: one line for each step and each evaluation."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from squeezebert.files import write_text
from squeezebert.training.observer import Observer, Step
from squeezebert.training.state import Position, cannot_write

JOURNAL_NAME = "metrics.jsonl"


class Journal(Observer):
    """Appends records to a file of JSON lines.

    Args:
        path: The file. Lines of steps after the one where a sitting starts are dropped, and written again by
            it; so are half-written or damaged ones.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def started(self, position: Position, steps: int | None) -> None:
        """Open the file, without what lies ahead of the position."""
        if self._file is None:
            if self._path.exists():
                write_text(self._path, "".join(_lines_until(self._path, position.step)))
            self._file = self._path.open("a", encoding="utf-8")

    def stepped(self, step: Step) -> None:
        """Write a step."""
        record: dict[str, Any] = {"step": step.step, "epoch": round(step.epoch, 4), "loss": step.loss}
        if step.named_parts:
            record["parts"] = dict(step.named_parts)
        record["learning_rate"] = step.learning_rate
        record["gradient_norm"] = step.gradient_norm
        record["tokens"] = step.tokens
        record["tokens_per_second"] = round(step.tokens / step.seconds)
        self._write(record)

    def evaluated(self, step: int, metrics: Mapping[str, float], best: bool) -> None:
        """Write an evaluation."""
        self._write({"step": step, "evaluation": dict(metrics), "best": best})

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            # Tries once more to write what could not be written; that was reported already.
            with contextlib.suppress(OSError):
                self._file.close()

    def _write(self, record: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(record) + "\n")
            self._file.flush()
        except OSError as error:
            raise cannot_write(self._path, error) from error


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Read the records of a run that has ended."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _lines_until(path: Path, step: int) -> list[str]:
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        try:
            is_before = line.endswith("\n") and json.loads(line)["step"] <= step
        except (ValueError, KeyError, TypeError):
            is_before = False
        if is_before:
            kept.append(line)
    return kept

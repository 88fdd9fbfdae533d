"""metrics.jsonl: one line for each step and each evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from squeezebert.files import write_text

JOURNAL_NAME = "metrics.jsonl"


class Journal:
    """Appends records to a file of JSON lines.

    Args:
        path: The file. Lines of steps after ``step`` are dropped, as are half-written ones: a resumed run
            writes them again.
        step: Where the run stands.
    """

    def __init__(self, path: Path, step: int) -> None:
        if path.exists():
            write_text(path, "".join(_lines_until(path, step)))
        self._file = path.open("a", encoding="utf-8")

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record, which has a ``step``."""
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _lines_until(path: Path, step: int) -> list[str]:
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        if not line.endswith("\n"):
            break
        if json.loads(line)["step"] > step:
            break
        kept.append(line)
    return kept

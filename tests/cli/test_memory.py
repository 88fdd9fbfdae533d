"""Answering a file takes no more memory the longer it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

GROWTH = 50e6

# Runs the program and notes its resident memory after a tenth of the answers and after all of them.
_WATCHER = """
import os, sys
from pathlib import Path
from squeezebert.cli import main

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

class Watcher:
    lines = 0
    def write(self, text):
        self.lines += text.count("\\n")
        if self.lines in (rows // 10, rows) and text.endswith("\\n"):
            seen[self.lines] = resident()
    def flush(self):
        pass
    def isatty(self):
        return False

rows, seen, terminal = int(sys.argv[1]), {}, sys.stdout
sys.stdout = Watcher()
code = main(sys.argv[2:])
print(code, seen[rows // 10], seen[rows], file=terminal)
"""


def watch(rows: int, model: str, path: Path) -> tuple[int, int]:
    """Resident bytes of `predict` on a file after a tenth of its rows and at its end."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            file.write(f"the film {number} is {'good ' * (number % 13)}\n")
    arguments = ["predict", "--model", model, "--json", "--threads", "1", "--input", str(path)]
    run = subprocess.run(
        [sys.executable, "-c", _WATCHER, str(rows), *arguments],
        capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    code, early, late = map(int, run.stdout.split())
    assert code == 0
    return early, late


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_memory_is_flat(models: dict[str, str], tmp_path: Path) -> None:
    """From 800 to 8,000 rows: a row, answer or encoding that is kept would take a kilobyte or more."""
    early, late = watch(8_000, models["text-classification"], tmp_path / "in.txt")
    assert late - early < 5e6


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_memory_is_flat_over_a_million_lines(models: dict[str, str], tmp_path: Path) -> None:
    early, late = watch(1_000_000, models["text-classification"], tmp_path / "in.txt")
    assert late - early < GROWTH

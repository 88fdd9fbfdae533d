"""Answers take little memory, and a file no more the longer it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from squeezebert.checkpoints import write_checkpoint
from squeezebert.config import SqueezeBertConfig
from squeezebert.engine.weights import network_shapes
from squeezebert.tokenization import SqueezeBertTokenizerFast
from tests.cli.conftest import HEADS

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


# Runs the program and notes its peak. Not ru_maxrss, which a process takes over from the one that starts it.
_PEAK = """
import sys
from pathlib import Path
from squeezebert.cli import main

code = main(sys.argv[1:])
[peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
print(code, int(peak.split()[1]) * 1024)
"""


def peak(*arguments: str) -> float:
    """Most resident bytes of a run of the program, from its start."""
    run = subprocess.run(
        [sys.executable, "-c", _PEAK, *arguments], capture_output=True, text=True, check=True
    )
    code, size = run.stdout.splitlines()[-1].split()
    assert code == "0"
    return float(size)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_an_answer_of_the_embedded_model_takes_70_megabytes() -> None:
    assert peak("predict", "A warm, funny film.") < 70e6


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_an_answer_of_a_model_of_base_size_takes_120_megabytes(tmp_path: Path) -> None:
    config = SqueezeBertConfig(architectures=(HEADS["text-classification"],))
    shapes = network_shapes(config, HEADS["text-classification"], pooler=True)
    arrays = {name: np.full(shape, 0.02, dtype=np.float32) for name, shape in shapes.items()}
    write_checkpoint(tmp_path, config, arrays, dtype="int8")
    SqueezeBertTokenizerFast.from_pretrained("mini/text-classification").save_pretrained(tmp_path)
    assert peak("predict", "A warm, funny film.", "--model", str(tmp_path)) < 120e6


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

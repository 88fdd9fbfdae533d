"""The engine without Python: every kernel and whole models against double precision, in C++."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake, or run: make test-native")
def test_every_instruction_set_of_this_processor() -> None:
    run = subprocess.run(
        ["make", "--no-print-directory", "test-native", "CASES=280"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1].endswith(" passed, 0 failed")

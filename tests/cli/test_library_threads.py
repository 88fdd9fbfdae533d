"""A machine is shared with other programs: no library's threads spin for long."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from squeezebert.cli import main
from squeezebert.cli.library_threads import import_torch


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "")  # so that what a test sets is taken away after it
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "1000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "active"}, None),
    ],
)
def test_what_is_asked_for_comes_first(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: str | None
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    import_torch()
    assert os.environ.get("GOMP_SPINCOUNT") == expected


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize(("backend", "spinning", "threads"), [("torch", "1000", None), ("engine", None, "1")])
def test_answers_share_the_machine_as_well(
    command: str, backend: str, spinning: str | None, threads: str | None, tmp_path: Path
) -> None:
    data = tmp_path / "a.csv"
    data.write_text("text,label\nA warm film.,positive\n")
    source = ["--input", str(data)] if command == "predict" else [str(data)]
    assert main([command, *source, "--backend", backend, "--dry-run"]) == 0
    assert os.environ.get("GOMP_SPINCOUNT") == spinning
    assert os.environ.get("OPENBLAS_NUM_THREADS") == threads


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are not to be seen here")
def test_numpy_starts_no_threads_for_an_answer() -> None:
    code = (
        "import os; from squeezebert.cli import main; main(['predict', 'A warm film.', '--threads', '1']);"
        "import sys; sys.exit('numpy' not in sys.modules or len(os.listdir('/proc/self/task')) - 1)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


def test_torch_is_not_imported_before() -> None:
    """Its OpenMP reads the environment when it is loaded."""
    modules = ", ".join(f"squeezebert.cli.{name}" for name in ("train", "pretrain", "distill", "predict"))
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

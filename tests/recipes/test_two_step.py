"""The recipe of two steps finds what it has done, and not what it has done otherwise."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import two_step


def test_a_finished_run_is_that_of_the_same_rows_and_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        out = Path(command[command.index("--out") + 1])
        out.mkdir(exist_ok=True)
        if "--stop-after" in command:
            return subprocess.CompletedProcess(command, 3)
        (out / "training.json").write_text(json.dumps({"result": {"metrics": {"accuracy": 0.5}}}))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(two_step.subprocess, "run", run)
    rows = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for path in rows:
        path.write_text("{}\n")
    out = tmp_path / "student"
    with pytest.raises(SystemExit) as stopped:
        two_step.train(rows, "mini", out, "--steps", "1", "--stop-after", "1")
    assert stopped.value.code == 3
    for _ in range(2):
        assert two_step.train(rows, "mini", out, "--steps", "1") == {"accuracy": 0.5}
    with pytest.raises(SystemExit, match="student: was trained from other rows, or otherwise"):
        two_step.train(rows, "mini", out, "--steps", "2")
    rows[0].write_text("{}\n{}\n")
    with pytest.raises(SystemExit, match="student: was trained from other rows, or otherwise"):
        two_step.train(rows, "mini", out, "--steps", "1")

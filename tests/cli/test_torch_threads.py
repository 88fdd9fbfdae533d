"""Training shares a machine with other programs: torch's threads do not spin for long at barriers."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from squeezebert.cli.torch_threads import import_torch


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
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    import_torch()
    assert os.environ.get("GOMP_SPINCOUNT") == expected


def test_torch_is_not_imported_before() -> None:
    """Its OpenMP reads the environment when it is loaded."""
    modules = "squeezebert.cli.train, squeezebert.cli.pretrain, squeezebert.cli.distill"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

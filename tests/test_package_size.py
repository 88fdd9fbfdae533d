"""The package stays small enough for a phone: what pip leaves on the disk."""

from __future__ import annotations

import marshal
from pathlib import Path

import squeezebert
from squeezebert import _native

MOST = 25_000_000
"""Bytes."""
_HEADER = 16
"""Bytes before the code in a file of bytecode (PEP 552)."""


def test_the_installed_package_stays_under_25_megabytes() -> None:
    folder = Path(squeezebert.__file__).parent
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".pyc", ".so")]
    bytecode = sum(
        _HEADER + len(marshal.dumps(compile(path.read_bytes(), str(path), "exec", dont_inherit=True)))
        for path in files
        if path.suffix == ".py"
    )
    engine = Path(_native.__file__).stat().st_size
    assert sum(path.stat().st_size for path in files) + bytecode + engine < MOST

"""Training keeps the memory that it frees, so that each step does not get its pages anew."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SIZE = 192 << 20
# Prints the resident bytes after an array was filled and freed.
PROGRAM = f"""
import resource, sys, numpy as np
from squeezebert.training.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
large = np.ones({SIZE}, np.uint8)
del large
print(int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone has the setting")
def test_what_is_freed_stays_resident() -> None:
    resident = {
        mode: int(
            subprocess.run([sys.executable, "-c", PROGRAM, mode], check=True, capture_output=True).stdout
        )
        for mode in ("given back", "kept")
    }
    assert resident["kept"] - resident["given back"] > SIZE * 0.9

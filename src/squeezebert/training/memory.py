"""What the C library does with memory that torch gives back between one step and the next."""

from __future__ import annotations

import ctypes
import platform

# Parameters of mallopt(3), and values for "never": glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_NEVER, _MARGIN = -1, 256 << 20


def keep_freed_memory() -> bool:
    """Have the process keep what it frees, for its next allocation; for the rest of its life.

    glibc gives a large tensor back to the system as soon as it is freed. The next step then gets its pages
    one by one, each filled with zeros first.

    Returns:
        Whether the C library was told; only glibc knows these settings.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER), (_TOP_PAD, _MARGIN))
    return all(libc.mallopt(name, value) for name, value in settings)

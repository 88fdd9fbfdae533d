"""Compressed files of several parts after one another, read as one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

CHUNK = 1 << 18


class Frames(io.RawIOBase):
    """The decompressed bytes of a file, of which a subclass gives one piece after the other."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")
        self._ready = b""

    def piece(self) -> bytes:
        """Give bytes; none at the end.

        Raises:
            EOFError: The data are damaged or cut short.
        """
        raise NotImplementedError

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer as far as data are ready; 0 at the end."""
        if not self._ready:
            self._ready = self.piece()
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        super().close()

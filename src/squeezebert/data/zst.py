"""Files in Zstandard's format, which needs the extra ``zstd``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from squeezebert.errors import MissingExtraError

_CHUNK = 1 << 18


def open_zst(path: Path) -> io.BufferedReader:
    """Open a file for reading its decompressed bytes; frames after one another are read as one.

    Raises:
        MissingExtraError: The library is not installed.
        OSError: The file cannot be opened.
    """
    return io.BufferedReader(_Stream(path, zst_library("reading")), _CHUNK)


def zst_library(doing: str) -> Any:
    """The library that knows the format.

    Args:
        doing: What is done to files, for the error.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import zstandard
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{doing} .zst files", "zstd") from error
    return zstandard


class _Stream(io.RawIOBase):
    """Decompressed bytes. The library's own stream ends without an error where a file is cut short.

    Raises:
        EOFError: The data are damaged or cut short.
    """

    def __init__(self, path: Path, library: Any) -> None:
        self._file = path.open("rb")
        self._library = library
        self._frame: Any = None
        self._ready = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer as far as data are ready; 0 at the end."""
        while not self._ready:
            raw = self._file.read(_CHUNK)
            if not raw:
                if self._frame is not None:
                    raise EOFError("the last frame has no end")
                return 0
            self._ready = self._decompressed(raw)
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _decompressed(self, raw: bytes) -> bytes:
        parts = []
        while raw:
            if self._frame is None:
                self._frame = self._library.ZstdDecompressor().decompressobj()
            try:
                parts.append(self._frame.decompress(raw))
            except self._library.ZstdError as error:
                raise EOFError(str(error)) from error
            if not self._frame.eof:
                break
            raw, self._frame = self._frame.unused_data, None
        return b"".join(parts)

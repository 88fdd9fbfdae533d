"""Files in Zstandard's format, which needs the extra ``zstd``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from squeezebert.data.frames import CHUNK, Frames
from squeezebert.errors import MissingExtraError


def open_zst(path: Path) -> io.BufferedReader:
    """Open a file for reading its decompressed bytes; frames after one another are read as one.

    Raises:
        MissingExtraError: The library is not installed.
        OSError: The file cannot be opened.
    """
    return io.BufferedReader(_Zst(path, zst_library("reading")), CHUNK)


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


class _Zst(Frames):
    """The library's own stream ends without an error where a file is cut short."""

    def __init__(self, path: Path, library: Any) -> None:
        super().__init__(path)
        self._library = library
        self._frame: Any = None

    def piece(self) -> bytes:
        while raw := self.file.read(CHUNK):
            if data := self._decompressed(raw):
                return data
        if self._frame is not None:
            raise EOFError("the last frame has no end")
        return b""

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

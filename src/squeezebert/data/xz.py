"""Files in the format of xz, damage in any of their streams included."""

from __future__ import annotations

import io
import lzma
from pathlib import Path

from squeezebert.data.frames import CHUNK, Frames


def open_xz(path: Path) -> io.BufferedReader:
    """Open an .xz file for reading its decompressed bytes.

    Raises:
        OSError: It cannot be opened.
    """
    return io.BufferedReader(_Xz(path), CHUNK)


class _Xz(Frames):
    """``lzma.open`` takes a stream that is damaged where it begins for the end of the file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._stream: lzma.LZMADecompressor | None = lzma.LZMADecompressor()
        self._raw = b""

    def piece(self) -> bytes:
        while self._stream is not None:
            try:
                data = self._stream.decompress(self._next(), CHUNK)
            except lzma.LZMAError as error:
                raise EOFError(str(error)) from error
            if self._stream.eof:
                self._raw = self._stream.unused_data
                self._stream = lzma.LZMADecompressor() if self._goes_on() else None
            if data:
                return data
        return b""

    def _next(self) -> bytes:
        """What the stream is to be given."""
        if self._stream is None or not self._stream.needs_input:
            return b""
        raw, self._raw = self._raw or self.file.read(CHUNK), b""
        if not raw:
            raise EOFError("the last stream has no end")
        return raw

    def _goes_on(self) -> bool:
        """Whether anything but padding follows a stream."""
        raw = self._raw.lstrip(b"\0")
        while not raw:
            read = self.file.read(CHUNK)
            if not read:
                return False
            raw = read.lstrip(b"\0")
        self._raw = raw
        return True

"""Text files in: opened, decompressed, decoded and cut into lines, with errors that name the place."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, cast

from squeezebert.data.row import STDIN
from squeezebert.data.xz import open_xz
from squeezebert.data.zst import open_zst
from squeezebert.errors import DataError

COMPRESSED = (".xz", ".gz", ".zst")

# First bytes of files that are no text, and what to do about them.
_SIGNATURES = (
    (b"PK\x03\x04", "a zip or Excel file; export it as .csv"),
    (b"PAR1", "a parquet file; end its name in .parquet"),
    (b"ARROW1", "an Arrow file; export it as .csv or .jsonl"),
    (b"%PDF-", "a PDF file; export it as .txt"),
    (b"\x89PNG", "a PNG image; a text file is needed"),
    (b"\xff\xd8\xff", "a JPEG image; a text file is needed"),
    (b"\x89HDF", "an HDF5 file; export it as .csv or .jsonl"),
    (b"SQLite format 3", "an SQLite file; export it as .csv"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file; export it as .csv"),
    (b"\x1f\x8b", "gzip-compressed; end its name in .gz"),
    (b"\xfd7zXZ", "xz-compressed; end its name in .xz"),
    (b"BZh", "bzip2-compressed; decompress it first"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed; end its name in .zst"),
    (b"\xff\xfe", "UTF-16 text; convert it: iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "UTF-16 text; convert it: iconv -f UTF-16 -t UTF-8"),
)


def shown(path: str | Path) -> str:
    """The name by which error messages call a file."""
    return "stdin" if str(path) == STDIN else str(path)


def plain_name(path: str | Path) -> str:
    """The file's name without folder and without ``.xz``, ``.gz`` or ``.zst``."""
    path = Path(path)
    return path.stem if path.suffix.lower() in COMPRESSED else path.name


def check_exists(path: str | Path) -> None:
    """Check that there is such a file or folder.

    Raises:
        DataError: There is none, or the name is empty.
    """
    if str(path) == STDIN:
        return
    if not str(path):
        raise DataError("the name of the file to read is empty")
    try:
        Path(path).stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise DataError(f"{str(path)!r}: no such file") from error


def check_file(path: str | Path) -> None:
    """Check that there is a file to read.

    Raises:
        DataError: There is none, or it is a folder.
    """
    check_exists(path)
    if str(path) != STDIN and Path(path).is_dir():
        raise DataError(f"{path}: is a folder; give a file in it")


def open_text(path: str | Path) -> Iterator[str]:
    r"""Give the lines of a UTF-8 text file, with their ends, in constant memory.

    Lines end in ``\n``, ``\r\n`` or ``\r`` only: U+2028, U+0085 and their like are characters of a line. A
    byte order mark is dropped. ``.xz``, ``.gz`` and ``.zst`` are decompressed; ``"-"`` is the standard input.

    Raises:
        DataError: The file is missing, binary, not UTF-8 or damaged.
        MissingExtraError: A ``.zst`` file without the extra ``zstd``.
    """
    check_file(path)
    line = offset = 0
    for raw in _raw_lines(path):
        if offset == 0:
            _check_text(raw, path)
        decoded = _decode(raw, path, line + 1, offset)
        for text in _split(decoded.removeprefix("\ufeff") if offset == 0 else decoded):
            line += 1
            yield text
        offset += len(raw)


def chomp(line: str) -> str:
    """The line without its end."""
    return line.rstrip("\r\n")


def _split(text: str) -> Iterator[str]:
    """Cut at lone carriage returns, as files of the old Mac have them."""
    body = text[:-2] if text.endswith("\r\n") else text
    if "\r" in body:
        yield from io.StringIO(text, newline="")
    elif text:
        yield text


def _decode(raw: bytes, path: str | Path, line: int, offset: int) -> str:
    if b"\0" in raw:
        at = offset + raw.index(b"\0")
        raise DataError(f"{shown(path)}:{line}: NUL byte at byte {at}; this is no text file")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        at = offset + error.start
        raise DataError(
            f"{shown(path)}:{line}: byte {raw[error.start]:#04x} at byte {at} is not UTF-8; "
            "convert the file: iconv -f WINDOWS-1252 -t UTF-8"
        ) from error


def _raw_lines(path: str | Path) -> Iterator[bytes]:
    """Give the decompressed lines, ends kept, with damage and system errors put into words."""
    name = shown(path)
    try:
        with open_bytes(path) as stream:
            yield from stream
    except (zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise DataError(
            f"{name}: cannot be decompressed ({str(error).rstrip('.')}); "
            "it is damaged or cut short, fetch it again"
        ) from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror})") from error


def open_bytes(path: str | Path) -> AbstractContextManager[BinaryIO]:
    """Open a file for reading its decompressed bytes.

    Raises:
        MissingExtraError: A ``.zst`` file without the extra ``zstd``.
        OSError: It cannot be opened.
    """
    if str(path) == STDIN:
        return nullcontext(sys.stdin.buffer)
    suffix = Path(path).suffix.lower()
    if suffix == ".xz":
        return open_xz(Path(path))
    if suffix == ".gz":
        return cast(BinaryIO, gzip.open(path))
    if suffix == ".zst":
        return open_zst(Path(path))
    return Path(path).open("rb")


def _check_text(first: bytes, path: str | Path) -> None:
    for signature, what in _SIGNATURES:
        if first.startswith(signature):
            if str(path) == STDIN:
                what = what.replace("end its name in", "give the file, with a name that ends in")
            raise DataError(f"{shown(path)}: is {what}")

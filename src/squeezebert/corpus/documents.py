"""Documents out of files of text: plain, JSON lines, Wikipedia articles, archives."""

from __future__ import annotations

import gzip
import itertools
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from squeezebert.data import Row, open_text
from squeezebert.data.jsonfiles import read_jsonl
from squeezebert.data.opening import check_file, open_bytes, plain_name
from squeezebert.data.parquet import SUFFIX as PARQUET
from squeezebert.data.parquet import read_parquet
from squeezebert.errors import DataError
from squeezebert.tokenization.inputs import check_text

SUFFIXES = (".txt", ".jsonl", ".tar", PARQUET)
"""What the names of readable files end in; all but the last may have ``.xz``, ``.gz`` or ``.zst`` behind."""

# A longer document is given in pieces, and a longer paragraph too, so that memory stays bounded.
_LONGEST_DOCUMENT = 1_000_000
_LONGEST_PARAGRAPH = 20_000
_SHORTEST_ARTICLE = 400
_CHUNK = 1 << 20

_ARTICLE = re.compile(r'<doc id="(?P<id>\d+)".*?(?: title="(?P<title>.*)")?>\s*$')
_LEFTOVER = re.compile(r"</?\w+[^>]*>|\{\{|formula_\d")


@dataclass(frozen=True)
class Document:
    """A stretch of running text.

    Attributes:
        number: Of Wikipedia articles the page id; of plain text a number that its content gives; else its
            place in the file, from 1.
        paragraphs: Its text, in order.
    """

    number: int
    paragraphs: list[str]

    @property
    def characters(self) -> int:
        """Length of the text."""
        return sum(map(len, self.paragraphs))


def read_documents(path: str | Path, *, first: int = 1) -> Iterator[Document]:
    """Give the documents of a file, in bounded memory.

    - ``.txt``: one document; blank lines part its paragraphs. A file that begins with ``<doc id=…>`` holds
      Wikipedia articles, one paragraph a line: those under 400 characters are left out, as are lines with
      leftover markup and the repeated title.
    - ``.jsonl``: a document a line, its text in the column ``text``, likewise.
    - ``.parquet``: a document a row, its text in the column ``text``, likewise.
    - ``.tar``: a document for each ``.txt`` inside.

    All but parquet may be compressed: ``.xz``, ``.gz``, ``.zst``. A ``.txt`` of more than a million
    characters is given in pieces, inside of an archive, too.

    Args:
        path: The file.
        first: Number of the first document where a file is one.

    Raises:
        DataError: The file cannot be read, or is of none of these kinds.
        MissingExtraError: A ``.zst`` file without the extra ``zstd``, or parquet without its own.
        TokenizerError: A text has an unpaired surrogate, as JSON can hold.
    """
    suffix = Path(plain_name(path)).suffix.lower()
    if suffix == ".jsonl":
        return _of_rows(read_jsonl(path))
    if suffix == PARQUET:
        return _of_rows(read_parquet(path))
    if suffix == ".tar":
        return _of_archive(Path(path))
    if suffix != ".txt":
        raise DataError(f"{path}: is not one of {', '.join(SUFFIXES)}, plain or ending in .xz, .gz or .zst")
    return _of_text(path, first)


def _of_text(path: str | Path, number: int) -> Iterator[Document]:
    lines = open_text(path)
    first = next(lines, "")
    lines = itertools.chain([first], lines)
    return _articles(lines, path) if first.startswith("<doc ") else _pieces(_paragraphs(lines), number)


def _of_rows(rows: Iterable[Row]) -> Iterator[Document]:
    for number, row in enumerate(rows, 1):
        text = row.values.get("text")
        if not isinstance(text, str):
            raise DataError(f'{row.where}: has no string "text"; each row is one document')
        check_text(text, f"{row.where}: text")
        yield Document(number, list(_paragraphs(text.splitlines())))


def _of_archive(path: Path) -> Iterator[Document]:
    check_file(path)
    number = itertools.count(1)
    try:
        # Through the reader of plain files, because tarfile knows no .zst.
        with (
            open_bytes(path) as file,
            tarfile.open(fileobj=cast(Any, stream := _Ending(file)), mode="r|") as archive,
        ):
            for member in archive:
                # macOS stores what it knows of a file beside it, as ._name.
                hidden = PurePosixPath(member.name).name.startswith("._")
                if member.isfile() and member.name.lower().endswith(".txt") and not hidden:
                    text = archive.extractfile(member)
                    lines = (line.decode("utf-8-sig") for line in text or ())
                    for piece in _pieces(_paragraphs(lines)):
                        yield Document(next(number), piece.paragraphs)
            # Behind the archive is the checksum of what was read.
            while stream.read(_CHUNK):
                pass
            # Cut at or in a header, it looks as if it had fewer members.
            if any(stream.last):
                raise EOFError("it has no end")
    except (tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"{path}: is damaged or no archive ({error}); fetch it again") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: {member.name} is not UTF-8; convert it") from error


class _Ending:
    """A stream, and the last bytes that were read of it: those of an archive are zeros."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.last = b""

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self.last = (self.last + chunk)[-tarfile.BLOCKSIZE :]
        return chunk


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Join the lines between blank ones."""
    held: list[str] = []
    size = 0
    for line in map(str.strip, lines):
        if held and (not line or size > _LONGEST_PARAGRAPH):
            yield " ".join(held)
            held, size = [], 0
        if line:
            held.append(line)
            size += len(line)
    if held:
        yield " ".join(held)


def _pieces(paragraphs: Iterable[str], number: int = 1) -> Iterator[Document]:
    held, size = list[str](), 0
    for paragraph in paragraphs:
        held.append(paragraph)
        size += len(paragraph)
        if size > _LONGEST_DOCUMENT:
            yield Document(number, held)
            number, held, size = number + 1, [], 0
    if held:
        yield Document(number, held)


def _articles(lines: Iterable[str], path: str | Path) -> Iterator[Document]:
    number, title, held = 0, "", list[str]()
    for line in map(str.strip, lines):
        opening = _ARTICLE.match(line)
        if opening and not held:
            number, title, held = int(opening["id"]), opening["title"] or "", []
        elif opening:
            break
        elif line == "</doc>":
            article = Document(number, held)
            if article.characters >= _SHORTEST_ARTICLE:
                yield article
            held = []
        elif line and not _LEFTOVER.search(line) and (held or line != title):
            held.append(line)
    if held:
        raise DataError(
            f"{path}: the article {number} ({title}) has no end; the file is cut short, fetch it again"
        )

"""Both tokenizers equal the norm on every line of real data: ids, segments, offsets and windows."""

from __future__ import annotations

import io
import itertools
import lzma
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from squeezebert.tokenization import SqueezeBertTokenizer, SqueezeBertTokenizerFast

DATA = os.environ.get("SQUEEZEBERT_DATA")
# Lines of JSON files can be whole data sets.
LONGEST = 20_000
BATCH_CHARS = 500_000
OPTIONS: dict[str, Any] = {
    "truncation": True,
    "max_length": 64,
    "stride": 16,
    "return_overflowing_tokens": True,
    "return_offsets_mapping": True,
}


def open_members(path: Path) -> Iterator[BinaryIO]:
    """The file, decompressed, or each of the files in an archive."""
    if ".tar" in path.suffixes:
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None:
                    yield io.BytesIO(content.read())
    elif path.suffix == ".xz":
        with lzma.open(path) as content:
            yield content
    else:
        with path.open("rb") as plain:
            yield plain


def lines_of(path: Path) -> Iterator[str]:
    for content in open_members(path):
        for line in io.TextIOWrapper(content, encoding="utf-8", errors="replace", newline="\n"):
            yield from (line[start : start + LONGEST] for start in range(0, len(line), LONGEST))


def batches_of(lines: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line)
        if size > BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@pytest.mark.long
@pytest.mark.skipif(DATA is None, reason="SQUEEZEBERT_DATA does not name the folder of the data sets")
def test_every_line(pure: SqueezeBertTokenizer, fast: SqueezeBertTokenizerFast, reference: Any) -> None:
    """SQUEEZEBERT_SAMPLE=n takes only every n-th batch of a file."""
    step = int(os.environ.get("SQUEEZEBERT_SAMPLE", "1"))
    lines = chars = windows = 0
    # From small to large, so that all kinds of text have been seen when the large ones begin.
    files = sorted((p for p in Path(str(DATA)).rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    assert files
    for path in files:
        for batch in itertools.islice(batches_of(lines_of(path)), 0, None, step):
            theirs = dict(reference(batch, **OPTIONS))
            for ours in (pure, fast):
                if ours(batch, **OPTIONS).data != theirs:
                    explain(ours, reference, batch, path)
            lines += len(batch)
            chars += sum(map(len, batch))
            windows += len(theirs["input_ids"])
        print(f"{path.name}: so far {lines} lines, {chars} characters, {windows} windows equal", flush=True)


def explain(ours: Any, reference: Any, batch: list[str], path: Path) -> None:
    for line in batch:
        assert ours(line, **OPTIONS).data == dict(reference(line, **OPTIONS)), f"{path}: {line!r}"
    pytest.fail(f"{path}: a batch differs although each of its lines is equal")

"""The format of a file, and the memory that reading takes."""

import gzip
import io
import lzma
import os
from pathlib import Path

import pytest

from squeezebert.data import Row, read_rows
from squeezebert.data.row import spread
from squeezebert.errors import DataError


@pytest.mark.parametrize("name", ["a.TXT", "a.txt.xz", "a.csv.gz", "a.b.tsv"])
def test_format_by_extension(tmp_path, name):
    path = tmp_path / name
    content = b"text\na b\n"
    compress = {".xz": lzma.compress, ".gz": gzip.compress}.get(path.suffix, bytes)
    path.write_bytes(compress(content))
    assert [row.values["text"] for row in read_rows(path)][-1] == "a b"


def test_format_by_name(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("text,label\na,b\n")
    assert next(read_rows(path, format="csv")).values == {"text": "a", "label": "b"}


def test_stdin_is_one_text_a_line(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a,b\nc\n")))
    rows = list(read_rows("-"))
    assert [row.values["text"] for row in rows] == ["a,b", "c"]
    assert rows[1].where == "stdin:2"


def test_errors_of_the_file_come_before_the_first_row(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_rows(tmp_path / "a.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_rows(tmp_path)
    path = tmp_path / "a.xyz"
    path.write_text("a")
    with pytest.raises(
        DataError, match=r"unknown extension '\.xyz'; name the format with --format \(txt, csv"
    ):
        read_rows(path)
    with pytest.raises(DataError, match="unknown format 'xml'; the formats are txt, csv"):
        read_rows(path, format="xml")


LINES = {
    "txt": ("", "a text of some words\n"),
    "csv": ("text,label\n", '"a text, of some words",x\n'),
    "tsv": ("text\tlabel\n", "a text of some words\tx\n"),
    "jsonl": ("", '{"text": "a text of some words", "label": "x"}\n'),
    "conll": ("", "word\tO\n\n"),
}


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("format", LINES)
def test_memory_stays_flat_over_a_million_rows(tmp_path, format):
    header, line = LINES[format]
    path = tmp_path / f"a.{format}.gz"
    with gzip.open(path, "wt", compresslevel=1) as out:
        out.write(header)
        for _ in range(100):
            out.write(line * 10_000)
    rows = read_rows(path)
    used = []
    for count, _ in enumerate(rows, 1):
        if count % 10_000 == 0:
            used.append(resident())
    assert count == 1_000_000
    assert max(used) - used[0] < 4 * 2**20


def resident():
    """Memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_rows_are_taken_from_everywhere():
    rows = [Row({"text": str(n)}, f"row {n}") for n in range(23)]
    assert [row.values["text"] for row in spread(rows, 5)] == ["0", "4", "8", "12", "16"]
    assert spread(rows, None) == rows
    assert len(spread(rows, 99)) == 23

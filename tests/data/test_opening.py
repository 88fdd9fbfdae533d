"""Text files are opened, decompressed and cut into lines; damage is named with its place."""

import gzip
import io
import lzma
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.data import open_text
from squeezebert.data.opening import chomp
from squeezebert.errors import DataError


def file(tmp_path: Path, content: bytes, name: str = "a.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def lines(path: Path | str) -> list[str]:
    return [chomp(line) for line in open_text(path)]


def test_all_three_line_ends(tmp_path):
    assert lines(file(tmp_path, b"one\ntwo\r\nthree\rfour\r\rsix")) == [
        "one",
        "two",
        "three",
        "four",
        "",
        "six",
    ]


def test_only_line_ends_split_a_line(tmp_path):
    text = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg"
    assert lines(file(tmp_path, text.encode())) == [text]


def test_byte_order_mark_is_dropped_once(tmp_path):
    assert lines(file(tmp_path, b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n")) == ["one", "\ufefftwo"]


@pytest.mark.parametrize(("suffix", "compress"), [(".xz", lzma.compress), (".gz", gzip.compress)])
def test_compressed(tmp_path, suffix, compress):
    assert lines(file(tmp_path, compress("größer\nzwei\n".encode()), "a.txt" + suffix)) == ["größer", "zwei"]


@pytest.mark.parametrize("padding", [b"", bytes(4), bytes(1 << 19)])
def test_xz_streams_after_one_another(tmp_path, padding):
    """As ``cat`` and parallel compressors make them; nothing is lost of a damaged one."""
    first, second = lzma.compress(b"one\n"), lzma.compress(b"".join(b"%d\n" % i for i in range(999)))
    whole = ["one", *map(str, range(999))]
    assert lines(file(tmp_path, first + padding + second + padding, "a.xz")) == whole
    for place in (0, 20, len(second) // 2, len(second) - 5):
        damaged = bytearray(second)
        damaged[place] ^= 0x55
        with pytest.raises(DataError, match="cannot be decompressed"):
            lines(file(tmp_path, first + padding + damaged, "a.xz"))


def test_stdin(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("ä\nb".encode())))
    assert lines("-") == ["ä", "b"]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_lines_are_those_of_python(tmp_path_factory, text):
    """Python's universal newlines are the norm for where a line ends."""
    path = tmp_path_factory.mktemp("lines") / "a.txt"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    with path.open(encoding="utf-8-sig") as norm:
        assert lines(path) == [line.removesuffix("\n") for line in norm]


BAD = {
    "latin-1": (b"good\nna\xefve\n", "a.txt", "a.txt:2: byte 0xef at byte 7 is not UTF-8"),
    "latin-1 after a mark": (b"\xef\xbb\xbfab\xff", "a.txt", "a.txt:1: byte 0xff at byte 5 is not UTF-8"),
    "cut character": (b"ok\ncaf\xc3", "a.txt", "a.txt:2: byte 0xc3 at byte 6 is not UTF-8"),
    "late NUL": (b"x" * 50 + b"\nab\0c\n", "a.txt", "a.txt:2: NUL byte at byte 53"),
    "early NUL": (b"ab\0c", "a.txt", "a.txt:1: NUL byte at byte 2"),
    "zip": (b"PK\x03\x04xxxx", "a.csv", "a.csv: is a zip or Excel file; export it as .csv"),
    "parquet": (b"PAR1xxxx", "a.csv", "a parquet file"),
    "png": (b"\x89PNG\r\n\x1a\n", "a.txt", "a PNG image"),
    "utf-16": ("hello".encode("utf-16"), "a.txt", "iconv -f UTF-16"),
    "unnamed gzip": (gzip.compress(b"a"), "a.txt", "end its name in .gz"),
    "unnamed xz": (lzma.compress(b"a"), "a.txt", "end its name in .xz"),
    "no xz": (b"plain text", "a.txt.xz", "a.txt.xz: cannot be decompressed"),
    "no gzip": (b"plain text", "a.txt.gz", "a.txt.gz: cannot be decompressed"),
    "cut xz": (lzma.compress(b"one\ntwo\n" * 99)[:-20], "a.txt.xz", "cannot be decompressed"),
    "no stream": (b"", "a.txt.xz", "cannot be decompressed"),
    "cut gzip": (gzip.compress(b"one\ntwo\n" * 99)[:-9], "a.txt.gz", "cannot be decompressed"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_name_place_and_remedy(tmp_path, case):
    content, name, message = BAD[case]
    with pytest.raises(DataError) as caught:
        lines(file(tmp_path, content, name))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_piped_in_has_no_name_to_change(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"a"))))
    with pytest.raises(DataError, match=r"stdin: is gzip-compressed; give the file, with a name that ends"):
        lines("-")


@pytest.mark.parametrize("name", ["b.txt", "a text given for a file " * 50, "a\0b"])
def test_missing_file(tmp_path, name):
    with pytest.raises(DataError, match="no such file"):
        lines(tmp_path / name)


def test_folder(tmp_path):
    with pytest.raises(DataError, match="is a folder"):
        lines(tmp_path)

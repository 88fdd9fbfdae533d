"""Documents are read from every kind of file, and damage is named."""

import gzip
import io
import json
import lzma
import tarfile

import pytest

from squeezebert.corpus import read_documents
from squeezebert.corpus.documents import _LONGEST_DOCUMENT
from squeezebert.errors import DataError, MissingExtraError, TokenizerError

LONG = "A long line of text, long enough to be kept by itself. " * 9


def read(path):
    return [(document.number, document.paragraphs) for document in read_documents(path)]


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_plain_text_is_one_document_of_paragraphs(tmp_path):
    path = write(tmp_path / "a.txt", "\ufeffTitle\n\nwrapped\nlines\n\n\n  last  \n")
    assert read(path) == [(1, ["Title", "wrapped lines", "last"])]


def test_wikipedia_articles(tmp_path):
    text = (
        f'<doc id="12" url="u" title="Tea">\nTea\n\n{LONG}\nTea\n<br>x\nsee {{{{x}}}} here\nformula_3 is it\n'
        f'</doc>\n<doc id="13" url="u" title="Stub">\nStub\n\nshort.\n</doc>\n'
        f'<doc id="200" url="u" title="A &quot;B&quot;">\n{LONG}\n</doc>\n'
    )
    path = write(tmp_path / "wiki.txt.xz", lzma.compress(text.encode()))
    assert read(path) == [(12, [LONG.strip(), "Tea"]), (200, [LONG.strip()])]


def test_an_article_without_end_is_an_error(tmp_path):
    path = write(tmp_path / "wiki.txt", f'<doc id="7" url="u" title="Tea">\n{LONG}\n')
    with pytest.raises(DataError, match=r"wiki\.txt: the article 7 \(Tea\) has no end"):
        read(path)
    path.write_text(path.read_text() + f'<doc id="8" url="u" title="Cup">\n{LONG}\n</doc>\n')
    with pytest.raises(DataError, match=r"wiki\.txt: the article 7 \(Tea\) has no end"):
        read(path)


def test_json_lines(tmp_path):
    lines = [{"text": "one\n\ntwo\nthree", "id": 5}, {"text": "four"}]
    path = write(tmp_path / "a.jsonl.gz", gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    assert read(path) == [(1, ["one", "two three"]), (2, ["four"])]
    with pytest.raises(DataError, match=r'b\.jsonl:1: has no string "text"'):
        read(write(tmp_path / "b.jsonl", '{"body": "x"}\n'))
    with pytest.raises(TokenizerError, match=r"c\.jsonl:2: text has an unpaired surrogate \(U\+D800\)"):
        read(write(tmp_path / "c.jsonl", '{"text": "x"}\n{"text": "\\ud800"}\n'))


def archive(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_archives(tmp_path):
    content = archive({"n/a.txt": "ä\n\nb".encode(), "n/._a.txt": b"\xff\0", "n/b.txt": b"\xef\xbb\xbfc"})
    path = write(tmp_path / "a.tar.xz", lzma.compress(content))
    assert read(path) == [(1, ["ä", "b"]), (2, ["c"])]


@pytest.mark.parametrize("length", [1024, 1025, 2047, 2048])
def test_an_archive_that_is_cut_between_members_has_no_end(tmp_path, length):
    """Tarfile takes that for the end of the archive."""
    content = archive({"a.txt": b"One.", "b.txt": b"Two."})
    with pytest.raises(DataError, match=r"a\.tar: is damaged or no archive \("):
        read(write(tmp_path / "a.tar", content[:length]))


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.xz"])
def test_damaged_archives(tmp_path, name):
    with pytest.raises(DataError, match=r"a\.tar.*damaged"):
        read(write(tmp_path / name, b"x" * 2000))


def test_the_checksum_behind_an_archive_is_looked_at(tmp_path):
    content = bytearray(gzip.compress(archive({"a.txt": b"Tea."})))
    content[-6] ^= 1
    with pytest.raises(DataError, match=r"a\.tar\.gz: is damaged"):
        read(write(tmp_path / "a.tar.gz", bytes(content)))


def test_long_documents_come_in_pieces(tmp_path):
    count = 3 * _LONGEST_DOCUMENT // len(LONG)
    documents = read(write(tmp_path / "a.txt", f"{LONG}\n\n" * count))
    assert [number for number, _ in documents] == [1, 2, 3]
    assert sum(len(paragraphs) for _, paragraphs in documents) == count


def test_zstandard(tmp_path, monkeypatch):
    zstandard = pytest.importorskip("zstandard")
    compress = zstandard.ZstdCompressor().compress
    text = "one\n\ntwo " + "x" * 300_000
    # Two frames, as `cat a.zst b.zst` makes them.
    content = compress(text.encode()) + compress(b"\n\nthree")
    assert read(write(tmp_path / "a.txt.zst", content)) == [(1, ["one", text[5:], "three"])]
    with pytest.raises(DataError, match=r"b\.txt\.zst: cannot be decompressed .* cut short"):
        read(write(tmp_path / "b.txt.zst", content[:-3]))
    with pytest.raises(DataError, match=r"c\.txt\.zst: cannot be decompressed"):
        read(write(tmp_path / "c.txt.zst", b"nonsense" + content))
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(MissingExtraError, match=r"squeezebert\[zstd\]"):
        read(tmp_path / "a.txt.zst")


def test_other_files_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.csv: is not one of \.txt"):
        read(write(tmp_path / "a.csv", "x"))

"""The reader of documents notices what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.guides import Block, Reader, blocks_of, matches


def follow(folder: Path, text: str) -> None:
    document = folder / "guide.md"
    document.write_text(text, encoding="utf-8")
    reader = Reader(folder)
    for block in blocks_of(document):
        reader.follow(block)


def test_blocks_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text("# A\n\n```csv a.csv\nx,y\n```\nB\n```sh\nls\n```\n", encoding="utf-8")
    assert list(blocks_of(tmp_path / "guide.md")) == [
        Block("csv", "a.csv", "x,y\n", "guide.md", 3),
        Block("sh", "", "ls\n", "guide.md", 7),
    ]


def test_blocks_run_in_one_folder_and_share_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    follow(
        tmp_path,
        "```csv a.csv\nx\n7\n```\n```sh\ncat a.csv\n```\n```text\nx\n7\n```\n"
        "```python\nrows = open('a.csv').read().split()\n```\n```python\nprint(rows)\n```\n"
        "```text\n['x', '…']\n```\n```sh notest\nfalse\n```\n"
        "```sh fails\necho no >&2; exit 2\n```\n```text\nno\n```\n",
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```ruby\n1\n```\n", "guide.md:1: cannot follow 'ruby '"),
        ("```sh sometimes\n1\n```\n", "cannot follow 'sh sometimes'"),
        ("```csv\nx\n```\n", "cannot follow 'csv '"),
        ("\n```sh\necho a; false\n```\n", "guide.md:2: exit code 1\na"),
        ("```sh\nfalse\ntrue\n```\n", "exit code 1"),
        ("```sh fails\ntrue\n```\n", "exit code 0"),
        ("```sh\necho a\n```\n```text\nb\n```\n", "guide.md:4: what is printed is\na"),
        ("```text\nb\n```\n", "the block before it prints nothing"),
        ("```sh notest\necho b\n```\n```text\nb\n```\n", "the block before it prints nothing"),
        ("- a ```sh\n", "a fence within a line"),
        ("```sh\nls\n", "the block has no end"),
    ],
)
def test_a_wrong_document_fails(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(AssertionError) as error:
        follow(tmp_path, text)
    assert complaint in str(error.value)


def test_a_python_error_names_the_line_of_the_document(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as error:
        follow(tmp_path, "A\n\n```python\na = 1\na / 0\n```\n")
    assert error.traceback[-1].lineno + 1 == 5


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\nb\n", "a  \nb", True),
        ("a 0.… c\n", "a 0.123 c\n", True),
        ("a … c\n", "a 1\n2 c\n", False),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n…\n", "a\n", True),
        ("a.c\n", "abc\n", False),
        ("a\n", "a\nb\n", False),
    ],
)
def test_printed_text_is_compared(expected: str, printed: str, same: bool) -> None:
    assert matches(expected, printed) is same

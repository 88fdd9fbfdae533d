"""Runs the code blocks of a Markdown document, in their order and in one folder.

What stands behind the three backticks says what a block is:

- ``csv tickets.csv`` (or jsonl, conll, txt, toml): a file, written under that name.
- ``sh``, ``python``: run; python blocks share their variables. ``sh fails`` must end with exit code 2, as bad
  input does. ``notest`` behind it: only shown, for what needs a network or takes long.
- ``text``: what the block before it prints, with ``…`` for anything in a line and alone for any lines.
  ``text notest``: only shown.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FENCE = "```"
FILES = ("csv", "jsonl", "conll", "txt", "toml")
ANYTHING = "…"
BAD_INPUT = 2
SECONDS = 300
# One thread, because tests run side by side.
SURROUNDINGS = {"HF_HUB_SURROUNDINGS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Block:
    """A code block: its language, the word behind it, and where it starts."""

    language: str
    word: str
    text: str
    document: str
    line: int

    @property
    def where(self) -> str:
        return f"{self.document}:{self.line}"


def blocks_of(path: Path) -> Iterator[Block]:
    """Give the blocks of a document in their order."""
    info, start, lines = None, 0, list[str]()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert line.startswith(FENCE) or FENCE not in line, f"{path.name}:{number}: a fence within a line"
        if not line.startswith(FENCE):
            lines.append(line)
        elif info is None:
            info, start, lines = line.removeprefix(FENCE), number, []
        else:
            language, _, word = info.partition(" ")
            yield Block(language, word, "".join(f"{text}\n" for text in lines), path.name, start)
            info = None
    assert info is None, f"{path.name}:{start}: the block has no end"


class Reader:
    """Does what a document says.

    Args:
        folder: Where it is done; must be the working directory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._variables: dict[str, Any] = {"__name__": "__main__"}
        self._printed: str | None = None

    def follow(self, block: Block) -> None:
        """Do what a block says; an AssertionError names the place of what goes wrong."""
        printed, self._printed = self._printed, None
        match block.language, block.word:
            case "python" | "sh" | "text", "notest":
                pass
            case "python", "":
                self._printed = self._python(block)
            case "sh", "":
                self._printed = self._shell(block, 0)
            case "sh", "fails":
                self._printed = self._shell(block, BAD_INPUT)
            case "text", "":
                assert printed is not None, f"{block.where}: the block before it prints nothing"
                assert matches(block.text, printed), f"{block.where}: what is printed is\n{printed}"
            case language, name if language in FILES and Path(name).suffix == f".{language}":
                (self._folder / name).write_text(block.text, encoding="utf-8")
            case _:
                raise AssertionError(f"{block.where}: cannot follow '{block.language} {block.word}'")

    def _python(self, block: Block) -> str:
        # Filled up with empty lines, so that tracebacks name the lines of the document.
        code = compile("\n" * block.line + block.text, block.document, "exec")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, self._variables)
        return printed.getvalue()

    def _shell(self, block: Block, code: int) -> str:
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", block.text],
            cwd=self._folder, env={**os.environ, **SURROUNDINGS, "PATH": programs}, timeout=SECONDS,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{block.where}: exit code {done.returncode}\n{done.stdout}"
        return done.stdout


def matches(expected: str, printed: str) -> bool:
    """Compare line by line, blanks at their ends aside; ``…`` stands for anything."""
    pattern = ""
    for line in expected.splitlines():
        if line.strip() == ANYTHING:
            pattern += r"(?:.*\n)*"
        else:
            pattern += ".*".join(map(re.escape, line.rstrip().split(ANYTHING))) + r"\n"
    lines = "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
    return re.fullmatch(pattern, lines) is not None

"""transformers 4.57: its pure-Python tokenizer equals ours but for known code points; it reads our files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import pytest

from squeezebert.tokenization import SqueezeBertTokenizer
from squeezebert.tokenization.normalizer import parse_ranges
from tests.tokenization import slow_differences
from tests.tokenization.conftest import VOCAB

ORACLE = Path(__file__).parents[2] / ".venv/oracles/transformers-4.57"
SCRIPT = Path(__file__).with_name("slow_oracle.py")

pytestmark = [
    pytest.mark.skipif(not ORACLE.is_dir(), reason=f"{ORACLE} does not hold transformers 4.57.6"),
    pytest.mark.skipif(
        unicodedata.unidata_version != "14.0.0", reason="the table is for Python's Unicode 14.0 (Python 3.11)"
    ),
]

# How the text "a?b" is divided: (by Rust and us, by the slow one).
KINDS = {
    ("letter", "word"): slow_differences.WORD_ONLY_TO_SLOW,
    ("letter", "removed"): slow_differences.REMOVED_ONLY_BY_SLOW,
    ("word", "letter"): slow_differences.WORD_ONLY_TO_RUST,
    ("removed", "letter"): slow_differences.REMOVED_ONLY_BY_RUST,
    ("word", "removed"): slow_differences.REMOVED_BY_SLOW_WORD_TO_RUST,
}


def slow_tokens(texts: list[str]) -> list[list[str]]:
    request = json.dumps({"vocab": str(VOCAB), "texts": texts})
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        input=request, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ORACLE)},
    )  # fmt: skip
    answer: list[list[str]] = json.loads(done.stdout)
    return answer


def kind_of(tokens: list[str]) -> str:
    if len(tokens) == 3:
        return "word"
    return "removed" if tokens == ["ab"] else "letter"


def differences(pure: SqueezeBertTokenizer, chars: Iterable[str]) -> dict[tuple[str, str], set[str]]:
    assigned = [char for char in chars if unicodedata.category(char) not in ("Cn", "Cs")]
    texts = [f"a{char}b" for char in assigned]
    found: dict[tuple[str, str], set[str]] = {}
    for char, text, theirs in zip(assigned, texts, slow_tokens(texts), strict=True):
        ours = pure.tokenize(text)
        if ours != theirs:
            found.setdefault((kind_of(ours), kind_of(theirs)), set()).add(char)
    return found


def test_table(pure: SqueezeBertTokenizer) -> None:
    """All of the table, and nothing else among the scripts below the ideographs."""
    expected = {kind: set(parse_ranges(table)) for kind, table in KINDS.items()}
    listed = sorted(set().union(*expected.values()))
    assert len(listed) == 759
    assert (
        differences(pure, [*map(chr, range(0x3400)), *(char for char in listed if char >= "\u3400")])
        == expected
    )


@pytest.mark.long
def test_table_is_the_whole_difference(pure: SqueezeBertTokenizer) -> None:
    chars = map(chr, range(sys.maxunicode + 1))
    assert differences(pure, chars) == {kind: set(parse_ranges(table)) for kind, table in KINDS.items()}


@pytest.mark.parametrize("more", [[], ["<x>"]])
def test_transformers_4_reads_what_is_saved(more: list[str], tmp_path: Path) -> None:
    tokenizer = SqueezeBertTokenizer(VOCAB)
    tokenizer.add_tokens(["covid19"])
    tokenizer.add_special_tokens({"additional_special_tokens": more})
    tokenizer.save_pretrained(tmp_path)
    code = (
        "import json\n"
        "from transformers import SqueezeBertTokenizer as slow, SqueezeBertTokenizerFast as fast\n"
        f"found = [kind.from_pretrained({str(tmp_path)!r}).get_added_vocab() for kind in (slow, fast)]\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ORACLE)},
    )  # fmt: skip
    assert json.loads(done.stdout) == 2 * [tokenizer.get_added_vocab()]

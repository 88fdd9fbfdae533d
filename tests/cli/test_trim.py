"""`trim` from the command line: corpora of every form, what it says, and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from squeezebert.cli.trim import texts_of
from squeezebert.data import Row
from squeezebert.errors import DataError
from tests.cli.conftest import PIECES, Run

Program = Callable[..., Run]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("the film is good\nada lives in london\n")
    return path


def trimmed(run: Run) -> dict[str, Any]:
    assert run.code == 0, run.err
    parsed: dict[str, Any] = json.loads(run.out)
    return parsed


def test_a_trimmed_model_answers_as_before(
    squeezebert: Program, models: dict[str, str], corpus: Path, tmp_path: Path
) -> None:
    model, small = models["text-classification"], tmp_path / "new" / "small"
    got = trimmed(squeezebert("trim", model, small, "--corpus", corpus, "--drop-characters", "--json"))
    assert got["pieces_before"] == len(PIECES)
    assert got["pieces_after"] == 5 + 8
    assert got["changed_share"] == got["unknown_share_after"] == 0
    one, other = (
        squeezebert("predict", "--model", folder, "--input", corpus, "--json").out
        for folder in (model, small)
    )
    assert one == other
    sizes = [(Path(folder) / "model.safetensors").stat().st_size for folder in (model, small)]
    assert got["bytes_before"] - got["bytes_after"] == pytest.approx(sizes[0] - sizes[1], abs=64)


def test_characters_and_the_most_frequent_pieces_are_kept(
    squeezebert: Program, models: dict[str, str], corpus: Path, tmp_path: Path
) -> None:
    common = ("trim", models["fill-mask"], tmp_path / "out", "--corpus", corpus, "--dry-run", "--json")
    characters = sum(len(piece.removeprefix("##")) == 1 for piece in PIECES)
    assert trimmed(squeezebert(*common, "--keep", 0))["pieces_after"] == 5 + characters
    assert trimmed(squeezebert(*common, "--keep", 3))["pieces_after"] == 5 + characters + 3
    half = trimmed(squeezebert(*common, "--coverage", 0.5, "--drop-characters"))
    assert half["pieces_after"] == 5 + 4
    assert half["changed_share"] == 0.5
    assert half["unknown_share_after"] == 0.5
    assert not (tmp_path / "out").exists()


def test_a_table_for_people(
    squeezebert: Program, models: dict[str, str], corpus: Path, tmp_path: Path
) -> None:
    run = squeezebert("trim", models["fill-mask"], tmp_path / "out", "--corpus", corpus)
    assert run.code == 0
    assert "pieces_after" in run.out
    assert (tmp_path / "out" / "vocab.txt").exists()


def test_a_second_corpus_and_columns(squeezebert: Program, models: dict[str, str], tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.jsonl"
    first.write_text("title,body\nthe film,good\n")
    second.write_text('{"body": "bad", "title": "who"}\n')
    common = ("trim", models["fill-mask"], tmp_path / "out", "--corpus", first, "--corpus", second, "--json")
    assert trimmed(squeezebert(*common, "--dry-run"))["corpus_tokens_before"] == 5
    assert trimmed(squeezebert(*common, "--text-column", "body"))["corpus_tokens_before"] == 2


def test_texts_are_found_in_lists_and_objects() -> None:
    row = Row({"tokens": ["a", "b"], "answers": [{"text": "c", "start": 3}], "id": 4, "none": None}, "x:1")
    assert list(texts_of([row])) == ["a", "b", "c"]
    assert list(texts_of([row], ("answers",))) == ["c"]
    with pytest.raises(DataError, match="x:1: has none of the columns; it has tokens, answers, id, none"):
        list(texts_of([row], ("text",)))
    with pytest.raises(DataError, match="the corpus has no column 'body', 'text'; it is in no row"):
        list(texts_of([row], ("tokens", "text", "body")))


def test_failure_leaves_no_folder(
    squeezebert: Program, models: dict[str, str], corpus: Path, tmp_path: Path
) -> None:
    model, out = models["fill-mask"], tmp_path / "out"
    empty = tmp_path / "empty.txt"
    empty.touch()
    wordless = tmp_path / "wordless.jsonl"
    wordless.write_text('{"text": 3}\n')
    for arguments, message in (
        ((model, out), "Missing option '--corpus'"),
        ((model, out, "--corpus", tmp_path / "none.txt"), "none.txt"),
        ((model, out, "--corpus", empty), "holds no rows"),
        ((model, out, "--corpus", wordless), "the corpus has no words to count"),
        ((model, out, "--corpus", corpus, "--coverage", 95), "coverage 95.0 is not a share from 0 to 1"),
        ((model, out, "--corpus", corpus, "--keep", 3, "--coverage", 0.9), "give one of them"),
        ((tmp_path / "none", out, "--corpus", corpus), "no such folder"),
        ((model, model, "--corpus", corpus), "is what would be read"),
        ((model, corpus, "--corpus", corpus), "is a file; give a folder to write to"),
    ):
        assert message in squeezebert("trim", *arguments).error
    assert not out.exists()

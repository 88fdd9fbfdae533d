"""The demo: answers without network, and an exit code that tells whether they are right."""

from __future__ import annotations

import dataclasses
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from squeezebert import pipeline
from squeezebert.cli import demo
from tests.cli.conftest import Run

Program = Callable[..., Run]


@pytest.fixture
def embedded(models: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the package's own, with a tiny sentiment model; the network is off."""
    for module in ("files", "embedded"):
        monkeypatch.setattr(f"squeezebert.{module}.EMBEDDED", tmp_path)
    shutil.copytree(models["text-classification"], tmp_path / "mini" / "text-classification")

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("the network is off")

    monkeypatch.setattr(socket, "socket", refuse)
    return tmp_path / "mini"


def expect(monkeypatch: pytest.MonkeyPatch, *, right: bool) -> None:
    """Let the demo expect what the random model says, or the opposite."""
    said = [answer["label"] for answer in pipeline("text-classification")([s.text for s in demo.SENTENCES])]
    other = {"positive": "negative", "negative": "positive"}
    sentences = [
        dataclasses.replace(sentence, label=label if right else other[label])
        for sentence, label in zip(demo.SENTENCES, said, strict=True)
    ]
    monkeypatch.setattr(demo, "SENTENCES", sentences)


def test_right_sentiments_end_well(
    squeezebert: Program, embedded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(monkeypatch, right=True)
    run = squeezebert("demo")
    assert run.code == 0, run.err
    assert run.out.count("[right]") == len(demo.SENTENCES)


def test_a_wrong_clear_sentiment_is_a_failure(
    squeezebert: Program, embedded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(monkeypatch, right=False)
    run = squeezebert("demo")
    assert run.code == 1
    assert "[WRONG]" in run.out


def test_a_wrong_hard_sentiment_is_none(
    squeezebert: Program, embedded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(monkeypatch, right=False)
    hard = [dataclasses.replace(sentence, clear=False) for sentence in demo.SENTENCES]
    monkeypatch.setattr(demo, "SENTENCES", hard)
    assert squeezebert("demo").code == 0


def test_at_least_six_clear_sentences_of_both_kinds() -> None:
    labels = [sentence.label for sentence in demo.SENTENCES if sentence.clear]
    assert len(labels) >= 6
    assert min(labels.count("positive"), labels.count("negative")) >= 3


def test_tokens_stand_beside_their_characters(squeezebert: Program, embedded: Path) -> None:
    out = squeezebert("demo").out
    rows = [line.split() for line in out.splitlines() if ":" in line and line.startswith("  ")]
    spans = [(row[2], row[-1]) for row in rows if len(row) == 4 and row[1].isdecimal()]
    assert spans
    for span, characters in spans:
        start, end = map(int, span.split(":"))
        assert demo.TO_TOKENIZE[start:end] == characters


def test_missing_models_are_named_and_others_shown(
    squeezebert: Program, embedded: Path, models: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tiny model's window is too short for the demo's own question and labels.
    short: dict[str, Any] = {"question": "who lives", "context": "ada lives in london"}
    monkeypatch.setitem(demo.EXAMPLES, "question-answering", short)
    short = {"text": "ada lives in london", "candidate_labels": ["a", "b"]}
    monkeypatch.setitem(demo.EXAMPLES, "zero-shot-classification", short)
    out = squeezebert("demo").out
    assert (
        "No embedded model yet for: token-classification, question-answering, fill-mask, multiple-choice, "
        "feature-extraction, zero-shot-classification" in out
    )
    for task in (*demo.EXAMPLES, demo.SEARCH):
        shutil.copytree(models[task], embedded / task)
    out = squeezebert("demo").out
    assert "No embedded model" not in out
    for inputs in demo.EXAMPLES.values():
        assert next(iter(inputs.values())) in out


def test_trunk_and_entities_find_what_they_should(squeezebert: Program) -> None:
    """The package's own models, not tiny ones of random weights."""
    out = squeezebert("demo").out
    search = out[out.index("what is nearest") :]
    assert search.splitlines()[1].endswith(demo.PASSAGES[0])
    assert "sports" in out[out.index("zero-shot-classification (") :]
    assert "make some tea." in out[out.index("multiple-choice (") :]
    entities = out[out.index("token-classification (") :]
    for label, name in (("PER", "John Smith"), ("ORG", "Siemens"), ("LOC", "Munich")):
        assert re.search(rf"{label} +[\d.]+ +{name}", entities)


def test_without_any_model_the_remedy_is_named(squeezebert: Program, embedded: Path) -> None:
    shutil.rmtree(embedded)
    assert "there is no embedded model" in squeezebert("demo").error

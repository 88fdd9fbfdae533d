"""Answers equal those of the transformers pipelines, wherever these have the same task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers

from squeezebert.pipelines import Pipeline, pipeline
from squeezebert.tasks import get_task
from tests.tasks.tiny import VOCABULARY, model, tokenizer

TEXTS = ["the good cat sat on the mat.", "ada lovelace lives in paris", "not good, very bad!", "x"]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def both(task: str, folder: Path, **options: Any) -> tuple[Pipeline, Any]:
    head = get_task(task).head
    model(head, vocab_size=len(VOCABULARY), **options).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    auto = getattr(transformers, head).from_pretrained(folder)
    theirs = transformers.pipeline(
        task, model=auto, tokenizer=transformers.AutoTokenizer.from_pretrained(folder)
    )
    return pipeline(task, folder, precision="fp32"), theirs


def plain(answer: Any) -> Any:
    """An answer without what only ours has, and with rounded scores."""
    if isinstance(answer, list):
        return [plain(item) for item in answer]
    values = {k: v for k, v in answer.items() if k not in ("windows", "truncated", "sequence", "word")}
    return {k: pytest.approx(v, abs=1e-5) if k == "score" else v for k, v in values.items()}


@pytest.mark.parametrize("problem", [None, "single_label_classification", "multi_label_classification"])
def test_text_classification(problem: str | None, tmp_path: Path) -> None:
    ours, theirs = both("text-classification", tmp_path, labels=["a", "b", "c"], problem=problem)
    assert plain(ours(TEXTS)) == theirs(TEXTS)
    assert plain(ours(TEXTS[0])) == theirs(TEXTS[0])
    for options in ({"top_k": None}, {"top_k": 2}, {"top_k": 2, "function_to_apply": "none"}):
        assert plain(ours(TEXTS, **options)) == theirs(TEXTS, **options)
        assert plain(ours(TEXTS[0], **options)) == theirs(TEXTS[0], **options)
    pair = {"text": TEXTS[0], "text_pair": TEXTS[1]}
    assert plain(ours(pair)) == theirs(pair)


@pytest.mark.parametrize("problem", [None, "regression"])
def test_one_output_is_a_score_by_itself(problem: str | None, tmp_path: Path) -> None:
    ours, theirs = both("text-classification", tmp_path, labels=["score"], problem=problem)
    assert plain(ours(TEXTS)) == theirs(TEXTS)


@pytest.mark.parametrize("strategy", ["none", "simple", "first", "average", "max"])
def test_token_classification(strategy: str, tmp_path: Path) -> None:
    ours, theirs = both("token-classification", tmp_path, labels=TAGS)
    options: dict[str, Any] = {"aggregation_strategy": strategy, "ignore_labels": []}
    answers = ours(TEXTS, **options)
    # Lists in theirs hold numpy numbers.
    expected = [
        [{k: v for k, v in e.items() if k != "word"} for e in answer] for answer in theirs(TEXTS, **options)
    ]
    assert [plain(a) for a in answers] == expected
    if strategy != "none":
        for text, answer in zip(TEXTS, answers, strict=True):
            assert all(text[e["start"] : e["end"]] == e["word"] for e in answer)


def test_words_that_were_given(tmp_path: Path) -> None:
    ours, theirs = both("token-classification", tmp_path, labels=TAGS)
    words = ["ada", "lovelace", "sat", "on", "mats", "."]
    options: dict[str, Any] = {"aggregation_strategy": "simple", "ignore_labels": []}
    expected = theirs(words, is_split_into_words=True, **options)
    expected = expected[0] if isinstance(expected[0], list) else expected
    answer = ours(tokens=words, **options)
    assert plain(answer) == [{k: v for k, v in e.items() if k != "word"} for e in expected]


def test_fill_mask(tmp_path: Path) -> None:
    ours, theirs = both("fill-mask", tmp_path)
    one, two = "the [MASK] sat on the mat", "the [MASK] sat on the [MASK]."
    for text in (one, two):
        for options in ({}, {"top_k": 3}, {"targets": ["cat", "mat"]}, {"top_k": 1, "targets": "cat"}):
            expected = theirs(text, **options)
            found = ours(text, **options)
            assert shorn(plain(found)) == shorn(expected)
    best = ours(one, targets="cat")[0]
    assert best["sequence"] == theirs(one, targets="cat")[0]["sequence"] == "the cat sat on the mat"


def shorn(answer: Any) -> Any:
    if isinstance(answer, list):
        return [shorn(item) for item in answer]
    return {key: value for key, value in answer.items() if key in ("score", "token", "token_str")}

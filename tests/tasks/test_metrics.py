"""Our metrics are those of scikit-learn, scipy, seqeval and the official SQuAD script."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from seqeval import metrics as seqeval
from seqeval.metrics.sequence_labeling import get_entities

from squeezebert.tasks import metrics
from squeezebert.tasks.squad import Prediction, exact_match, normalize, squad_scores, token_f1
from squeezebert.tasks.tags import entity_scores, have_entities, spans

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=29)
numbers = st.integers(-9, 9).map(lambda n: n / 4)


@given(pairs)
def test_classification_equals_scikit_learn(rows: list[tuple[int, int]]) -> None:
    true, guess = np.array(rows).T
    assert metrics.accuracy(true, guess) == pytest.approx(sk.accuracy_score(true, guess))
    assert metrics.f1_macro(true, guess) == pytest.approx(
        sk.f1_score(true, guess, average="macro", zero_division=0)
    )
    assert metrics.matthews(true, guess) == pytest.approx(sk.matthews_corrcoef(true, guess), abs=1e-12)
    assert metrics.f1_of_class(true, guess, 1) == pytest.approx(
        sk.f1_score(true, guess, labels=[1], average="macro", zero_division=0)
    )


def test_matthews_takes_no_column_for_each_class() -> None:
    true, guess = np.random.default_rng(0).integers(0, 500, (2, 9_000))
    tracemalloc.start()
    found = metrics.matthews(true, guess)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    assert found == pytest.approx(sk.matthews_corrcoef(true, guess), abs=1e-12)


@given(st.lists(st.tuples(*[st.booleans()] * 6), min_size=1, max_size=17))
def test_multi_label_equals_scikit_learn(rows: list[tuple[bool, ...]]) -> None:
    array = np.array(rows)
    true, guess = array[:, :3], array[:, 3:]
    ours = metrics.multi_label_f1(true, guess)
    for average in ("micro", "macro"):
        assert ours[f"f1_{average}"] == pytest.approx(
            sk.f1_score(true, guess, average=average, zero_division=0)
        )
    assert metrics.accuracy(true, guess) == pytest.approx(sk.accuracy_score(true, guess))


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=29))
def test_correlations_equal_scipy(rows: list[tuple[float, float]]) -> None:
    true, guess = np.array(rows).T
    if np.ptp(true) == 0 or np.ptp(guess) == 0:
        assert metrics.pearson(true, guess) == metrics.spearman(true, guess) == 0
        return
    assert metrics.pearson(true, guess) == pytest.approx(stats.pearsonr(true, guess)[0], abs=1e-9)
    assert metrics.spearman(true, guess) == pytest.approx(stats.spearmanr(true, guess)[0], abs=1e-9)


TAGS = ["O", *(f"{p}-{t}" for p in "BIES" for t in ("PER", "LOC"))]
tag_pairs = st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=12)


@given(st.lists(tag_pairs, min_size=1, max_size=5))
def test_entities_equal_seqeval_for_any_sequence_of_prefixes(sentences: list[list[tuple[str, str]]]) -> None:
    true = [[a for a, _ in sentence] for sentence in sentences]
    guess = [[b for _, b in sentence] for sentence in sentences]
    for tags in true:
        assert [(s.kind, s.start, s.end - 1) for s in spans(tags)] == get_entities(tags)
    ours = entity_scores(true, guess)
    kwargs = {"zero_division": 0}
    assert ours["f1"] == pytest.approx(seqeval.f1_score(true, guess, **kwargs))
    assert ours["precision"] == pytest.approx(seqeval.precision_score(true, guess, **kwargs))
    assert ours["recall"] == pytest.approx(seqeval.recall_score(true, guess, **kwargs))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("PER PER O ORG", [("PER", 0, 2), ("ORG", 3, 4)]),  # types alone; seqeval takes ORG for O
        ("I-PER I-PER B-PER O", [("PER", 0, 2), ("PER", 2, 3)]),  # IOB1
        ("B-PER L-PER U-LOC", [("PER", 0, 2), ("LOC", 2, 3)]),  # BILOU
        ("B-object-name I-object-name", [("object-name", 0, 2)]),
        ("", []),
    ],
)
def test_further_schemes(tags: str, expected: list[tuple[str, int, int]]) -> None:
    assert [(s.kind, s.start, s.end) for s in spans(tags.split())] == expected


def test_parts_of_speech_are_no_entities() -> None:
    assert not have_entities(["NOUN", "VERB"])
    assert have_entities(["O", "PER"])
    assert have_entities(["B-PER", "I-PER"])


@pytest.mark.parametrize(
    ("answer", "gold", "em", "f1"),
    [
        ("The Cat!", "cat", 1, 1),
        ("a black cat", "the cat", 0, 2 / 3),
        ("", "", 1, 1),
        ("the", "", 1, 1),  # nothing is left of an article
        ("cat", "", 0, 0),
        ("cat cat", "cat", 0, 2 / 3),
        ("well-known", "wellknown", 1, 1),
        ("theatre an-d", "theatre and", 1, 1),
    ],
)
def test_squad_rules(answer: str, gold: str, em: float, f1: float) -> None:
    assert exact_match(answer, gold) == em
    assert token_f1(answer, gold) == pytest.approx(f1)


def test_squad_takes_the_best_of_several_golds_and_ignores_empty_ones() -> None:
    scores = squad_scores([Prediction(("dog", "big cat", "the"), "cat", 0.5)])
    assert scores == {"f1": pytest.approx(2 / 3), "exact_match": 0.0}
    # A right answer of which nothing is left when it is normalised is one all the same.
    assert set(squad_scores([Prediction((".",), "cat", -0.5)])) == {"f1", "exact_match"}
    assert normalize(" The  U.S.A. ") == "usa"


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(-3, 3)), min_size=1, max_size=15))
def test_squad_with_no_answer_and_best_threshold(rows: list[tuple[bool, bool, int]]) -> None:
    predictions = [
        Prediction(("cat",) if has else (), "cat" if right else "dog", doubt) for has, right, doubt in rows
    ]
    scores = squad_scores(predictions)

    def at(threshold: float) -> float:
        said = [p.answer if p.doubt <= threshold else "" for p in predictions]
        return float(
            np.mean(
                [exact_match(s, p.gold[0] if p.gold else "") for s, p in zip(said, predictions, strict=True)]
            )
        )

    if all(has for has, _, _ in rows):
        assert set(scores) == {"f1", "exact_match"}
        return
    assert scores["exact_match"] == pytest.approx(at(0))
    assert scores["best_exact_match"] == pytest.approx(max(at(t) for t in [*range(-4, 4), math.inf]))
    assert at(scores["best_exact_match_threshold"]) == pytest.approx(scores["best_exact_match"])
    kinds = {has for has, _, _ in rows}
    assert ("HasAns_f1" in scores, "NoAns_f1" in scores) == (True in kinds, False in kinds)

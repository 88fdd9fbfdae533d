"""The likeliest tags are those that together spell entities, where a model learnt from such."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from seqeval.scheme import BILOU, IOB2, IOBES, Entities

from squeezebert.tasks.base import Setup
from squeezebert.tasks.tags import STRICT_KEY, Span, are_strict, likeliest, spans
from squeezebert.tasks.token_classification import TokenClassification, TokenExample
from tests.tasks.tiny import config, tokenizer

TASK = TokenClassification()
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
probabilities = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 5), st.just(len(LABELS))), elements=st.floats(0.001, 1)
)


@settings(max_examples=60)
@given(probabilities)
def test_no_sequence_of_whole_entities_is_likelier(scores: NDArray[np.float64]) -> None:
    """The oracle tries all sequences."""
    found = likeliest(scores, LABELS, strict=True)
    assert are_strict([[LABELS[label] for label in found]])
    best = max(
        np.prod(scores[np.arange(len(scores)), list(sequence)])
        for sequence in product(range(len(LABELS)), repeat=len(scores))
        if are_strict([[LABELS[label] for label in sequence]])
    )
    np.testing.assert_allclose(np.prod(scores[np.arange(len(scores)), found]), best, rtol=1e-9)


@given(probabilities)
def test_without_the_rule_each_word_is_for_itself(scores: NDArray[np.float64]) -> None:
    np.testing.assert_array_equal(likeliest(scores, LABELS, strict=False), scores.argmax(axis=1))


def test_a_tag_of_no_likelihood_is_taken_before_an_entity_that_is_none() -> None:
    """Zeros, as saturated probabilities are in single precision, have no logarithm."""
    scores = np.array([[0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]])
    assert are_strict([[LABELS[label] for label in likeliest(scores, LABELS, strict=True)]])


@given(st.lists(st.sampled_from(LABELS), min_size=1, max_size=7))
def test_strict_iob2_is_what_seqeval_reads_whole(tags: list[str]) -> None:
    """Its strict reading drops what does not begin with B, so no word of such tags is dropped."""
    entities = [e for sentence in Entities([tags], IOB2).entities for e in sentence]
    covered = {place for entity in entities for place in range(entity.start, entity.end)}
    assert are_strict([tags]) == (covered == {place for place, tag in enumerate(tags) if tag != "O"})


def test_what_is_strict_and_what_is_not() -> None:
    assert are_strict([["S-PER", "O", "B-PER", "I-PER", "E-PER"]])
    assert are_strict([["U-PER", "B-PER", "L-PER"]])
    assert not are_strict([["E-PER"]])
    assert not are_strict([["B-PER", "E-PER", "I-PER"]])
    assert not are_strict([["I-PER", "O"]])
    assert not are_strict([["NN", "VB"]])
    assert spans(["B-PER", "M-PER", "E-PER", "M-PER"]) == [Span(0, 3, "PER"), Span(3, 4, "PER")]
    for scheme, tags in ((IOBES, ["B-PER", "I-PER", "E-PER"]), (BILOU, ["B-PER", "I-PER", "L-PER"])):
        assert [(e.start, e.end) for e in Entities([tags], scheme).entities[0]] == [(0, 3)]
        assert are_strict([tags])


def learnt(*tags: tuple[str, ...]) -> Any:
    examples = [TokenExample("x", "", tuple("w" * len(row)), row) for row in tags]
    return TASK.configure(config(), examples)


def test_the_config_says_what_the_tags_were() -> None:
    assert learnt(("B-PER", "I-PER"), ("O",)).extra[STRICT_KEY] is True
    assert learnt(("B-PER", "I-PER"), ("I-PER", "O")).extra[STRICT_KEY] is False


def test_words_are_labelled_together_where_the_config_says_so() -> None:
    """ "Ada" is likeliest inside of a person that begins nowhere; tokens stay as they are."""
    text = "ada sat on mats"
    for strict in (True, False, None):
        known = config(LABELS).replace(extra={} if strict is None else {STRICT_KEY: strict})
        here = Setup.of(known, tokenizer())
        example = TokenExample("x", text, tuple(text.split()))
        windows = TASK.encode(example, here)
        logits = np.zeros((len(windows[0].ids), len(LABELS)), dtype=np.float32)
        logits[:, 0] = 4.0
        logits[1] = [3.0, 4.0, 5.0, 0.0, 0.0]
        outputs = [{"logits": logits}]

        def first(strategy: str) -> str:
            options = TASK.options(aggregation_strategy=strategy, ignore_labels=())
            answer = TASK.decode(example, windows, outputs, here, options)  # noqa: B023
            return str(answer[0].get("entity") or answer[0]["entity_group"])

        assert first("word") == ("B-PER" if strict else "I-PER")
        assert first("first") == first("average") == first("max") == "PER"
        assert first("none") == "I-PER"

"""Exports of annotation tools are read as they are; what is wrong with a span is said with its place."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from squeezebert.errors import DataError
from squeezebert.tasks.inference import infer_task
from squeezebert.tasks.token_classification import TokenClassification
from tests.tasks.tiny import row

TASK = TokenClassification()
TEXT = "Ada met Bo-Li."
WORDS = ("Ada", "met", "Bo", "-", "Li", ".")
TAGS = ("B-PER", "O", "B-LOC", "I-LOC", "I-LOC", "O")
SPANS = [{"start": 0, "end": 3, "label": "PER"}, {"start": 8, "end": 13, "label": "LOC"}]
TRIPLES = [[0, 3, "PER"], [8, 13, "LOC"]]


@pytest.mark.parametrize(
    "columns",
    [
        {"spans": SPANS},
        {"spans": SPANS[::-1]},
        {"entities": TRIPLES},
        # doccano, in its older and newer form.
        {"id": 3, "label": TRIPLES},
        {"entities": [{"id": 1, "label": n, "start_offset": s, "end_offset": e} for s, e, n in TRIPLES]},
        # Prodigy, whose tokens are no words.
        {"tokens": [{"text": "Ada", "start": 0, "end": 3, "id": 0}], "spans": SPANS},
        # Label Studio, short form.
        {"label": [{"start": s, "end": e, "text": TEXT[s:e], "labels": [n]} for s, e, n in TRIPLES]},
        # The pipeline's own answers, corrected by hand.
        {"entities": [{"start": s, "end": e, "entity_group": n, "score": 0.5} for s, e, n in TRIPLES]},
        # A cell of a table.
        {"spans": json.dumps(TRIPLES)},
        {"spans": str(SPANS)},
    ],
)
def test_spans_of_a_text_become_words_and_tags(columns: dict[str, Any]) -> None:
    given = row(text=TEXT, **columns)
    example = TASK.labelled_example(given)
    assert (example.words, example.tags) == (WORDS, TAGS)
    assert infer_task(given).name == "token-classification"
    assert TASK.example(given).text == TEXT


def test_characters_counted_as_in_javascript_are_found_by_the_text_of_the_span() -> None:
    text = "\U0001f4a9\U0001f4a9 Ada met Bo."
    spans = [{"start": 5, "end": 8, "text": "Ada", "labels": ["PER"]}]
    right = [{"start": 3, "end": 6, "text": "Ada", "labels": ["PER"]}]
    for given in (spans, right):
        example = TASK.labelled_example(row(text=text, label=given))
        assert dict(zip(example.words or (), example.tags or (), strict=True))["Ada"] == "B-PER"
        assert (example.tags or ()).count("O") == len(example.tags or ()) - 1
    with pytest.raises(DataError, match="span 0 is 'Eve', and from 3 to 6 the text has 'Ada'; correct the"):
        TASK.labelled_example(row(text=text, label=[{**right[0], "text": "Eve"}]))


def test_a_text_without_entities_is_learnt_from_too() -> None:
    assert TASK.labelled_example(row(text="no one", label=[])).tags == ("O", "O")


@pytest.mark.parametrize("column", ["label", "spans"])
@pytest.mark.parametrize("cell", ["", None, math.nan])
def test_an_empty_cell_is_no_text_without_entities(column: str, cell: object) -> None:
    """Label Studio's table has one, and so has a text that nobody has annotated."""
    with pytest.raises(DataError, match=r"file.csv:7: the cell of the spans is empty; write \[\]"):
        TASK.labelled_example(row(text="no one", **{column: cell}))


@pytest.mark.parametrize("answer", ["reject", "ignore"])
def test_spans_that_were_found_wrong_are_not_learnt(answer: str) -> None:
    """Prodigy exports them beside the others."""
    with pytest.raises(DataError, match=f"file.csv:7: answer is '{answer}'; leave out rows that were not"):
        TASK.labelled_example(row(text=TEXT, spans=SPANS, answer=answer))
    assert TASK.labelled_example(row(text=TEXT, spans=SPANS, answer="accept")).tags == TAGS
    assert TASK.example(row(text=TEXT, spans=SPANS, answer=answer)).text == TEXT


def test_tags_of_words_go_before_spans() -> None:
    given = row(text=TEXT, tokens=["Ada", "met"], tags=["B-X", "O"], spans=SPANS)
    assert TASK.labelled_example(given).tags == ("B-X", "O")


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        (
            [{"start": 0, "end": 3, "entity": "B-PER"}],
            "span 0 has 'B-PER', the tag of a word; spans are whole",
        ),
        ([[0, 15, "PER"]], "span 0 goes from 0 to 15, and the text has 14 characters"),
        ([[0, 3, "PER"], [5, 5, "PER"]], "span 1 goes from 5 to 5"),
        ([[-3, 3, "PER"]], "span 0 goes from -3 to 3"),
        ([[0, 3, "PER"], [2, 7, "LOC"]], "the spans 'Ada' and 'a met' overlap"),
        ([[0, 3, "B-PER"], [8, 13, "I-PER"]], "spans have the labels 'B-PER' and 'I-PER', the tags of words"),
        ([[0, 3]], r'span 0 is \[0, 3\]; expected {"start": 0, "end": 4, "label": "PER"}'),
        ([{"start": 0, "label": "PER"}], "span 0 is"),
        ([[0, 3, ""]], "span 0 is"),
        ([{"start": 0, "end": 3, "labels": ["PER", "LOC"]}], "span 0 is"),
        ({"start": 0}, "expected a list of spans"),
        ("[[0, 3", "expected JSON, a list of spans"),
        ("[" * 100_000, "expected JSON, a list of spans"),
    ],
)
def test_wrong_spans_are_named(spans: Any, message: str) -> None:
    given = row(text=TEXT, spans=spans)
    with pytest.raises(DataError, match=f"^file.csv:7: .*{message}"):
        TASK.labelled_example(given)
    # The columns tell the task all the same, so that its error is the one that is seen.
    assert infer_task(given).name == "token-classification"


def test_what_is_missing_is_named() -> None:
    with pytest.raises(
        DataError, match=r"no column for 'tags' or 'spans'; it has 'text'; .*--column tags=NAME"
    ):
        TASK.labelled_example(row(text=TEXT))
    with pytest.raises(DataError, match="tokens is a int; expected a list of strings"):
        TASK.labelled_example(row(text=TEXT, tokens=3, tags="O"))
    with pytest.raises(DataError, match=r"has tags but no words they belong to; .*--column tokens=NAME"):
        TASK.labelled_example(row(text="Ada met", tags="B-PER O"))

"""Exports of Label Studio become rows that tasks read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from squeezebert.data.jsonfiles import read_json
from squeezebert.errors import DataError
from squeezebert.tasks import get_task

TEXT = "Emma Jones lives in Oslo."


def task(number: int, text: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": number, "data": {"text": text}, "annotations": list(annotations), "predictions": []}


def annotation(*results: dict[str, Any], **marks: Any) -> dict[str, Any]:
    return {"id": 7, "was_cancelled": False, "ground_truth": False, "result": list(results), **marks}


def span(start: int, end: int, label: str) -> dict[str, Any]:
    value = {"start": start, "end": end, "text": TEXT[start:end], "labels": [label]}
    return {"from_name": "label", "to_name": "text", "type": "labels", "value": value}


def choice(*names: str) -> dict[str, Any]:
    return {"from_name": "sentiment", "to_name": "text", "type": "choices", "value": {"choices": [*names]}}


def rows(folder: Path, *tasks: dict[str, Any]) -> list[dict[str, Any]]:
    path = folder / "export.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return [dict(row.values) for row in read_json(path)]


def test_entities_become_tags_also_where_there_are_none(tmp_path: Path) -> None:
    relation = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"}
    path = tmp_path / "export.json"
    found = annotation(span(20, 24, "LOC"), relation, span(0, 10, "PER"))
    tasks = task(1, TEXT, found), task(2, "It rains.", annotation())
    path.write_text(json.dumps(tasks), encoding="utf-8")
    kind = get_task("token-classification")
    first, second = (kind.labelled_example(row) for row in read_json(path))
    assert first.tags == ("B-PER", "I-PER", "O", "O", "B-LOC", "O")
    assert second.tags == ("O", "O", "O")


def test_choices_are_a_name_or_a_list(tmp_path: Path) -> None:
    one, several, none, nobody = rows(
        tmp_path,
        task(1, "a", annotation(choice("good"))),
        task(2, "b", annotation(choice("good", "cheap"))),
        task(3, "c", annotation()),
        task(4, "d"),
    )
    assert one == {"id": 1, "text": "a", "sentiment": "good"}
    assert several == {"id": 2, "text": "b", "sentiment": ["good", "cheap"]}
    assert none == {"id": 3, "text": "c", "sentiment": []}
    assert nobody == {"id": 4, "text": "d", "sentiment": None}


def test_what_nobody_has_annotated_is_answered_and_not_measured(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task(1, TEXT, annotation(span(0, 10, "PER"))), task(2, TEXT)]), "utf-8")
    kind = get_task("token-classification")
    _, row = read_json(path)
    assert kind.example(row).text == TEXT
    with pytest.raises(DataError, match="leave out texts that nobody has annotated"):
        kind.labelled_example(row)


def test_where_one_is_chosen_none_is_no_list(tmp_path: Path) -> None:
    """It would make a choice of one label a choice of several."""
    tasks = task(1, "a", annotation(choice("good"))), task(2, "b", annotation())
    assert [row["sentiment"] for row in rows(tmp_path, *tasks)] == ["good", None]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ([annotation(choice("first")), annotation(choice("second"))], "first"),
        ([annotation(choice("skipped"), was_cancelled=True), annotation(choice("second"))], "second"),
        ([annotation(choice("first")), annotation(choice("true"), ground_truth=True)], "true"),
    ],
)
def test_one_annotation_counts(tmp_path: Path, annotations: list[dict[str, Any]], expected: str) -> None:
    [row] = rows(tmp_path, task(1, "a", *annotations))
    assert row["sentiment"] == expected


def test_other_objects_stay_as_they_are(tmp_path: Path) -> None:
    plain = {"data": "text", "annotations": []}
    assert rows(tmp_path, plain) == [plain]

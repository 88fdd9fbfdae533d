"""JSON lines, lists of objects, SQuAD and CLINC150."""

import json

import pytest

from squeezebert.data import read_rows
from squeezebert.data.jsonfiles import read_json
from squeezebert.errors import DataError


def file(tmp_path, content, name):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def values(path):
    return [dict(row.values) for row in read_rows(path)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson"])
def test_json_lines_keep_nested_values(tmp_path, name):
    path = file(
        tmp_path, '{"text": "a\\u2028b", "label": ["x", "y"]}\n\n{"text": "c", "n": {"m": 1.5}}\n', name
    )
    assert values(path) == [{"text": "a\u2028b", "label": ["x", "y"]}, {"text": "c", "n": {"m": 1.5}}]
    assert [row.where for row in read_rows(path)] == [f"{path}:1", f"{path}:3"]


def test_list_of_objects(tmp_path):
    path = file(tmp_path, [{"a": 1}, {"a": None}], "a.json")
    assert values(path) == [{"a": 1}, {"a": None}]
    assert [row.where for row in read_rows(path)] == [f"{path}: item 0", f"{path}: item 1"]


SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Bees",
            "paragraphs": [
                {
                    "context": "A bee can fly.",
                    "qas": [
                        {
                            "id": "q1",
                            "question": "What can fly?",
                            "answers": [
                                {"text": "A bee", "answer_start": 0},
                                {"text": "bee", "answer_start": 2},
                            ],
                        },
                        {
                            "id": "q2",
                            "question": "Who sings?",
                            "is_impossible": True,
                            "answers": [],
                            "plausible_answers": [{"text": "bee", "answer_start": 2}],
                        },
                    ],
                }
            ],
        }
    ],
}


def test_squad(tmp_path):
    path = file(tmp_path, SQUAD, "a.json")
    assert values(path) == [
        {
            "id": "q1",
            "question": "What can fly?",
            "context": "A bee can fly.",
            "answers": [{"text": "A bee", "start": 0}, {"text": "bee", "start": 2}],
        },
        {"id": "q2", "question": "Who sings?", "context": "A bee can fly.", "answers": []},
    ]
    assert [row.where for row in read_rows(path)][1] == f"{path}: data[0].paragraphs[0].qas[1]"


def test_clinc_takes_one_split(tmp_path):
    path = file(tmp_path, {"val": [["hello", "greeting"]], "oos_val": [["xyz", "oos"]]}, "a.json")
    assert [row.values for row in read_json(path, "oos_val")] == [{"text": "xyz", "label": "oos"}]


BAD = {
    "broken line": ('{"a": 1}\n{"a": \n', "a.jsonl", "a.jsonl:2: is no valid JSON"),
    "no object": ('{"a": 1}\n[1, 2]\n', "a.jsonl", "a.jsonl:2: is a list, not an object"),
    "a number": ("1\n", "a.jsonl", "a.jsonl:1: is a number, not an object"),
    "null": ("null\n", "a.jsonl", "a.jsonl:1: is null, not an object"),
    "nested too deeply": ("[" * 100_000, "a.jsonl", "a.jsonl:1: is no valid JSON"),
    "endless number": ("9" * 5000, "a.jsonl", "a.jsonl:1: is no valid JSON"),
    "empty lines": ("", "a.jsonl", "holds no rows"),
    "empty": (" ", "a.json", "a.json: is empty"),
    "empty list": ("[]", "a.json", "holds no rows"),
    "broken": ('[{"a": 1}', "a.json", "a.json: is no valid JSON"),
    "lines in .json": ('{"a": 1}\n{"a": 2}\n', "a.json", "say --format jsonl"),
    "list of strings": (["x"], "a.json", "a.json: item 0: is a string, not an object"),
    "unknown layout": ({"x": {"y": 1}}, "a.json", "is an object of an unknown layout"),
    "no layout": ("true", "a.json", "is a truth value of an unknown layout"),
    "which split": ({"train": [["a", "b"]], "test": [["c", "d"]]}, "a.json", "choose one of train, test"),
    "SQuAD without context": (
        {"data": [{"paragraphs": [{"qas": []}]}]},
        "a.json",
        "data[0].paragraphs[0]: does not fit",
    ),
    "SQuAD of strings": (
        {"data": [{"paragraphs": [{"context": "a", "qas": ["x"]}]}]},
        "a.json",
        "data[0].paragraphs[0].qas[0]: does not fit",
    ),
    "SQuAD of a number": ({"data": [{"paragraphs": 7}]}, "a.json", "data[0]: does not fit the SQuAD layout"),
    "SQuAD without id": (
        {"data": [{"paragraphs": [{"context": "a", "qas": [{"question": "b"}]}]}]},
        "a.json",
        "data[0].paragraphs[0].qas[0]: does not fit the SQuAD layout",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_json_names_place_and_remedy(tmp_path, case):
    content, name, message = BAD[case]
    with pytest.raises(DataError) as caught:
        values(file(tmp_path, content, name))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)

"""Answers in files: what each ending holds, and that other programs read it."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from squeezebert import pipeline
from squeezebert.data.opening import open_text
from tests.cli.conftest import Run

Program = Callable[..., Run]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_keeps_the_columns_of_the_rows(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    model = models["text-classification"]
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text('stars,Review,label\n5,"the film, ""good""\n is good",x\n1,bäd,\n')
    options = ("--input", path, "--column", "text=Review")
    run = squeezebert("predict", "--model", model, *options, "--output", out)
    assert (run.code, run.out) == (0, "")
    first, second = table(out)
    assert [first[name] for name in ("row", "stars", "Review", "label")] == [
        "1", "5", 'the film, "good"\n is good', "x",
    ]  # fmt: skip
    assert (second["row"], second["Review"], second["label"]) == ("2", "bäd", "")
    expected = pipeline("text-classification", model)([first["Review"], second["Review"]])
    for line, answer in zip((first, second), expected, strict=True):
        assert line["predicted_label"] == answer["label"]
        assert float(line["predicted_score"]) == answer["score"]


def test_a_text_of_several_lines_stays_one_cell(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    """A carriage return alone ends a row for readers, too."""
    path, out = tmp_path / "in.jsonl", tmp_path / "out.csv"
    texts = ["good\rbad", "good\r\nbad", "good\nbad", "\r"]
    path.write_text("".join(json.dumps({"text": text, "a\rb": "x"}) + "\n" for text in texts))
    assert (
        squeezebert(
            "predict", "--model", models["text-classification"], "--input", path, "--output", out
        ).code
        == 0
    )
    lines = table(out)
    assert [line["text"] for line in lines] == texts
    assert [line["a\rb"] for line in lines] == 4 * ["x"]
    assert out.read_bytes().endswith(b"\n")
    assert b"\r\n" not in out.read_bytes().replace(b"good\r\nbad", b"")


def test_a_table_of_answers_is_answered_anew(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    """Each column stays one, and no answer of the earlier table is left where there is none now."""
    model, first, second = models["token-classification"], tmp_path / "first.csv", tmp_path / "second.csv"
    common = ("predict", "--model", model, "--task", "ner", "--aggregation", "none", "--output")
    assert squeezebert(*common, first, "ada lives in london", "").code == 0
    first.write_text(first.read_text().replace("ada lives in london", "", 1))
    assert squeezebert(*common, second, "--input", first).code == 0
    head, *lines = csv.reader(second.read_text().splitlines())
    assert head == next(csv.reader(first.read_text().splitlines()))
    assert len(set(head)) == len(head)
    assert set(table(second)[0].values()) == {"1", ""}
    assert len(lines) >= len(table(first))


def test_a_table_has_a_line_for_each_of_several_answers(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    common = ("predict", "--model", models["fill-mask"], "--task", "fill-mask", "--output", out)
    assert squeezebert(*common, "the [MASK] is [MASK]", "ada [MASK]", "--top-k", 3).code == 0
    lines = table(out)
    assert [line["row"] for line in lines] == ["1"] * 6 + ["2"] * 3
    assert [line["predicted_mask"] for line in lines] == ["1"] * 3 + ["2"] * 3 + ["1"] * 3
    assert all(line["predicted_token_str"] for line in lines)


def test_a_table_has_a_line_where_nothing_is_found(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    out, model = tmp_path / "out.csv", models["token-classification"]
    common = ("predict", "--model", model, "--task", "ner", "--output", out)
    assert squeezebert(*common, "", "ada lives in london", "", "--aggregation", "none").code == 0
    found = [(line["row"], bool(line["predicted_entity"])) for line in table(out)]
    assert found[0] == ("1", False)
    assert found[-1] == ("3", False)
    assert ("2", True) in found[1:-1]
    assert squeezebert(*common, "", "").code == 0
    assert table(out) == [{"row": "1", "text": ""}, {"row": "2", "text": ""}]
    # Nor are answers of an earlier table, which these are not.
    earlier = out.with_name("earlier.csv")
    earlier.write_text("text,predicted_entity,predicted_score\n,ada,0.9\n")
    assert squeezebert(*common, "--input", earlier).code == 0
    assert table(out) == [{"row": "1", "text": ""}]


def test_a_table_has_the_best_of_labels_and_lists_as_json(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    task = "zero-shot-classification"
    labels = ("--labels", "film,bad", "the film is good")
    assert squeezebert("predict", "--task", task, "--model", models[task], "--output", out, *labels).code == 0
    best = pipeline(task, models[task])("the film is good", candidate_labels=["film", "bad"])
    [line] = table(out)
    assert (line["predicted_label"], float(line["predicted_score"])) == (best["labels"][0], best["scores"][0])
    task, choices = "multiple-choice", ("ada", "the film")
    given = [part for choice in choices for part in ("--choice", choice)]
    run = squeezebert("predict", "--task", task, "--model", models[task], "--output", out, "who?", *given)
    assert run.code == 0
    [line] = table(out)
    assert json.loads(line["choices"]) == list(choices)
    assert max(json.loads(line["predicted_scores"])) == float(line["predicted_score"])


def test_a_column_that_comes_late_is_not_lost_in_silence(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    path, out = tmp_path / "in.jsonl", tmp_path / "out.csv"
    path.write_text('{"text": "good", "id": "a"}\n{"text": "bad"}\n{"text": "bad", "stars": 1}\n')
    common = ("predict", "--model", models["text-classification"], "--input", path, "--output", out)
    assert "in.jsonl:3: has stars, for which the first row has no column" in squeezebert(*common).error
    assert not out.exists()
    path.write_text('{"text": "good", "id": "a"}\n{"text": "bad"}\n')
    assert squeezebert(*common).code == 0
    assert [line["id"] for line in table(out)] == ["a", ""]


@pytest.mark.parametrize("ending", [".xz", ".gz", ".zst"])
def test_answers_are_compressed_as_the_name_says(
    squeezebert: Program, models: dict[str, str], tmp_path: Path, ending: str
) -> None:
    model, out = models["text-classification"], tmp_path / f"out.csv{ending}"
    common = ("predict", "--model", model, "--output")
    assert squeezebert(*common, out, "the film, is good", "bad").code == 0
    plain = tmp_path / "out.csv"
    assert squeezebert(*common, plain, "the film, is good", "bad").code == 0
    assert len(plain.read_text().splitlines()) == 3
    assert "".join(open_text(out)) == plain.read_text()


@pytest.mark.parametrize("texts", [["good"], ["good", "bad", "ada"]])
def test_a_list_of_json(
    squeezebert: Program, models: dict[str, str], tmp_path: Path, texts: list[str]
) -> None:
    model = models["text-classification"]
    for name in ("out.json", "out.jsonl"):
        assert squeezebert("predict", "--model", model, *texts, "--output", tmp_path / name).code == 0
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert json.loads((tmp_path / "out.json").read_text()) == [json.loads(line) for line in lines]


@pytest.mark.parametrize("count", [1, 211])
def test_vectors_as_one_array(
    squeezebert: Program, models: dict[str, str], tmp_path: Path, count: int
) -> None:
    task, out = "feature-extraction", tmp_path / "out.npy"
    texts = [f"ada {number}" for number in range(count)]
    (tmp_path / "in.txt").write_text("".join(f"{text}\n" for text in texts))
    common = ("predict", "--task", task, "--model", models[task], "--input", tmp_path / "in.txt")
    assert squeezebert(*common, "--output", out).code == 0
    vectors = np.load(out)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, pipeline(task, models[task])(texts))


@pytest.mark.parametrize(
    ("task", "name", "remedy"),
    [
        ("text-classification", "out.npy", ".csv or .jsonl"),
        ("feature-extraction", "out.csv", ".npy or .jsonl"),
        ("feature-extraction", "out.npy.gz", "uncompressed; end the name in .npy"),
        ("text-classification", "out.xlsx.gz", ".txt, .csv"),
        ("text-classification", "out.xlsx", ".jsonl"),
    ],
)
def test_a_name_that_does_not_fit_is_refused_before_the_work(
    squeezebert: Program, models: dict[str, str], tmp_path: Path, task: str, name: str, remedy: str
) -> None:
    out = tmp_path / name
    for extra in ((), ("--dry-run",)):
        run = squeezebert("predict", "--task", task, "--model", models[task], "x", "--output", out, *extra)
        assert f"--output {out}: " in run.error
        assert remedy in run.error
    assert not out.exists()


def test_an_array_is_not_piped(squeezebert: Program, models: dict[str, str], tmp_path: Path) -> None:
    task, out = "feature-extraction", tmp_path / "out.npy"
    os.mkfifo(out)
    reader = os.open(out, os.O_RDONLY | os.O_NONBLOCK)
    run = squeezebert("predict", "--task", task, "--model", models[task], "x", "--output", out)
    os.close(reader)
    assert ".npy begins with the number of rows and cannot be piped" in run.error


def test_a_dash_is_the_standard_output(squeezebert: Program, models: dict[str, str]) -> None:
    common = ("predict", "--model", models["text-classification"], "good")
    assert squeezebert(*common, "--output", "-").out == squeezebert(*common).out != ""
    assert not Path("-").exists()

"""Evaluation: the task's metric on labelled data of every format, and what is reported with it."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score

from squeezebert import pipeline
from squeezebert.config import SqueezeBertConfig
from squeezebert.data import DATASETS, load_dataset_rows
from squeezebert.data.dataset import Dataset
from squeezebert.errors import DataError
from squeezebert.tasks import get_task
from tests.cli.conftest import Run, save_tiny_model

Program = Callable[..., Run]

REVIEWS = "text,label\nthe film is good,positive\nbad,negative\nin london,positive\nthe bad film,negative\n"


def results(run: Run) -> dict[str, Any]:
    assert run.code == 0, run.err
    parsed: dict[str, Any] = json.loads(run.out)
    return parsed


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text(REVIEWS)
    return path


def test_accuracy_is_that_of_the_answers_of_predict(
    squeezebert: Program, models: dict[str, str], reviews: Path
) -> None:
    model = models["text-classification"]
    predicted = squeezebert("predict", "--model", model, "--input", reviews, "--json")
    answers = [json.loads(line)["answer"]["label"] for line in predicted.out.splitlines()]
    truth = [line.split(",")[1] for line in REVIEWS.splitlines()[1:]]
    got = results(squeezebert("evaluate", reviews, "--model", model, "--json"))
    assert got["metrics"]["accuracy"] == accuracy_score(truth, answers)
    assert next(iter(got["metrics"])) == "accuracy"


def test_what_numbers_of_labels_are_taken_for_is_said_once(squeezebert: Program, tmp_path: Path) -> None:
    """The order of the model's labels may be another one than the data set's."""
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\na good film,1\na bad film,0\n")
    said = squeezebert("evaluate", rows, "--json").err
    assert said.splitlines() == [
        "squeezebert: labels are numbers, and are taken by their order: 0 for negative, 1 for positive"
    ]
    rows.write_text("text,label\na good film,positive\na bad film,negative\n")
    assert squeezebert("evaluate", rows, "--json").err == ""


def test_a_dash_is_the_standard_output(
    squeezebert: Program,
    models: dict[str, str],
    reviews: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = squeezebert("evaluate", reviews, "--model", models["text-classification"], "--output", "-")
    assert results(run)["rows"] == 4
    assert not Path("-").exists()


def test_results_name_their_conditions(
    squeezebert: Program, models: dict[str, str], reviews: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results.json"
    model = models["text-classification"]
    run = squeezebert("evaluate", reviews, "--model", model, "--max-length", 16, "--output", out, "--json")
    got = results(run)
    written = json.loads(out.read_text())
    assert written == got
    assert written["rows"] == 4
    assert written["max_length"] == 16
    assert written["model"] == model
    assert set(written["versions"]) == {"python", "squeezebert", "numpy", "tokenizers", "torch"}


def test_a_table_for_people(squeezebert: Program, models: dict[str, str], reviews: Path) -> None:
    run = squeezebert("evaluate", reviews, "--model", models["text-classification"])
    assert run.code == 0
    assert run.out.split()[0] == "accuracy"


def test_limit_takes_the_first_rows(squeezebert: Program, models: dict[str, str], reviews: Path) -> None:
    common = ("evaluate", reviews, "--model", models["text-classification"], "--json")
    assert results(squeezebert(*common, "--limit", 3))["rows"] == 3


def test_dry_run_measures_nothing(
    squeezebert: Program, models: dict[str, str], reviews: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("squeezebert.pipelines.load_backend", lambda name: pytest.fail("loaded the model"))
    run = squeezebert("evaluate", reviews, "--model", models["text-classification"], "--dry-run", "--json")
    assert results(run)["rows"] == 4


@pytest.mark.parametrize(
    ("task", "name", "content", "metric"),
    [
        ("token-classification", "in.conll", "Ada B-PER\nlives O\n\nLondon B-LOC\n", "f1"),
        (
            "question-answering", "in.jsonl",
            '{"question": "who", "context": "ada lives", "answers": [{"text": "ada", "start": 0}]}\n', "f1",
        ),
        ("fill-mask", "in.txt", "the film is good and ada lives in london\n", "accuracy"),
        (
            "multiple-choice", "in.jsonl",
            '{"prompt": "who lives", "choices": ["ada", "the film"], "label": 0}\n', "accuracy",
        ),
        ("zero-shot-classification", "in.csv", "text,label\nthe film is good,film\nada,name\n", "accuracy"),
    ],
)  # fmt: skip
def test_every_task_has_its_metric(
    squeezebert: Program, models: dict[str, str], tmp_path: Path,
    task: str, name: str, content: str, metric: str,
) -> None:  # fmt: skip
    (tmp_path / name).write_text(content)
    got = results(squeezebert("evaluate", tmp_path / name, "--task", task, "--model", models[task], "--json"))
    assert 0 <= got["metrics"][metric] <= 1


def test_a_limit_leaves_the_labels_to_choose_from(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    """Else the first rows of a table that is sorted by them would all be right."""
    path, model = tmp_path / "in.csv", models["zero-shot-classification"]
    common = ("evaluate", path, "--task", "zero-shot-classification", "--model", model, "--json")
    path.write_text("text,label\n" + "ada,film\n" * 3 + "ada,name\n")
    whole, some = results(squeezebert(*common)), results(squeezebert(*common, "--limit", 3))
    assert (whole["rows"], some["rows"]) == (4, 3)
    # One answer to one text: right for all of the first three, or for none.
    assert some["metrics"]["accuracy"] == round(whole["metrics"]["accuracy"])
    assert whole["metrics"]["accuracy"] in (0.25, 0.75)
    path.write_text("text,label\n" + "ada,film\n" * 3)
    assert "in.csv:2: all rows have the label 'film'; give the candidate_labels" in squeezebert(*common).error


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_cosines_of_pairs_are_measured_by_their_ranks(
    squeezebert: Program, models: dict[str, str], tmp_path: Path, pooling: str
) -> None:
    pairs = [
        ("the film", "the film", 5.0),
        ("ada", "bad", 1.5),
        ("who lives", "good", 0.0),
        ("in", "is", 2.0),
    ]
    path = tmp_path / "in.tsv"
    lines = "".join(f"{one}\t{other}\t{score}\n" for one, other, score in pairs)
    path.write_text(f"sentence1\tsentence2\tscore\n{lines}")
    model = models["feature-extraction"]
    asked = [] if pooling == "mean" else ["--pooling", pooling]
    run = squeezebert("evaluate", path, "--task", "feature-extraction", "--model", model, "--json", *asked)
    got = results(run)
    assert got.get("pooling", "mean") == pooling
    extract = pipeline("feature-extraction", model)
    cosines = [
        float(extract(one, pooling=pooling) @ extract(other, pooling=pooling)) for one, other, _ in pairs
    ]
    assert got["metrics"]["spearman"] == pytest.approx(spearmanr(cosines, [s for *_, s in pairs]).statistic)
    path.write_text("sentence1\tsentence2\tscore\na\tb\tequivalent\n")
    run = squeezebert("evaluate", path, "--task", "feature-extraction", "--model", model)
    assert "in.tsv:2: label 'equivalent' is not a number" in run.error


def labelled_split(dataset: Dataset, root: Path) -> tuple[Path, str, list[Any]]:
    """Find folder and split of a data set whose labels are not withheld, and its examples."""
    task = get_task(dataset.task)
    splits = sorted(dataset.splits, key=lambda split: split != "validation")
    for folder in sorted(path for path in root.rglob("*") if path.is_dir()):
        for split in splits:
            with contextlib.suppress(DataError):
                rows = load_dataset_rows(folder, task=dataset.task, split=split, format=dataset.name)
                return folder, split, [task.labelled_example(row) for row in rows]
    pytest.fail(f"{dataset.name} is not among the data sets")


@pytest.mark.long
@pytest.mark.parametrize("name", list({dataset.name: dataset for dataset in DATASETS}))
def test_every_published_data_set_goes_through(squeezebert: Program, tmp_path: Path, name: str) -> None:
    root = os.environ.get("SQUEEZEBERT_DATA")
    if root is None:
        pytest.skip("SQUEEZEBERT_DATA is not set")
    dataset = next(dataset for dataset in DATASETS if dataset.name == name)
    folder, split, examples = labelled_split(dataset, Path(root))
    config = get_task(dataset.task).configure(SqueezeBertConfig(), examples)
    model = save_tiny_model(
        tmp_path, dataset.task, id2label=config.id2label, problem_type=config.problem_type,
        max_position_embeddings=256,
    )  # fmt: skip
    got = results(
        squeezebert(
            "evaluate", folder, "--split", split, "--task", dataset.task, "--model", model,
            "--limit", 100, "--format", name, "--json",
        )
    )  # fmt: skip
    assert got["rows"] == min(100, len(examples))
    assert all(math.isfinite(value) for value in got["metrics"].values())

"""``squeezebert train``: from a file to a model that answers, and errors in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Run

Program = Callable[..., Run]

REVIEWS = "text,label\n" + 30 * (
    "the film is good,positive\nthe film is bad,negative\ngood,positive\nbad,negative\n"
)
QUICK = ("--epochs", "2", "--batch-size", "5", "--learning-rate", "1e-2", "--precision", "fp32")


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text(REVIEWS)
    return path


@pytest.fixture
def trunk(models: dict[str, str]) -> str:
    return models["fill-mask"]


def test_from_a_csv_file_to_a_model_that_answers(
    squeezebert: Program, reviews: Path, trunk: str, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    run = squeezebert("train", reviews, "--from", trunk, "--out", out, *QUICK, "--json")
    assert run.code == 0, run.err
    result = json.loads(run.out)
    assert result["folder"] == str(out)
    assert "12 rows held out of reviews.csv" in run.err
    assert "step 44: accuracy" in run.err
    measured = json.loads(squeezebert("evaluate", reviews, "--model", out, "--json").out)
    assert measured["metrics"]["accuracy"] == 1.0


def test_validation_file_and_columns(squeezebert: Program, trunk: str, tmp_path: Path) -> None:
    rows = tmp_path / "train.jsonl"
    rows.write_text("".join(json.dumps({"words": w, "mood": w}) + "\n" for w in 9 * ["good", "bad"]))
    dev = tmp_path / "dev.jsonl"
    dev.write_text(json.dumps({"words": "good", "mood": "good"}) + "\n")
    run = squeezebert(
        "train", rows, "--validation", dev, "--column", "text=words", "--column", "label=mood",
        "--from", trunk, "--out", tmp_path / "model", *QUICK, "--json",
    )  # fmt: skip
    assert run.code == 0, run.err
    report = json.loads((tmp_path / "model" / "training.json").read_text())
    assert report["data"]["training"] == {"name": "train.jsonl", "rows": 18}
    assert report["data"]["validation"] == {"name": "dev.jsonl", "rows": 1}


def test_the_splits_of_a_published_data_set_are_found(
    squeezebert: Program, trunk: str, tmp_path: Path
) -> None:
    folder = tmp_path / "SST-2"
    folder.mkdir()
    (folder / "train.tsv").write_text("sentence\tlabel\n" + 6 * "good film\t1\nbad film\t0\n")
    (folder / "dev.tsv").write_text("sentence\tlabel\ngood\t1\nbad\t0\n")
    run = squeezebert("train", folder, "--from", trunk, "--dry-run", "--json")
    assert run.code == 0, run.err
    plan = json.loads(run.out)
    assert (plan["training_rows"], plan["validation_rows"]) == (12, 2)
    assert plan["labels"] == ["negative", "positive"]


def test_a_dry_run_tells_the_cost_and_writes_nothing(
    squeezebert: Program, reviews: Path, trunk: str, tmp_path: Path
) -> None:
    run = squeezebert(
        "train", reviews, "--from", trunk, "--out", tmp_path / "model", *QUICK, "--dry-run", "--json"
    )
    assert run.code == 0, run.err
    plan = json.loads(run.out)
    assert (plan["training_rows"], plan["validation_rows"], plan["steps"]) == (108, 12, 44)
    assert plan["tokens_per_second"] > 0
    assert not (tmp_path / "model").exists()


def test_resume_goes_on_where_nothing_was_started_yet(
    squeezebert: Program, reviews: Path, trunk: str, tmp_path: Path
) -> None:
    arguments = ("train", reviews, "--from", trunk, "--out", tmp_path / "model", *QUICK, "--resume")
    assert squeezebert(*arguments).code == 0
    assert "is finished" in squeezebert(*arguments).error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.csv", "--out", "m"), "no such file"),
        (("reviews.csv",), "give --out FOLDER"),
        (("reviews.csv", "--out", "."), "is not empty"),
        (("reviews.csv", "--out", "m", "--task", "sentimant"), "no task 'sentimant'"),
        (("reviews.csv", "--out", "m", "--column", "text=Review"), "no column 'Review'"),
        (("reviews.csv", "--out", "m", "--from", "nowhere/at/all"), "nowhere/at/all"),
        (("reviews.csv", "--out", "m", "--epochs", "0"), "epochs 0.0 is not positive"),
        (("reviews.csv", "--out", "m", "--precision", "int4"), "auto, fp32, tf32, bf16"),
        (("reviews.csv", "--out", "m", "--batch-size", "2", "--batch-tokens", "9"), "not both"),
        (("reviews.csv", "--out", "m", "--max-length", "99"), "--max-length 99 is not"),
        (("reviews.csv", "--out", "m", "--unlabelled", "other.csv"), "--unlabelled needs a teacher"),
        (("reviews.csv", "--out", "m", "--soft-share", "0"), "--soft-share needs a teacher"),
        (
            ("reviews.csv", "--out", "m", "--teacher", "mini", "--hidden-factor", "2"),
            "--hidden-factor weighs the blocks that are compared; give --layers STUDENT=TEACHER",
        ),
        (("reviews.csv", "--out", "m", "--teacher", "nowhere/at/all"), "nowhere/at/all"),
        (("reviews.csv", "--out", "m", "--teacher", "t", "--layers", "1"), "'1' is not of the form"),
        (("reviews.csv", "--out", "m", "--teacher", "t", "--soft-share", "2"), "is not from 0 to 1"),
        (("empty.csv", "--out", "m"), "empty.csv: holds no rows"),
        (("same.csv", "--out", "m"), "'good'"),
        (("reviews.csv", "--validation", "other.csv", "--out", "m"), "other.csv:2: unknown label 'neutral'"),
    ],
)
def test_bad_input_is_one_line(
    squeezebert: Program, reviews: Path, trunk: str, monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(reviews.parent)
    Path("empty.csv").write_text("")
    Path("same.csv").write_text("text,label\n" + 5 * "good,good\n")
    Path("other.csv").write_text("text,label\ngood,neutral\n")
    given = arguments if "--from" in arguments else (*arguments, "--from", trunk)
    assert message in squeezebert("train", *given).error
    assert not Path("m").exists()


def test_one_command_from_a_csv_file_to_a_measured_int8_model(
    squeezebert: Program, reviews: Path, trunk: str, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    asked = (*QUICK, "--metric", "f1", "--quantize", "--json")
    run = squeezebert("train", reviews, "--from", trunk, "--out", out, *asked)
    assert run.code == 0, run.err
    fields = json.loads(run.out)
    int8 = fields["int8"]
    assert list(int8["metrics"]) == list(fields["metrics"]) == ["f1", "accuracy", "f1_macro", "matthews"]
    assert int8["metrics"]["accuracy"] == 1.0
    assert int8["folder"] == str(out / "int8")
    measured = json.loads(squeezebert("evaluate", reviews, "--model", out / "int8", "--json").out)
    assert measured["metrics"]["accuracy"] == 1.0
    # As if it had been killed before that was complete.
    (out / "int8" / "model.safetensors").unlink()
    with pytest.MonkeyPatch.context() as second:
        for name, value in (("WORLD_SIZE", "2"), ("RANK", "1")):
            second.setenv(name, value)
        assert squeezebert("train", reviews, "--from", trunk, "--out", out, *asked, "--resume").code == 0
    assert not (out / "int8" / "model.safetensors").exists()
    other = squeezebert("train", reviews, "--from", trunk, "--out", out, *asked, "--resume", "--seed", "1")
    assert (other.code, "was made from other rows, or rows divided otherwise" in other.err) == (2, True)
    slower = squeezebert(
        "train", reviews, "--from", trunk, "--out", out, *asked, "--resume", "--warmup", "0.5"
    )
    assert f"{out}: is finished, with warmup 0.06, not 0.5" in slower.error
    again = squeezebert("train", reviews, "--from", trunk, "--out", out, *asked, "--resume")
    assert again.code == 0, again.err
    assert json.loads(again.out) == {"folder": str(out), "int8": int8}
    assert (
        "is finished" in squeezebert("train", reviews, "--from", trunk, "--out", out, *asked, "--resume").err
    )


def test_a_teacher_labels_further_rows(
    squeezebert: Program, reviews: Path, trunk: str, models: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "more.jsonl").write_text(9 * '{"text": "the film"}\n')
    out = tmp_path / "model"
    arguments = (
        "train", reviews, "--from", trunk, "--teacher", models["text-classification"], "--unlabelled",
        tmp_path / "more.jsonl", "--temperature", "3", "--layers", "1=1", "--teacher-precision", "torch",
        *QUICK, "--json",
    )  # fmt: skip
    run = squeezebert(*arguments, "--out", out)
    assert run.code == 0, run.err
    report = json.loads((out / "training.json").read_text())
    assert report["data"]["unlabelled"] == {"rows": 9}
    assert report["teaching"]["layer_map"] == [[1, 1]]
    assert (report["teaching"]["temperature"], report["teaching"]["soft_share"]) == (3.0, 0.5)
    # 22 batches of the labelled rows and 2 of the others, twice.
    assert json.loads(run.out)["steps"] == 48
    plan = squeezebert(*arguments, "--dry-run")
    assert json.loads(plan.out)["steps"] == 48, plan.err


def test_a_sitting_that_stops_says_how_to_go_on(
    squeezebert: Program, reviews: Path, trunk: str, tmp_path: Path
) -> None:
    arguments = ("train", reviews, "--from", trunk, "--out", tmp_path / "model", *QUICK, "--resume", "--json")
    run = squeezebert(*arguments, "--stop-after", "1e-9")
    assert (run.code, json.loads(run.out)["finished"]) == (3, False)
    assert "stopped after step 1; the same command with --resume goes on" in run.err
    again = squeezebert(*arguments)
    assert (again.code, json.loads(again.out)["steps"]) == (0, 44)


@pytest.mark.parametrize(
    ("row", "labels"),
    [
        ({"text": "good film", "label": "good"}, ["bad", "good"]),
        ({"tokens": ["ada", "lives"], "tags": ["B-PER", "O"]}, ["O", "B-LOC", "B-PER"]),
        ({"question": "who ?", "context": "ada lives", "answers": ["ada"]}, []),
    ],
)
def test_the_columns_tell_the_task(
    squeezebert: Program, trunk: str, tmp_path: Path, row: dict[str, object], labels: list[str]
) -> None:
    other = {**row, **{"label": "bad"}} if "label" in row else row
    other = {**row, "tags": ["B-LOC", "O"]} if "tags" in row else other
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in 9 * [row, other]))
    run = squeezebert("train", path, "--from", trunk, "--dry-run", "--json")
    assert run.code == 0, run.err
    assert json.loads(run.out)["labels"] == labels


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("text,department", "'text', 'department' fit no task by their names; say which with --task"),
        ("department,label", "'department', 'label' fit no task by their names"),
    ],
)
def test_columns_that_do_not_tell_are_asked_for(
    squeezebert: Program, trunk: str, tmp_path: Path, header: str, message: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"{header}\n" + 9 * "good film,good\nbad film,bad\n")
    assert message in squeezebert("train", path, "--from", trunk, "--dry-run").error


def test_pictures_and_event_files_or_one_hint(
    squeezebert: Program, reviews: Path, trunk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("plots", "tensorboard"):
        monkeypatch.setattr(f"squeezebert.training.{module}.find_spec", lambda name: None)
    plain = squeezebert("train", reviews, "--from", trunk, "--out", tmp_path / "plain", *QUICK)
    assert plain.code == 0
    assert plain.err.count("pip install 'squeezebert[plots]'") == 1
    assert not list((tmp_path / "plain").glob("*.png"))
    monkeypatch.undo()
    pytest.importorskip("matplotlib")
    pytest.importorskip("tensorboard")
    run = squeezebert("train", reviews, "--from", trunk, "--out", tmp_path / "model", *QUICK)
    assert "squeezebert[plots]" not in run.err
    card = (tmp_path / "model" / "README.md").read_text()
    for name in ("curves.png", "confusion.png", "reliability.png"):
        assert f"({name})" in card
        assert (tmp_path / "model" / name).read_bytes().startswith(b"\x89PNG")
    assert list((tmp_path / "model" / "tensorboard").glob("events.*"))


@pytest.mark.parametrize("name", ["dev", "test"])
def test_rows_to_measure_on_are_not_learnt_from(squeezebert: Program, tmp_path: Path, name: str) -> None:
    """Where a folder has no training rows by their name."""
    rows = "".join(f"film {number},{'good' if number % 2 else 'bad'}\n" for number in range(30))
    for file in ("training_set", name):
        (tmp_path / f"{file}.csv").write_text(f"text,label\n{rows}")
    split = "validation" if name == "dev" else name
    expected = f"{tmp_path}: has no split 'train'; it has {split}"
    assert expected in squeezebert("train", tmp_path, "--dry-run").error


def test_labels_stand_in_one_column(squeezebert: Program, trunk: str, tmp_path: Path) -> None:
    """A row that lacks its own label is not learnt with another column's."""
    rows = [
        {"text": f"film {number}", "label": "positive" if number % 2 else "negative", "topic": "x"}
        for number in range(20)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"text": "soup", "topic": "food"}]))
    expected = "rows.jsonl:21: has no column 'label', as the rows before it have; it has 'text', 'topic'"
    assert (
        expected
        in squeezebert("train", path, "--from", trunk, "--task", "text-classification", "--dry-run").error
    )
    assert expected in squeezebert("evaluate", path, "--task", "text-classification", "--dry-run").err


def test_an_empty_list_among_single_labels_is_asked_about(
    squeezebert: Program, trunk: str, tmp_path: Path
) -> None:
    rows = [{"text": f"film {number}", "label": "good" if number % 2 else "bad"} for number in range(20)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"text": "soup", "label": []}]))
    asked = (
        "train",
        path,
        "--from",
        trunk,
        "--task",
        "text-classification",
        "--validation",
        path,
        "--dry-run",
    )
    assert (
        "rows.jsonl:21: label is an empty list, and the others are single labels" in squeezebert(*asked).error
    )

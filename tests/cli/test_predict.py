"""Texts in, answers out, from every source and to every target."""

from __future__ import annotations

import gzip
import itertools
import json
import lzma
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Run, save_tiny_model

Program = Callable[..., Run]


def answers(run: Run) -> list[dict[str, Any]]:
    assert run.code == 0, run.err
    return [json.loads(line) for line in run.out.splitlines()]


def test_texts_are_answered_in_order(squeezebert: Program, models: dict[str, str]) -> None:
    model = models["text-classification"]
    got = answers(squeezebert("predict", "--model", model, "--json", "the film is good", "bad"))
    assert [(line["row"], line["where"], line["text"]) for line in got] == [
        (1, "text 1", "the film is good"), (2, "text 2", "bad"),
    ]  # fmt: skip
    for line in got:
        assert line["answer"]["label"] in ("negative", "positive")
        assert 0.5 <= line["answer"]["score"] <= 1


@pytest.mark.parametrize(
    ("option", "named"), [(("--top-k", 2), {"top_k": 2}), (("--threshold", 0.5), {"threshold": 0.5})]
)
def test_answers_are_those_of_the_pipeline(
    squeezebert: Program, models: dict[str, str], option: tuple[str, float], named: dict[str, float]
) -> None:
    from squeezebert import pipeline

    model = models["text-classification"]
    texts = ["the film is good", "bad " * 40, ""]
    got = answers(squeezebert("predict", "--model", model, "--json", *option, *texts))
    assert [line["answer"] for line in got] == pipeline("text-classification", model)(texts, **named)


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("in.txt", "good\nbad\n", []),
        ("in.csv", "id,text\na,good\nb,bad\n", []),
        ("in.csv", "id,Review Body\na,good\nb,bad\n", ["--column", "text=Review Body"]),
        ("in.tsv", "text\tid\ngood\ta\nbad\tb\n", []),
        ("in.jsonl", '{"text": "good", "id": "a"}\n{"text": "bad", "id": "b"}\n', []),
        ("in.json", '[{"text": "good", "id": "a"}, {"text": "bad", "id": "b"}]', []),
        ("in.dat", "good\nbad\n", ["--format", "txt"]),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".xz", ".gz"])
def test_files_of_every_format(
    squeezebert: Program, models: dict[str, str], tmp_path: Path,
    name: str, content: str, options: list[str], suffix: str,
) -> None:  # fmt: skip
    pack = {"": bytes, ".xz": lzma.compress, ".gz": gzip.compress}[suffix]
    path = tmp_path / (name + suffix)
    path.write_bytes(pack(content.encode()))
    model = models["text-classification"]
    got = answers(squeezebert("predict", "--model", model, "--json", "--input", path, *options))
    assert [line["text"] for line in got] == ["good", "bad"]
    assert all(line["where"].startswith(str(path)) for line in got)
    if '"id"' in content or "id," in content or "\tid" in content:
        assert [line["id"] for line in got] == ["a", "b"]


def test_several_files_are_read_one_after_the_other(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("good\n")
    (tmp_path / "b.csv").write_text("text\nbad\n")
    got = answers(
        squeezebert(
            "predict", "--model", models["text-classification"], "--json",
            "--input", tmp_path / "a.txt", "--input", tmp_path / "b.csv",
        )
    )  # fmt: skip
    assert [(line["row"], line["text"]) for line in got] == [(1, "good"), (2, "bad")]


@pytest.mark.parametrize("source", [[], ["-"], ["--input", "-"]])
def test_piped_text_is_read(squeezebert: Program, models: dict[str, str], source: list[str]) -> None:
    run = squeezebert(
        "predict", "--model", models["text-classification"], "--json", *source, stdin="bad\n\ngôod\n".encode()
    )
    assert [(line["text"], line["where"]) for line in answers(run)] == [
        ("bad", "stdin:1"), ("", "stdin:2"), ("gôod", "stdin:3"),
    ]  # fmt: skip


def test_piped_rows_of_a_named_format(squeezebert: Program, models: dict[str, str]) -> None:
    run = squeezebert(
        "predict", "--model", models["text-classification"], "--json", "--format", "jsonl",
        stdin=b'{"text": "good"}\n',
    )  # fmt: skip
    assert [line["text"] for line in answers(run)] == ["good"]


def test_token_classification_of_words_and_texts(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "in.conll"
    path.write_text("Ada B-PER\nlives O\n\nLondon B-LOC\n")
    common = ("predict", "--task", "ner", "--model", models["token-classification"], "--json")
    by_words = answers(squeezebert(*common, "--input", path, "--aggregation", "word"))
    assert [line["text"] for line in by_words] == ["Ada lives", "London"]
    (by_text,) = answers(squeezebert(*common, "Ada lives in London", "--aggregation", "none"))
    for entity in by_text["answer"]:
        assert 0 <= entity["start"] < entity["end"] <= len("Ada lives in London")


def test_question_and_context_by_option(squeezebert: Program, models: dict[str, str]) -> None:
    common = ("predict", "--task", "question-answering", "--model", models["question-answering"], "--json")
    context = "ada lives in london"
    (by_question,) = answers(squeezebert(*common, "--question", "who?", context))
    (by_context,) = answers(squeezebert(*common, "--context", context, "who?"))
    assert by_question == by_context
    assert by_question["question"] == "who?"
    answer = by_question["answer"]
    assert context[answer["start"] : answer["end"]] == answer["answer"]


def test_a_question_is_asked_of_every_line_of_a_file(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "in.txt"
    path.write_text("ada lives in london\nthe film is bad\n")
    got = answers(
        squeezebert(
            "predict", "--task", "question-answering", "--model", models["question-answering"], "--json",
            "--question", "who?", "--input", path, "--top-k", 3, "--max-answer-length", 1,
            "--allow-no-answer",
        )
    )  # fmt: skip
    assert [(line["question"], line["context"]) for line in got] == [
        ("who?", "ada lives in london"), ("who?", "the film is bad"),
    ]  # fmt: skip
    assert all(len(line["answer"]) == 3 for line in got)
    assert all(len(one["answer"].split()) <= 1 for line in got for one in line["answer"])


def test_fill_mask_with_targets(squeezebert: Program, models: dict[str, str]) -> None:
    (line,) = answers(
        squeezebert(
            "predict", "--task", "fill-mask", "--model", models["fill-mask"], "--json",
            "the film is [MASK]", "--targets", "good", "--targets", "bad",
        )
    )  # fmt: skip
    assert {answer["token_str"] for answer in line["answer"]} == {"good", "bad"}


def test_multiple_choice_by_option(squeezebert: Program, models: dict[str, str]) -> None:
    (line,) = answers(
        squeezebert(
            "predict", "--task", "multiple-choice", "--model", models["multiple-choice"], "--json",
            "who lives in london", "--choice", "ada", "--choice", "the film", "--choice", "good",
        )
    )  # fmt: skip
    assert line["answer"]["choice"] in ("ada", "the film", "good")
    assert line["choices"] == ["ada", "the film", "good"]


def test_vectors_are_json_lines_that_lose_nothing(squeezebert: Program, models: dict[str, str]) -> None:
    from squeezebert import pipeline

    model = models["feature-extraction"]
    common = ("predict", "--task", "feature-extraction", "--model", model)
    got = answers(squeezebert(*common, "the film is good", "ada"))
    expected = pipeline("feature-extraction", model)(["the film is good", "ada"])
    for line, vector in zip(got, expected, strict=True):
        np.testing.assert_array_equal(np.array(line["answer"], dtype=np.float32), vector)
    assert max(len(str(number)) for number in got[0]["answer"]) <= 14
    (by_first,) = answers(squeezebert(*common, "ada", "--pooling", "cls"))
    assert by_first["answer"] != got[1]["answer"]


def test_zero_shot_by_options(squeezebert: Program, models: dict[str, str]) -> None:
    from squeezebert import pipeline

    task, model = "zero-shot-classification", models["zero-shot-classification"]
    common = ("predict", "--task", task, "--model", model, "--labels", "film, bad", "the film is good")
    template = ("--hypothesis-template", "is {} in", "--multi-label")
    (plain,), (asked,) = (answers(squeezebert(*common, "--json", *extra)) for extra in ((), template))
    classify = pipeline(task, model)
    given = {"candidate_labels": ["film", "bad"]}
    assert plain["answer"] == classify("the film is good", **given)
    assert asked["answer"] == classify(
        "the film is good", **given, hypothesis_template="is {} in", multi_label=True
    )
    assert plain["candidate_labels"] == ["film", "bad"]
    best = plain["answer"]["labels"][0]
    (line,) = squeezebert(*common).out.splitlines()
    assert line == f"{best:<24}  {plain['answer']['scores'][0]:.3f}  the film is good"


def test_labels_may_be_given_one_by_one(squeezebert: Program, models: dict[str, str]) -> None:
    common = ("predict", "--task", "zero-shot-classification", "--model", models["zero-shot-classification"])
    together = answers(squeezebert(*common, "--json", "good", "--labels", "film,bad, ada"))
    assert (
        answers(squeezebert(*common, "--json", "good", "--labels", "film", "--labels", "bad,ada")) == together
    )


def test_a_question_with_its_context_reads_nothing_else(squeezebert: Program, models: dict[str, str]) -> None:
    """In a loop of a shell, the standard input is the list that the loop goes through."""
    given = ("--question", "who?", "--context", "ada lives in london")
    run = squeezebert("predict", "--model", models["question-answering"], "--json", *given, stdin=b"next\n")
    (line,) = answers(run)
    assert (line["question"], line["context"]) == ("who?", "ada lives in london")


@pytest.mark.parametrize(
    "task", ["token-classification", "fill-mask", "multiple-choice", "feature-extraction"]
)
def test_the_model_says_what_the_task_is(
    squeezebert: Program, models: dict[str, str], task: str, tmp_path: Path
) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "ada [MASK]", "choices": ["good", "bad"]}\n')
    common = ("predict", "--model", models[task], "--json", "--input", tmp_path / "in.jsonl")
    assert squeezebert(*common).out == squeezebert(*common, "--task", task).out != ""
    assert json.loads(squeezebert(*common, "--dry-run").out)["task"] == task


def test_a_model_that_says_nothing_classifies(squeezebert: Program, tmp_path: Path) -> None:
    """The published checkpoints name no head."""
    config = save_tiny_model(tmp_path, "text-classification") / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "architectures": None}))
    (line,) = answers(squeezebert("predict", "good", "--model", tmp_path, "--json"))
    assert line["answer"]["label"] in ("negative", "positive")


def test_answers_of_several_models_are_all_kept(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.jsonl" for number in range(4)]
    files[0].write_text('{"text": "good", "answer": "gold"}\n')
    for before, after in itertools.pairwise(files):
        common = ("predict", "--model", models["text-classification"], "--input", before)
        assert squeezebert(*common, "--output", after).code == 0
    line = json.loads(files[-1].read_text())
    assert line["given_answer"] == "gold"
    assert line["given_given_answer"] == line["given_given_given_answer"] == line["answer"]


def test_the_standard_output_by_its_name_keeps_what_stands_there(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n")
    with log.open("a") as file:
        for command in (("predict", "fine"), ("evaluate", "rows.csv", "--limit", "1")):
            (tmp_path / "rows.csv").write_text("text,label\ngood,positive\n")
            asked = [sys.executable, "-m", "squeezebert", *command, "--output", "/dev/stdout"]
            subprocess.run(asked, stdout=file, check=True, cwd=tmp_path)
    text = log.read_text()
    assert text.startswith("old\nposi")
    assert text.count("fine") == 1
    assert '"rows": 1' in text


@pytest.mark.parametrize(
    ("task", "rows", "options", "message"),
    [
        ("fill-mask", "the [MASK]\nfilm\n", (), "in.txt:2"),
        ("fill-mask", "the [MASK]\n", ("--targets", "good film"), "the target 'good film' is not one piece"),
        ("text-classification", "good\n", ("--threads", 0), "threads 0 is not positive"),
        ("text-classification", "good\n", ("--max-length", 5000), "--max-length 5000 is not from"),
        ("text-classification", "good\n", ("--precision", "fp64"), "precision 'fp64'"),
        ("text-classification", "good\n", ("--backend", "x"), "no backend 'x'"),
        ("text-classification", "good\n", ("--look-ahead", 0), "--look-ahead 0 is not positive"),
        ("text-classification", "good\n", ("--batch-tokens", 0), "--batch-tokens 0 is not positive"),
        ("question-answering", "ada lives\n", ("--question", 40 * "ada "), "the question has 40 tokens"),
    ],
)
def test_a_dry_run_finds_what_a_run_finds(
    squeezebert: Program, models: dict[str, str], tmp_path: Path, task: str, rows: str,
    options: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    (tmp_path / "in.txt").write_text(rows)
    common = ("predict", "--task", task, "--model", models[task], "--input", tmp_path / "in.txt", *options)
    dry = squeezebert(*common, "--dry-run").error
    assert message in dry
    run = squeezebert(*common, "--output", tmp_path / "out.jsonl")
    assert message in run.err


def test_other_columns_of_a_row_are_kept(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"id": 7, "customer": {"n": 1, "x": NaN}, "Review": "good", "answer": "no", "row": 9}\n')
    common = ("predict", "--model", models["text-classification"], "--json", "--input", path)
    (line,) = answers(squeezebert(*common, "--column", "text=Review"))
    assert list(line) == [
        "row", "where", "id", "customer", "given_answer", "given_row", "text", "answer",
    ]  # fmt: skip
    assert (line["given_answer"], line["given_row"]) == ("no", 9)
    assert (line["row"], line["id"], line["customer"], line["text"]) == (1, 7, {"n": 1, "x": None}, "good")
    assert line["answer"]["label"] in ("negative", "positive")


def test_choices_in_columns_of_their_own_stand_once(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("id,prompt,choice1,choice2\nx,who,ada,good\n")
    (line,) = answers(
        squeezebert("predict", "--model", models["multiple-choice"], "--json", "--input", tmp_path / "in.csv")
    )
    assert list(line) == ["row", "where", "id", "prompt", "choices", "answer"]


def test_dates_of_parquet_files_are_written(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    import datetime

    import pyarrow
    from pyarrow import parquet

    day = datetime.date(2020, 1, 31)
    path = tmp_path / "in.parquet"
    parquet.write_table(pyarrow.table({"text": ["good"], "day": [day], "days": [[day]]}), path)
    common = ("predict", "--model", models["text-classification"], "--input", path)
    (line,) = answers(squeezebert(*common, "--json"))
    assert (line["day"], line["days"]) == ("2020-01-31", ["2020-01-31"])
    assert squeezebert(*common, "--output", tmp_path / "out.csv").code == 0
    assert ',2020-01-31,"[""2020-01-31""]",' in (tmp_path / "out.csv").read_text()


def test_published_data_sets_are_read_as_evaluate_reads_them(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.tsv").write_text(f"text\tlabel\n{name}\tpositive\n")
    common = ("predict", "--model", models["text-classification"], "--json", "--input", tmp_path)
    (line,) = answers(squeezebert(*common, "--split", "test"))
    assert (line["text"], line["label"]) == ("test", "positive")
    assert "holds several splits; say which with --split: train, test" in squeezebert(*common).error


def test_a_text_that_is_the_name_of_a_file_is_wondered_at(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text\ngood\n")
    common = ("predict", "--model", models["text-classification"])
    run = squeezebert(*common, path)
    assert (run.code, len(run.out.splitlines())) == (0, 1)
    assert run.err == f"squeezebert: '{path}' is answered as a text; --input reads a file\n"
    assert squeezebert(*common, "good.", "see example.com", "a" * 9999 + ".csv").err == ""


def test_pairs_by_option(squeezebert: Program, models: dict[str, str]) -> None:
    model = models["text-classification"]
    (line,) = answers(squeezebert("predict", "--model", model, "--json", "good", "--text-pair", "bad"))
    assert (line["text"], line["text_pair"]) == ("good", "bad")


def test_long_texts_are_windowed_as_asked(squeezebert: Program, models: dict[str, str]) -> None:
    model = models["text-classification"]
    (line,) = answers(
        squeezebert(
            "predict", "--model", model, "--json", "--max-length", 12, "--stride", 0, "--batch-tokens", 24,
            "good " * 35,
        )
    )  # fmt: skip
    assert line["answer"]["windows"] == 4


def test_a_table_for_people(squeezebert: Program, models: dict[str, str]) -> None:
    run = squeezebert("predict", "--model", models["text-classification"], "the film", "\x1b[31mbad")
    assert run.code == 0
    first, second = run.out.splitlines()
    assert first.split()[0] in ("negative", "positive")
    assert first.endswith("  the film")
    assert second.endswith("   [31mbad")
    assert run.err == ""


def test_output_file_appears_complete_and_in_json_by_its_name(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    model = models["text-classification"]
    for name in ("out.jsonl", "out.txt"):
        run = squeezebert("predict", "--model", model, "good", "bad", "--output", tmp_path / name)
        assert (run.code, run.out) == (0, "")
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["good", "bad"]
    assert len((tmp_path / "out.txt").read_text().splitlines()) == 2


def test_failure_leaves_the_older_output_alone(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    out, bad = tmp_path / "out.jsonl", tmp_path / "in.jsonl"
    out.write_text("old")
    bad.write_text('{"text": "good"}\n{"other": 1}\n')
    run = squeezebert("predict", "--model", models["text-classification"], "--input", bad, "--output", out)
    assert "in.jsonl:2: has no column for 'text'" in run.error
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_dry_run_counts_and_does_nothing(
    squeezebert: Program, models: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("squeezebert.pipelines.load_backend", lambda name: pytest.fail("loaded the model"))
    path, out = tmp_path / "in.csv", tmp_path / "out.jsonl"
    path.write_text("text\n" + "good\n" * 1234)
    common = ("predict", "--model", models["text-classification"], "--input", path, "--output", out)
    run = squeezebert(*common, "--dry-run")
    assert run.code == 0
    assert "1,234" in run.out
    assert "text-classification" in run.out
    assert not out.exists()
    assert json.loads(squeezebert(*common, "--dry-run", "--json").out)["rows"] == 1234


def test_verbose_tells_the_threads(squeezebert: Program, models: dict[str, str]) -> None:
    run = squeezebert(
        "predict", "--model", models["text-classification"], "good", "--threads", 1, "--verbose"
    )
    assert run.code == 0
    assert "1 threads" in run.err
    assert "32 tokens" in run.err

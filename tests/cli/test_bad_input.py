"""Whatever is wrong with the input: one line that names it, exit code 2, no traceback."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.cli.conftest import Run

Program = Callable[..., Run]


@pytest.fixture
def model(models: dict[str, str], tmp_path: Path) -> Path:
    """A copy of a classifier, to be damaged."""
    folder = tmp_path / "model"
    shutil.copytree(models["text-classification"], folder)
    return folder


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def change_config(folder: Path, **values: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


# What is wrong with data.


def test_missing_file(squeezebert: Program, model: Path, tmp_path: Path) -> None:
    run = squeezebert("predict", "--model", model, "--input", tmp_path / "none.csv")
    assert "none.csv" in run.error
    assert "no such file" in run.error


def test_missing_last_file_is_found_before_the_first_is_answered(
    squeezebert: Program, model: Path, tmp_path: Path
) -> None:
    first = write(tmp_path / "a.txt", "good\n")
    run = squeezebert("predict", "--model", model, "--input", first, "--input", tmp_path / "b.txt")
    assert "b.txt" in run.error
    assert "no such file" in run.error


def test_wrong_column(squeezebert: Program, model: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n1,2\n")
    run = squeezebert("predict", "--model", model, "--input", path)
    assert "in.csv:2: has no column for 'text'; it has 'a', 'b'" in run.error
    run = squeezebert("predict", "--model", model, "--input", path, "--column", "text=c")
    assert "has no column 'c'; it has 'a', 'b'" in run.error
    run = squeezebert("predict", "--model", model, "--input", path, "--column", "c")
    assert run.error == "--column 'c' is not of the form text=NAME"


@pytest.mark.parametrize("command", [("predict", "--input"), ("evaluate",), ("train", "--dry-run")])
def test_a_column_that_the_task_does_not_read(
    squeezebert: Program, model: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    path = write(tmp_path / "in.csv", "text,label,other\ngood,positive,bad\n")
    option = "--from" if "train" in command else "--model"
    run = squeezebert(*command, path, option, model, "--column", "textpair=other")
    # Its names, and not those of the options that give the same columns.
    assert run.error == (
        "text-classification has no column 'textpair' (nearest: 'text_pair'); it has 'text', 'text_pair', "
        "'label'"
    )


@pytest.mark.parametrize("name", ["in.txt", "in.csv", "in.tsv", "in.jsonl", "in.json", "in.conll"])
def test_empty_file(squeezebert: Program, model: Path, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, b"")
    run = squeezebert("predict", "--model", model, "--input", path)
    assert name in run.error
    assert "empty" in run.error


def test_empty_standard_input(squeezebert: Program, model: Path) -> None:
    assert squeezebert("predict", "--model", model).error.startswith("stdin: holds no rows")


def test_bytes_that_are_no_utf_8(squeezebert: Program, model: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "in.txt", b"good\ncaf\xe9\n")
    assert (
        "in.txt:2: byte 0xe9 at byte 8 is not UTF-8"
        in squeezebert("predict", "--model", model, "--input", path).error
    )


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0", b"\0\1\2\3" * 9, b"PK\3\4aaaaaaaaaaaaaa"])
def test_binary_file(squeezebert: Program, model: Path, tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / "in.csv", content)
    error = squeezebert("predict", "--model", model, "--input", path).error
    assert re.search(r"in\.csv(:1: NUL byte at byte 0|: is a )", error)


def test_truncated_archive(squeezebert: Program, model: Path, tmp_path: Path) -> None:
    import lzma

    path = write(tmp_path / "in.txt.xz", lzma.compress(os.urandom(5000).hex().encode())[:-400])
    error = squeezebert("predict", "--model", model, "--input", path).error
    assert "in.txt.xz: cannot be decompressed" in error


def test_unknown_label_in_evaluate(squeezebert: Program, model: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "text,label\ngood,positive\nbad,negativ\n")
    error = squeezebert("evaluate", path, "--model", model).error
    assert "in.csv:3: unknown label 'negativ' (nearest: 'negative')" in error


def test_question_longer_than_any_window(squeezebert: Program, models: dict[str, str]) -> None:
    run = squeezebert(
        "predict", "--task", "question-answering", "--model", models["question-answering"],
        "--question", "who lives " * 400, "ada lives in london",
    )  # fmt: skip
    assert "text 1: the question has 800 tokens, more than a window of" in run.error


def test_texts_without_labels_to_choose_from(squeezebert: Program, models: dict[str, str]) -> None:
    task = "zero-shot-classification"
    run = squeezebert("predict", "--task", task, "--model", models[task], "ada lives in london")
    assert "text 1: has no labels to choose from; give candidate_labels (--labels A,B)" in run.error


def test_texts_without_a_question(squeezebert: Program, models: dict[str, str]) -> None:
    model = models["question-answering"]
    run = squeezebert("predict", "--task", "question-answering", "--model", model, "ada lives in london")
    assert "needs --question TEXT" in run.error


# What is wrong with a model.


def test_truncated_safetensors(squeezebert: Program, model: Path) -> None:
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    for command in (["predict", "good", "--model", model], ["info", model]):
        assert f"{weights}: is damaged" in squeezebert(*command).error


def test_weights_of_a_wrong_shape(squeezebert: Program, model: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(model / "model.safetensors")
    weights["classifier.weight"] = weights["classifier.weight"][:, :-1].copy()
    save_file(weights, model / "model.safetensors")
    error = squeezebert("predict", "good", "--model", model).error
    assert f"{model}: does not fit the model: wrong shape classifier.weight [2, 7] instead of [2, 8]" in error


class Attack:
    """An object whose unpickling makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def save_zip(attack: Attack, path: Path) -> None:
    torch.save({"classifier.weight": attack}, path)


def save_old_format(attack: Attack, path: Path) -> None:
    torch.save({"classifier.weight": attack}, path, _use_new_zipfile_serialization=False)


def save_bare_pickle(attack: Attack, path: Path) -> None:
    path.write_bytes(pickle.dumps({"classifier.weight": attack}))


@pytest.mark.parametrize(
    ("save", "message"),
    [
        (save_zip, "asks to run posix.mkdir on loading; only tensors are read, so nothing was run"),
        (save_old_format, "asks to run posix.mkdir on loading; only tensors are read, so nothing was run"),
        (save_bare_pickle, "is damaged or not a PyTorch checkpoint"),
    ],
)
def test_pickle_that_runs_code(
    squeezebert: Program, model: Path, tmp_path: Path, save: Callable[[Attack, Path], None], message: str
) -> None:
    target = tmp_path / "made"
    weights = model / "pytorch_model.bin"
    save(Attack(target), weights)
    (model / "model.safetensors").unlink()
    for command in (["predict", "good", "--model", model], ["info", model]):
        assert squeezebert(*command).error == f"{weights}: {message}"
    assert not target.exists()
    # The attack itself works where pickles are trusted.
    if save is not save_bare_pickle:
        torch.load(weights, weights_only=False)
    else:
        pickle.loads(weights.read_bytes())
    assert target.exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_size": 9, "embedding_size": 9}, "hidden_size 9 is not divisible by num_attention_heads 2"),
        ({"q_groups": 3}, "hidden_size 8 is not divisible by q_groups 3"),
        ({"num_hidden_layers": -1}, "num_hidden_layers -1 is not positive"),
        ({"vocab_size": "many"}, "vocab_size 'many' is not an integer"),
        ({"id2label": {"0": "a", "2": "b"}, "label2id": None}, "id2label has the indices [0, 2]"),
        ({"model_type": "gpt2"}, "model_type 'gpt2' is not supported"),
    ],
)
def test_config_with_impossible_values(
    squeezebert: Program, model: Path, values: dict[str, Any], message: str
) -> None:
    change_config(model, **values)
    error = squeezebert("predict", "good", "--model", model).error
    assert error.startswith(f"{model / 'config.json'}: {message}")


def test_config_of_impossible_size_is_refused_without_taking_the_memory(
    squeezebert: Program, model: Path
) -> None:
    """A vocabulary of ten thousand billion pieces would take 320 terabytes."""
    change_config(model, vocab_size=10**13)
    error = squeezebert("predict", "good", "--model", model).error
    assert "word_embeddings.weight" in error


def test_model_of_another_task(squeezebert: Program, models: dict[str, str]) -> None:
    error = squeezebert(
        "predict", "good", "--task", "text-classification", "--model", models["fill-mask"]
    ).error
    assert "SqueezeBertForMaskedLM" in error


def test_model_without_vocabulary(squeezebert: Program, model: Path) -> None:
    (model / "vocab.txt").unlink()
    (model / "tokenizer.json").unlink()
    assert "vocab.txt" in squeezebert("predict", "good", "--model", model).error


def test_unknown_model(squeezebert: Program, tmp_path: Path) -> None:
    for command in (["predict", "good", "--model"], ["info"]):
        assert squeezebert(*command, tmp_path / "none").error == f"{tmp_path / 'none'}: no such folder"


def test_hub_name_when_offline(tmp_path: Path) -> None:
    """In a process of its own: the hub client reads the variable when it is imported."""
    run = subprocess.run(
        [sys.executable, "-m", "squeezebert", "info", "nobody/nothing"],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        "squeezebert: error: nobody/nothing: no such folder, not in the local cache, and offline mode is on; "
        "download it once while online, or give a folder\n"
    )


# What is wrong with the options.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "x", "--task", "token-clasification"], "no task 'token-clasification'"),
        (["predict", "x", "--backend", "abacus"], "no backend 'abacus'"),
        (["predict", "x", "--precision", "int3"], "precision 'int3' is not one of int8, fp32"),
        (["predict", "x", "--top-k", "0"], "--top-k 0 is less than 1"),
        (["predict", "x", "--top-k", "many"], "'many' is not a valid integer"),
        (
            ["predict", "x", "--targets", "y"],
            "say --task fill-mask",
        ),
        (
            ["predict", "x", "--task", "ner", "--aggregation", "all"],
            "--aggregation 'all' is not one of",
        ),
        (["predict", "x", "--aggregation", "max"], "--aggregation is no option of text-classification; say"),
        (["predict", "x", "--allow-no-answer"], "say --task question-answering"),
        (["predict", "x", "--top-k", "0"], "for all labels give a large one"),
        (["evaluate", "{tmp}/in.csv", "--pooling", "cls"], "--pooling is no option of text-classification"),
        (["predict", "x", "--multi-label"], "--multi-label is no option of text-classification; say"),
        (["predict", "x", "--task", "feature-extraction", "--pooling", "max"], "pooling 'max' is not one of"),
        (
            ["predict", "x", "--task", "zero-shot-classification", "--labels", "a,b"],
            "classifies negative, positive; zero-shot classification needs a label 'entailment'",
        ),
        (
            ["evaluate", "{tmp}/in.csv", "--task", "zero-shot-classification", "--dry-run"],
            "classifies negative, positive; zero-shot classification needs a label 'entailment'",
        ),
        (
            ["train", "{tmp}/in.csv", "--task", "zero-shot-classification", "--dry-run"],
            "no model is trained for",
        ),
        (["predict", "x", "--max-length", "9999"], "--max-length 9999 is not from"),
        (["predict", "x", "--stride", "-1"], "stride -1"),
        (["predict", "x", "--batch-tokens", "0"], "--batch-tokens 0 is not positive"),
        (["predict", "x", "--look-ahead", "0"], "--look-ahead 0 is not positive"),
        (["predict", "x", "--threads", "0"], "threads 0 is not positive"),
        (["predict", "x", "--input", "y.txt"], "give texts or --input, not both"),
        (["predict", "--format", "docx", "--input", "-"], "unknown format 'docx'"),
        (["predict", "--input", "{tmp}/in.docx"], "unknown extension '.docx'"),
        (["predict", "x", "--output", "{tmp}/none/out.jsonl"], "out.jsonl: cannot be written"),
        (["predict", "x", "--output", "{tmp}"], "is no name of a file; name a file to write"),
        (["predict", "x", "--output", ""], "the output: is no name of a file"),
        (
            ["predict", "--input", "{tmp}/in.csv", "--output", "{tmp}/./in.csv"],
            "is what would be read",
        ),
        (["predict", "--input", ""], "the name of the file to read is empty"),
        (["evaluate", ""], "the name of the file to read is empty"),
        (["predict", "x", "--format", "csv"], "--format csv is of files; give --input"),
        (
            ["predict", "--input", "{tmp}/in.csv", "--column", "text=a", "--column", "text=b"],
            "--column text is given twice, a and b; give one",
        ),
        (
            ["evaluate", "{tmp}/in.csv", "--output", "{tmp}/out.csv"],
            "results are JSON; end the name in .json",
        ),
        (["predict", "--top-k"], "(see squeezebert predict --help)"),
        (["benchmark", "--peers", ","], "--peers names nothing; leave it out for all"),
        (["benchmark", "--table", "-"], "- is no file; the standard output gets the table"),
        (["benchmark", "--cache", ""], "the name of the folder to write to is empty"),
        (["predict", "x", "--model", ""], "an empty name is no folder and no model"),
        (
            ["predict", "x", "--labels", "a,b"],
            "--labels is nothing that text-classification reads; say",
        ),
        (["predict", "x", "--choice", "a"], "say --task multiple-choice"),
        (["predict", "x", "--task", "ner", "--text-pair", "y"], "say --task text-classification"),
        (["predict", "--question", "x"], "say --task question-answering"),
        (["predict", "x", "--split", "test"], "--split test is of files; give --input"),
        (["predict", "--input", "{tmp}/in.csv", "--split", "test"], "is one file without splits"),
        (
            ["predict", "x", "--task", "question-answering", "--question", "a", "--context", "b"],
            "beside --question and --context no text is read",
        ),
        (["evaluate", "{tmp}/none.csv"], "no such file"),
        (["evaluate", "{tmp}"], "none named train, validation or test"),
        (["evaluate", "{tmp}/in.csv", "--limit", "0"], "--limit 0 is not positive"),
        (["evaluate", "{tmp}/in.csv", "--output", "{tmp}/none/out"], "there is no folder"),
        (["evaluate", "{tmp}/in.csv", "--output", "/proc/out"], "/proc/out: cannot be written"),
        (["evaluate", "{tmp}/in.csv", "--output", "{tmp}", "--dry-run"], "is no name of a file"),
        (["evaluate", "{tmp}/in.csv", "--model", ""], "an empty name is no folder and no model"),
        (["quantize", "{model}", ""], "the name of the folder to write to is empty"),
        (["quantize", "{model}", "{tmp}"], "is not empty and holds no model to replace; give a new folder"),
        (["predict", "good", "--threads", "30000"], "threads 30000 is more than 1024"),
        (["evaluate", "{tmp}/in.csv", "--split", "test"], "is one file without splits"),
        (["evaluate"], "Missing argument 'DATA'"),
        (["info", "{model}", "--tokens", "33"], "tokens 33 is not between 1 and 32"),
        (["predikt"], "No such command 'predikt'"),
        (["predict", "--verbos"], "No such option '--verbos'"),
    ],
)
def test_wrong_options(
    squeezebert: Program, model: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    write(tmp_path / "in.csv", "text,label\ngood,positive\n")
    write(tmp_path / "in.docx", "good")
    filled = [argument.format(tmp=tmp_path, model=model) for argument in arguments]
    if arguments[0] in ("predict", "evaluate") and "--model" not in arguments:
        filled += ["--model", str(model)]
    assert message in squeezebert(*filled).error


# How errors are told.


def test_verbose_and_the_debug_variable_show_the_traceback(
    squeezebert: Program, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = squeezebert("predict", "x", "--model", model, "--top-k", "0")
    assert "Traceback" not in quiet.err
    verbose = squeezebert("predict", "x", "--model", model, "--top-k", "0", "--verbose")
    assert (verbose.code, "Traceback" in verbose.err) == (2, True)
    monkeypatch.setenv("SQUEEZEBERT_DEBUG", "1")
    debugged = squeezebert("predict", "x", "--model", model, "--top-k", "0")
    assert (debugged.code, "Traceback" in debugged.err) == (2, True)


def test_interruption_is_one_line_and_130(
    squeezebert: Program, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("squeezebert.pipelines.pipeline", interrupt)
    run = squeezebert("predict", "x", "--model", model)
    assert run.code == 130
    assert run.err.strip() == "squeezebert: error: interrupted"


def test_a_reader_that_has_enough_is_no_error(models: dict[str, str], tmp_path: Path) -> None:
    """As `squeezebert predict … | head -1`: no traceback and nothing on stderr."""
    path = write(tmp_path / "in.txt", "the film is good\n" * 20000)
    command = [sys.executable, "-m", "squeezebert", "predict", "--model", models["text-classification"]]
    with subprocess.Popen(
        [*command, "--input", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1


def test_what_is_read_is_not_replaced(squeezebert, models, tmp_path):
    """A data set in a folder, and the files of the model, which would be lost."""
    rows = "text,label\ngood film,positive\nbad film,negative\n"
    data, model = tmp_path / "data", tmp_path / "model"
    data.mkdir()
    for split in ("train", "test"):
        (data / f"{split}.csv").write_text(rows)
    (tmp_path / "link.json").symlink_to(data / "test.csv")
    shutil.copytree(models["text-classification"], model)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    predict, evaluate = ("predict", "--input", data), ("evaluate", data)
    for command, output in (
        (predict, data / "test.csv"),
        (predict, model / "config.json"),
        (predict, model / "vocab.txt"),
        (evaluate, tmp_path / "link.json"),
        (evaluate, model / "config.json"),
    ):
        asked = (*command, "--split", "test", "--model", model, "--output", output)
        assert "is what would be read" in squeezebert(*asked).error
    with (data / "test.csv").open() as stdin:
        command = (sys.executable, "-m", "squeezebert", "predict", "-", "--model", model)
        code = subprocess.run([*command, "--output", stdin.name], stdin=stdin, capture_output=True).returncode
    assert code == 2
    assert {path: path.read_bytes() for path in before} == before
    other = (*predict, "--split", "test", "--model", model, "--output", data / "train.csv")
    assert squeezebert(*other).code == 0

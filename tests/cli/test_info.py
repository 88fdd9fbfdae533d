"""What `info` says of a checkpoint is what is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from squeezebert.checkpoints import read_checkpoint, write_checkpoint
from squeezebert.modeling import SqueezeBertForSequenceClassification
from tests.cli.conftest import HEADS, PIECES, Run, save_tiny_model

Program = Callable[..., Run]


def test_parameters_and_files_are_counted(squeezebert: Program, models: dict[str, str]) -> None:
    folder = Path(models["text-classification"])
    run = squeezebert("info", folder, "--json")
    assert run.code == 0, run.err
    got = json.loads(run.out)
    model = SqueezeBertForSequenceClassification.from_pretrained(folder)
    assert got["parameters"]["total"] == sum(p.numel() for p in model.parameters())
    assert got["parameters"]["classifier"] == 2 * 8 + 2
    assert list(got["parameters"]) == ["total", "embeddings", "blocks", "pooler", "classifier"]
    weights = folder / "model.safetensors"
    assert got["files"] == [{"path": str(weights), "bytes": weights.stat().st_size, "dtypes": ["float32"]}]
    assert got["config"]["id2label"] == {"0": "negative", "1": "positive"}
    assert got["tokenizer"] == {"pieces": len(PIECES), "do_lower_case": True, "model_max_length": 32}


def test_a_label_of_two_lines_stands_on_one(squeezebert: Program, tmp_path: Path) -> None:
    save_tiny_model(tmp_path, "text-classification", id2label={0: "bad\nfilm", 1: "good"})
    assert "0 bad film, 1 good" in squeezebert("info", tmp_path).out


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_sizes_are_those_of_the_written_files(
    squeezebert: Program, models: dict[str, str], tmp_path: Path, dtype: str
) -> None:
    """A file is as large as said, but for its header of names and shapes."""
    checkpoint = read_checkpoint(models["text-classification"])
    write_checkpoint(tmp_path, checkpoint.config, checkpoint.arrays, dtype=dtype)
    got = json.loads(squeezebert("info", tmp_path, "--json").out)
    content = (tmp_path / "model.safetensors").read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    assert got["bytes_as"][dtype] == len(content) - header
    assert dtype in got["files"][0]["dtypes"]
    # Only what is read is counted.
    (tmp_path / "optimizer.safetensors").write_bytes(b"damaged")
    assert json.loads(squeezebert("info", tmp_path, "--json").out)["files"] == got["files"]


def test_a_shared_base_is_counted_and_named(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    base = read_checkpoint(models["text-classification"])
    write_checkpoint(tmp_path, base.config, base.arrays)
    write_checkpoint(tmp_path / "child", base.config, base.arrays, base=tmp_path)
    got = json.loads(squeezebert("info", tmp_path / "child", "--json").out)
    assert [Path(file["path"]).parent for file in got["files"]] == [tmp_path / "child", tmp_path]
    assert got["parameters"]["total"] == sum(array.size for array in base.arrays.values())
    assert got["tokenizer"] is None


@pytest.mark.parametrize("task", HEADS)
def test_people_read_the_heads_and_labels(squeezebert: Program, models: dict[str, str], task: str) -> None:
    run = squeezebert("info", models[task])
    assert run.code == 0, run.err
    assert HEADS[task] in run.out
    assert "GFLOP" in run.out
    assert "uncased WordPiece" in run.out
    # Labels are shown where a head answers with them; a config has default ones always.
    assert ("0 negative, 1 positive" in run.out) == (task == "text-classification")
    assert ("labels" in run.out) == ("Classification" in HEADS[task] or task == "multiple-choice")


def test_operations_at_a_length(squeezebert: Program, tmp_path: Path) -> None:
    save_tiny_model(tmp_path, "text-classification", max_position_embeddings=99)
    got = {
        tokens: json.loads(squeezebert("info", tmp_path, "--tokens", tokens, "--json").out)["encoder_flops"]
        for tokens in (7, 14)
    }
    # Linear layers grow with the length, attention with its square.
    assert got[14]["output"] == 2 * got[7]["output"]
    assert got[14]["attention"] == 4 * got[7]["attention"]


def test_no_torch_is_needed_for_safetensors(models: dict[str, str]) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from squeezebert.cli import main; assert main(['info', sys.argv[1]]) == 0;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, models["fill-mask"]], check=True, capture_output=True)

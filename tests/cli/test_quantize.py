"""`quantize` writes what answers like the original, at a quarter of its size."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from squeezebert.checkpoints import read_checkpoint, read_stored, write_checkpoint
from squeezebert.checkpoints.quantized import dequantize, quantize
from squeezebert.modeling import SqueezeBertForTokenClassification
from squeezebert.tokenization import SqueezeBertTokenizerFast
from tests.cli.conftest import Run, save_tiny_model

Program = Callable[..., Run]


def assert_none_reads(squeezebert: Program, folder: Path, why: str) -> None:
    """What stores a checkpoint anew refuses one, and leaves nothing behind."""
    corpus, out = folder / "corpus.txt", folder / "out"
    corpus.write_text("ada lives in london")
    for command in (("quantize", folder, out), ("trim", folder, out, "--corpus", corpus)):
        assert f"{folder}: {why}" in squeezebert(*command).error
    assert not out.exists()


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_weights_become_int8_and_the_tokenizer_comes_along(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    source, output = Path(models["text-classification"]), tmp_path / "new" / "small"
    run = squeezebert("quantize", source, output, "--json")
    assert run.code == 0, run.err
    arrays = read_checkpoint(source).arrays
    for name, array in dequantize(quantize(arrays)).items():
        np.testing.assert_array_equal(read_checkpoint(output).arrays[name], array)
    stored = read_stored(output)
    assert {n for n, a in stored.arrays.items() if a.dtype == np.int8} == {
        n for n, a in arrays.items() if a.ndim > 1
    }
    assert stored.config.id2label == {0: "negative", 1: "positive"}
    assert stored.config.architectures == ("SqueezeBertForSequenceClassification",)
    before = content(source)
    tokenizer = set(before) - {"config.json", "model.safetensors"}
    assert {"vocab.txt", "tokenizer.json"} <= tokenizer
    assert {name: content(output)[name] for name in tokenizer} == {name: before[name] for name in tokenizer}
    got = json.loads(run.out)
    assert set(got["tokenizer_files"]) == tokenizer


def test_what_a_model_reads_at_once_comes_along(squeezebert: Program, tmp_path: Path) -> None:
    """Less than its base does, from which the vocabulary comes."""
    base = save_tiny_model(tmp_path / "base", "fill-mask")
    head = tmp_path / "head"
    SqueezeBertForTokenClassification.from_pretrained(base).save_pretrained(head, base=base)
    (head / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 23}), encoding="utf-8")
    assert squeezebert("quantize", head, tmp_path / "small").code == 0
    loaded, before = (
        SqueezeBertTokenizerFast.from_pretrained(folder) for folder in (tmp_path / "small", base)
    )
    assert (loaded.model_max_length, before.model_max_length) == (23, 32)
    assert loaded.get_vocab() == before.get_vocab()


def test_sizes_and_errors_are_those_of_the_files(squeezebert: Program, tmp_path: Path) -> None:
    """A model wide enough for its scales and header not to count: about a quarter of float32."""
    source = save_tiny_model(
        tmp_path / "source", "fill-mask", hidden_size=128, embedding_size=128, intermediate_size=256
    )
    got = json.loads(squeezebert("quantize", source, tmp_path / "small", "--json").out)
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (source, tmp_path / "small")]
    assert got["bytes_before"] == sizes[0]
    header = int.from_bytes((tmp_path / "small" / "model.safetensors").read_bytes()[:8], "little") + 8
    assert got["bytes_after"] == sizes[1] - header
    assert got["bytes_after"] < 0.29 * got["bytes_before"]

    arrays, small = read_checkpoint(source).arrays, read_checkpoint(tmp_path / "small").arrays
    name = "transformer.encoder.layers.0.attention.query.weight"
    error = np.linalg.norm(small[name] - arrays[name]) / np.linalg.norm(arrays[name])
    assert got["relative_error"]["attention.query"] == pytest.approx(error, rel=1e-5)
    assert 0.001 < error < 0.02
    assert {"embeddings.word_embeddings", "intermediate.conv1d", "pooler.dense"} <= set(got["relative_error"])


def test_the_error_shown_is_the_largest_of_all_layers(squeezebert: Program, tmp_path: Path) -> None:
    source = save_tiny_model(tmp_path / "source", "fill-mask", num_hidden_layers=3)
    arrays = read_checkpoint(source).arrays
    names = [f"transformer.encoder.layers.{layer}.attention.key.weight" for layer in range(3)]
    errors = []
    for name in names:
        restored = dequantize(quantize({"w": arrays[name]}))["w"]
        errors.append(np.linalg.norm(restored - arrays[name]) / np.linalg.norm(arrays[name]))
    assert max(errors) > 1.01 * min(errors)
    got = json.loads(squeezebert("quantize", source, tmp_path / "x", "--dry-run", "--json").out)
    assert got["relative_error"]["attention.key"] == pytest.approx(max(errors), rel=1e-5)


def test_what_is_in_int8_already_is_not_rounded_again(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    assert squeezebert("quantize", models["fill-mask"], tmp_path / "once").code == 0
    run = squeezebert("quantize", tmp_path / "once", tmp_path / "twice", "--json")
    assert set(json.loads(run.out)["relative_error"].values()) == {0.0}
    assert content(tmp_path / "twice") == content(tmp_path / "once")


def test_a_dry_run_writes_nothing(squeezebert: Program, models: dict[str, str], tmp_path: Path) -> None:
    run = squeezebert("quantize", models["fill-mask"], tmp_path / "out", "--dry-run")
    assert run.code == 0
    assert "bytes_after" in run.out
    assert not (tmp_path / "out").exists()


def test_the_tokenizer_of_a_model_that_is_replaced_goes(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    """Its vocabulary would be read before the tokenizer.json of the new one."""
    out = tmp_path / "out"
    assert squeezebert("quantize", models["text-classification"], out).code == 0
    (out / "vocab.txt").rename(out / "kept.txt")
    shutil.copy(out / "kept.txt", out / "vocab.txt")
    (out / "added_tokens.json").write_text('{"old": 99}')
    other = tmp_path / "other"
    shutil.copytree(models["text-classification"], other)
    SqueezeBertTokenizerFast.from_pretrained(other).save_pretrained(other)
    (other / "vocab.txt").unlink()
    assert (other / "tokenizer.json").exists()
    assert squeezebert("quantize", other, out).code == 0
    names = {path.name for path in out.iterdir()}
    assert {"tokenizer.json", "kept.txt"} <= names
    assert not names & {"vocab.txt", "added_tokens.json"}


def test_a_model_on_a_shared_base_becomes_whole(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    base = read_checkpoint(models["text-classification"])
    write_checkpoint(tmp_path, base.config, base.arrays)
    write_checkpoint(tmp_path / "child", base.config, base.arrays, base=tmp_path)
    assert squeezebert("quantize", tmp_path / "child", tmp_path / "small").code == 0
    assert "base_checkpoint" not in json.loads((tmp_path / "small" / "config.json").read_text())
    assert read_checkpoint(tmp_path / "small").arrays.keys() == base.arrays.keys()


@pytest.mark.parametrize("output", ["child", "child/../child", "."])
def test_what_is_read_is_not_overwritten(
    squeezebert: Program, models: dict[str, str], tmp_path: Path, output: str
) -> None:
    base = read_checkpoint(models["text-classification"])
    write_checkpoint(tmp_path, base.config, base.arrays)
    write_checkpoint(tmp_path / "child", base.config, base.arrays, base=tmp_path)
    before = content(tmp_path / "child")
    assert "is what would be read" in squeezebert("quantize", tmp_path / "child", tmp_path / output).error
    assert content(tmp_path / "child") == before


@pytest.mark.parametrize("linked", ["read", "written"])
def test_what_is_read_is_not_overwritten_through_a_link(
    squeezebert: Program, models: dict[str, str], tmp_path: Path, linked: str
) -> None:
    """As in the cache of the hub, where weights are links."""
    for name in ("one", "other"):
        shutil.copytree(models["text-classification"], tmp_path / name)
    (tmp_path / "other" / "model.safetensors").unlink()
    (tmp_path / "other" / "model.safetensors").symlink_to("../one/model.safetensors")
    before = content(tmp_path / "one")
    source, output = ("other", "one") if linked == "read" else ("one", "other")
    assert "is what would be read" in squeezebert("quantize", tmp_path / source, tmp_path / output).error
    assert content(tmp_path / "one") == before


@pytest.mark.parametrize("target", ["nowhere", "link"])
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_link_that_leads_nowhere_is_no_output(
    squeezebert: Program, models: dict[str, str], tmp_path: Path, target: str, more: tuple[str, ...]
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / target)
    run = squeezebert("quantize", models["text-classification"], tmp_path / "link", *more)
    assert "link: is a link that leads nowhere; give a folder to write to" in run.error


def test_output_embeddings_that_are_not_tied_are_refused(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    """The word embeddings would answer in their place, and nothing would say so."""
    checkpoint = read_checkpoint(models["fill-mask"])
    words = checkpoint.arrays["transformer.embeddings.word_embeddings.weight"]
    arrays = {**checkpoint.arrays, "cls.predictions.decoder.weight": words + 1}
    write_checkpoint(tmp_path, checkpoint.config, checkpoint.arrays)
    save_file(arrays, tmp_path / "model.safetensors")
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
    assert_none_reads(squeezebert, tmp_path, "its output embeddings are not tied to the word embeddings")


def test_tensors_that_no_network_has_are_refused(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    checkpoint = read_checkpoint(models["fill-mask"])
    write_checkpoint(tmp_path, checkpoint.config, {**checkpoint.arrays, "gate.weight": np.ones(3)})
    for file in ("vocab.txt", "tokenizer_config.json"):
        (tmp_path / file).write_bytes(Path(models["fill-mask"], file).read_bytes())
    assert_none_reads(squeezebert, tmp_path, "does not fit the model: unexpected gate.weight")


def test_what_cannot_be_read_or_written_is_named(
    squeezebert: Program, models: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert "no such folder" in squeezebert("quantize", tmp_path / "none", tmp_path / "out").error
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        for dry in ([], ["--dry-run"]):
            run = squeezebert("quantize", models["fill-mask"], place, *dry)
            assert f"{tmp_path / 'file'}: is a file; give a folder to write to" in run.error
    assert "Missing argument 'OUTPUT'" in squeezebert("quantize", models["fill-mask"]).error
    source = save_tiny_model(tmp_path / "source", "fill-mask")
    (source / "vocab.txt").write_bytes(b"\xff\xfe")
    assert "vocab.txt: is not UTF-8" in squeezebert("quantize", source, tmp_path / "out").error
    (source / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    run = squeezebert("quantize", source, tmp_path / "out", "--dry-run")
    assert "the tokenizer has 5 tokens and the model" in run.error
    (source / "tokenizer_config.json").write_text("[]")
    assert "tokenizer_config.json" in squeezebert("quantize", source, tmp_path / "out").error


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_errors_are_those_of_matrices_of_any_size(squeezebert: Program, tmp_path: Path, scale: float) -> None:
    """In float32 their squares are 0 or infinite: the error was 0.0 or NaN, which is no JSON."""
    source = save_tiny_model(tmp_path / "source", "fill-mask")
    checkpoint = read_checkpoint(source)
    name = "transformer.encoder.layers.0.attention.key.weight"
    shown = []
    for factor in (1.0, scale):
        arrays = {**checkpoint.arrays, name: checkpoint.arrays[name] * np.float32(factor)}
        for layer in range(1, checkpoint.config.num_hidden_layers):
            arrays[name.replace("0", str(layer))] = np.zeros_like(arrays[name])
        write_checkpoint(source, checkpoint.config, arrays)
        run = squeezebert("quantize", source, tmp_path / "x", "--dry-run", "--json")
        shown.append(json.loads(run.out)["relative_error"]["attention.key"])
    assert shown[1] == pytest.approx(shown[0], rel=1e-3)
    assert 0 < shown[0] < 0.1


@pytest.mark.parametrize("name", ["notes.txt", "config.json"])
def test_files_of_another_kind_are_left_alone(
    squeezebert: Program, models: dict[str, str], tmp_path: Path, name: str
) -> None:
    """A model may be replaced, and so may what a killed process has left of one."""
    (tmp_path / name).write_text('{"my": "settings"}')
    run = squeezebert("quantize", models["fill-mask"], tmp_path)
    assert run.code == 2
    assert "is not empty and holds no model to replace" in run.err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    (tmp_path / name).rename(tmp_path / "vocab.txt")
    (tmp_path / ".model.safetensors.0123456789ab.tmp").touch()
    for _ in range(2):
        assert squeezebert("quantize", models["fill-mask"], tmp_path).code == 0

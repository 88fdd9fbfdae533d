"""What is written is read back, whole, small, and never half-written."""

from __future__ import annotations

import errno
import json

import numpy as np
import pytest
from safetensors import safe_open

from squeezebert import files
from squeezebert.checkpoints import read_checkpoint, write_checkpoint, writer
from squeezebert.checkpoints.quantized import dequantize, quantize
from squeezebert.errors import CheckpointError, OptionError
from tests.checkpoints.fixtures import CONFIG, random_arrays


def stored(folder):
    with safe_open(folder / "model.safetensors", "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def listing(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("dtype", "restore"),
    [
        ("float32", lambda arrays: arrays),
        ("float16", lambda arrays: {n: a.astype(np.float16).astype(np.float32) for n, a in arrays.items()}),
        ("int8", lambda arrays: dequantize(quantize(arrays))),
    ],
)
def test_each_type_is_read_back_exactly(dtype, restore, tmp_path):
    arrays = random_arrays()
    folder = tmp_path / "new" / "folder"
    write_checkpoint(folder, CONFIG, arrays, dtype=dtype)
    checkpoint = read_checkpoint(folder)
    for name, array in restore(arrays).items():
        np.testing.assert_array_equal(checkpoint.arrays[name], array)
    assert checkpoint.arrays.keys() == arrays.keys()
    assert sorted(listing(folder)) == ["config.json", "model.safetensors"]
    assert checkpoint.config.replace(extra={}) == CONFIG
    assert checkpoint.config.extra.get("dtype") == (None if dtype == "int8" else dtype)


def test_matrices_and_only_they_are_int8(tmp_path):
    write_checkpoint(tmp_path, CONFIG, random_arrays(), dtype="int8")
    tensors, metadata = stored(tmp_path)
    assert metadata == {"quantization": "int8-rows"}
    for name, array in random_arrays().items():
        assert tensors[name].shape == array.shape
        kind = np.float32 if "norm" in name.lower() else np.float16
        assert tensors[name].dtype == (np.int8 if array.ndim > 1 else kind)


def test_transformers_refuses_int8_instead_of_taking_codes_for_weights(tmp_path):
    transformers = pytest.importorskip("transformers")
    write_checkpoint(tmp_path, CONFIG, random_arrays(), dtype="int8")
    with pytest.raises(ValueError, match="quantization config"):
        transformers.SqueezeBertModel.from_pretrained(tmp_path)


def test_unknown_keys_of_the_config_survive_and_outdated_ones_do_not(tmp_path):
    extra = {
        "note": [1, {"a": None}],
        "torch_dtype": "float16",
        "tie_word_embeddings": False,
        "base_checkpoint": "x",
    }
    write_checkpoint(tmp_path, CONFIG.replace(extra=extra), random_arrays())
    assert read_checkpoint(tmp_path).config.extra == {"note": [1, {"a": None}], "dtype": "float32"}


def test_weights_that_cannot_be_stored_are_named(tmp_path):
    arrays = random_arrays()
    arrays["classifier.bias"][1] = 70000
    write_checkpoint(tmp_path, CONFIG, arrays)
    before = listing(tmp_path)
    with pytest.raises(CheckpointError, match=r"as float16: classifier\.bias holds 1 values"):
        write_checkpoint(tmp_path, CONFIG, arrays, dtype="float16")
    arrays["classifier.bias"][1] = np.nan
    for dtype in writer.DTYPES:
        with pytest.raises(CheckpointError, match=r"classifier\.bias holds 1 values that are NaN"):
            write_checkpoint(tmp_path, CONFIG, arrays, dtype=dtype)
    assert listing(tmp_path) == before


def test_an_unknown_type_and_a_file_for_a_folder_are_errors(tmp_path):
    with pytest.raises(OptionError, match=r"dtype 'int4' is not one of float32, float16, int8"):
        write_checkpoint(tmp_path, CONFIG, random_arrays(), dtype="int4")
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="cannot be made"):
        write_checkpoint(tmp_path / "file", CONFIG, random_arrays())


def test_all_files_have_ordinary_permissions(tmp_path):
    (tmp_path / "plain").touch()
    write_checkpoint(tmp_path, CONFIG, random_arrays())
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1


def test_the_parts_of_a_model_that_is_replaced_go(tmp_path):
    """Its index would not be read any more, and its parts would be kept for nothing."""
    write_checkpoint(tmp_path, CONFIG, random_arrays())
    expected = listing(tmp_path)
    for name in ("model-00001-of-00002.safetensors", "model.safetensors.index.json", "pytorch_model.bin"):
        (tmp_path / name).write_bytes(b"x")
    write_checkpoint(tmp_path, CONFIG, random_arrays())
    assert {*listing(tmp_path)} - {*expected} == {"pytorch_model.bin"}


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_folder_in_place_of_a_file_leaves_nothing_half_written(name, tmp_path):
    (tmp_path / name).mkdir()
    with pytest.raises(OptionError, match=f"{name}: is a folder; it cannot be replaced by a file"):
        write_checkpoint(tmp_path, CONFIG, random_arrays())
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("stage", ["weights", "config", "card"])
def test_a_failure_midway_leaves_the_old_files_and_no_others(stage, tmp_path, monkeypatch):
    write_checkpoint(tmp_path, CONFIG, random_arrays(0), extra_files={"README.md": "old"})
    before = listing(tmp_path)
    extra_files = {"README.md": "new"}
    if stage == "weights":

        def fail(path, tensors, metadata):
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(writer, "write_safetensors", fail)
    elif stage == "config":
        monkeypatch.setattr(type(CONFIG), "to_dict", lambda self: {"a": object()})
    else:
        extra_files["CARD.md"] = "\ud800"
    with pytest.raises((OptionError, TypeError, UnicodeEncodeError)):
        write_checkpoint(tmp_path, CONFIG, random_arrays(1), extra_files=extra_files)
    assert listing(tmp_path) == before


def test_a_full_disk_leaves_no_empty_folder(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writer, "write_safetensors", full)
    with pytest.raises(OptionError, match="No space left on device"):
        write_checkpoint(tmp_path / "new", CONFIG, random_arrays())
    assert not (tmp_path / "new").exists()


def test_the_weights_are_renamed_last(tmp_path, monkeypatch):
    """So that a folder with new weights has its config and card."""
    order = []
    original = files.Path.replace
    monkeypatch.setattr(
        files.Path, "replace", lambda self, target: order.append(target.name) or original(self, target)
    )
    write_checkpoint(tmp_path, CONFIG, random_arrays(), extra_files={"README.md": "card\n"})
    assert order == ["README.md", "config.json", "model.safetensors"]
    assert (tmp_path / "README.md").read_text() == "card\n"


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_what_a_base_holds_is_left_out(dtype, tmp_path):
    arrays = random_arrays()
    base, head = tmp_path / "base", tmp_path / "base" / "head"
    write_checkpoint(base, CONFIG, arrays, dtype=dtype)
    # Of the exact arrays and of those that were loaded, the same ones are recognised.
    for source in (arrays, read_checkpoint(base).arrays):
        changed = {**source, **random_arrays(1, **{"classifier.weight": (2, 8), "qa_outputs.bias": (2,)})}
        write_checkpoint(head, CONFIG, changed, dtype=dtype, base=base)
        names = {name.removesuffix(".scale") for name in stored(head)[0]}
        assert names == {"classifier.weight", "qa_outputs.bias"}
        assert json.loads((head / "config.json").read_text())["base_checkpoint"] == ".."
        restored = read_checkpoint(head).arrays
        assert restored.keys() == changed.keys()
        step = {"float32": 0, "float16": 0.002, "int8": 0.02}[dtype]
        for name, array in changed.items():
            np.testing.assert_allclose(restored[name], array, atol=step)


def test_a_folder_that_equals_its_base_is_nearly_empty(tmp_path):
    write_checkpoint(tmp_path / "a", CONFIG, random_arrays())
    write_checkpoint(tmp_path / "b", CONFIG, random_arrays(), base=tmp_path / "a")
    assert stored(tmp_path / "b")[0] == {}
    assert read_checkpoint(tmp_path / "b").arrays.keys() == random_arrays().keys()
    assert json.loads((tmp_path / "b" / "config.json").read_text())["base_checkpoint"] == "../a"


def test_a_model_of_fewer_blocks_takes_those_of_its_base(tmp_path):
    """A head that reads the lower blocks alone may share them with a trunk of more."""
    arrays = random_arrays()
    write_checkpoint(tmp_path / "a", CONFIG, arrays)
    assert CONFIG.num_hidden_layers == 2
    lower = {name: array for name, array in arrays.items() if "layers.1." not in name}
    write_checkpoint(tmp_path / "b", CONFIG.replace(num_hidden_layers=1), lower, base=tmp_path / "a")
    assert stored(tmp_path / "b")[0] == {}
    restored = read_checkpoint(tmp_path / "b").arrays
    assert restored.keys() == lower.keys()
    for name, array in lower.items():
        np.testing.assert_array_equal(restored[name], array)


def test_a_base_must_be_another_folder(tmp_path):
    write_checkpoint(tmp_path, CONFIG, random_arrays())
    with pytest.raises(CheckpointError, match="its own base"):
        write_checkpoint(tmp_path, CONFIG, random_arrays(), base=tmp_path)
    with pytest.raises(CheckpointError, match="is not a folder"):
        write_checkpoint(tmp_path, CONFIG, random_arrays(), base="owner/name")


def test_a_base_must_not_rest_on_what_is_written(tmp_path):
    """It would lose its weights to one that has them from it."""
    for name, base in (("first", None), ("second", "first"), ("third", "second")):
        write_checkpoint(tmp_path / name, CONFIG, random_arrays(), base=base and tmp_path / base)
    before = listing(tmp_path / "first")
    with pytest.raises(
        CheckpointError, match=r"first: a checkpoint cannot be its own base, and .*third rests"
    ):
        write_checkpoint(tmp_path / "first", CONFIG, random_arrays(), base=tmp_path / "third")
    assert listing(tmp_path / "first") == before


def test_arrays_of_any_memory_order_are_written_right(tmp_path):
    arrays = {"classifier.weight": np.asfortranarray(np.arange(16, dtype=np.float32).reshape(2, 8))}
    for dtype in writer.DTYPES:
        write_checkpoint(tmp_path, CONFIG, arrays, dtype=dtype)
        restored = read_checkpoint(tmp_path).arrays["classifier.weight"]
        np.testing.assert_allclose(restored, arrays["classifier.weight"], atol=0.07)

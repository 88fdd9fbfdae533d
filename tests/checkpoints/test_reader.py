"""Every form of a checkpoint is read, and every broken one is told in one line."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save, save_file

from squeezebert.checkpoints import read_checkpoint
from squeezebert.errors import CheckpointError, ConfigError, MissingExtraError, SqueezeBertError
from tests.checkpoints.fixtures import CONFIG, random_arrays, save_folder


def assert_arrays_equal(mine, expected):
    assert sorted(mine) == sorted(expected)
    for name, array in expected.items():
        assert mine[name].dtype == np.float32, name
        np.testing.assert_array_equal(mine[name], array, err_msg=name)


def one_line(caught, *parts):
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message


def test_float32_is_read_as_it_is(tmp_path):
    arrays = random_arrays()
    checkpoint = read_checkpoint(save_folder(tmp_path, arrays))
    assert_arrays_equal(checkpoint.arrays, arrays)
    assert checkpoint.config == CONFIG
    assert checkpoint.folder == tmp_path


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_float_types_become_float32_and_integers_are_left_out(dtype, tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    tensors = {k: torch.from_numpy(v).to(getattr(torch, dtype)) for k, v in random_arrays().items()}
    expected = {name: tensor.float().numpy() for name, tensor in tensors.items()}
    tensors["transformer.embeddings.position_ids"] = torch.arange(7)[None]
    save_folder(tmp_path, random_arrays())
    save_torch(tensors, tmp_path / "model.safetensors")
    assert_arrays_equal(read_checkpoint(tmp_path).arrays, expected)
    (tmp_path / "model.safetensors").unlink()
    for old_format in (False, True):
        torch.save(tensors, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=not old_format)
        assert_arrays_equal(read_checkpoint(tmp_path).arrays, expected)


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_shards_are_joined(suffix, tmp_path):
    torch = pytest.importorskip("torch")
    arrays = random_arrays()
    save_folder(tmp_path, {}).joinpath("model.safetensors").unlink()
    stem = "model" if suffix == "safetensors" else "pytorch_model"
    weight_map = {}
    for i, names in enumerate((list(arrays)[:3], list(arrays)[3:])):
        shard = f"{stem}-0000{i + 1}-of-00002.{suffix}"
        weight_map |= dict.fromkeys(names, shard)
        part = {name: arrays[name] for name in names}
        if suffix == "bin":
            torch.save({k: torch.from_numpy(v) for k, v in part.items()}, tmp_path / shard)
        else:
            save_file(part, tmp_path / shard)
    index = tmp_path / f"{stem}.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    assert_arrays_equal(read_checkpoint(tmp_path).arrays, arrays)
    (tmp_path / f"{stem}-00002-of-00002.{suffix}").unlink()
    with pytest.raises(CheckpointError, match=r"00002-of-00002.* is missing"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        '{"weight_map": []}',
        '{"weight_map": {"a": "../x"}}',
        '{"weight_map": {"a": "/etc/passwd"}}',
        '{"weight_map": {"a": 1}}',
        '{"weight_map": {"a": []}}',
        '{"weight_map": {"a": "config.json"}}',
        '{"weight_map": {"a": "' + 300 * "x" + '.safetensors"}}',
        100_000 * "[",
    ],
)
def test_a_bad_index_is_an_error(content, tmp_path):
    save_folder(tmp_path, {}).joinpath("model.safetensors").unlink()
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(tmp_path)
    one_line(caught, "model.safetensors.index.json")


def test_a_folder_in_place_of_weights_is_called_one(tmp_path):
    save_folder(tmp_path, {}).joinpath("model.safetensors").unlink()
    (tmp_path / "model.safetensors").mkdir()
    with pytest.raises(CheckpointError, match=r"model\.safetensors: is a folder, and should be a file"):
        read_checkpoint(tmp_path)


def test_safetensors_comes_before_bin(tmp_path):
    arrays = random_arrays()
    save_folder(tmp_path, arrays)
    (tmp_path / "pytorch_model.bin").write_bytes(b"not read")
    assert_arrays_equal(read_checkpoint(tmp_path).arrays, arrays)


class RunsCode:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", ["zip", "old", "pickle"])
def test_a_pickle_that_runs_code_runs_nothing(form, tmp_path):
    torch = pytest.importorskip("torch")
    save_folder(tmp_path, {}).joinpath("model.safetensors").unlink()
    path, trace = tmp_path / "pytorch_model.bin", tmp_path / "was-run"
    payload = {"classifier.weight": RunsCode(trace)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(payload, protocol=2))
    else:
        torch.save(payload, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(tmp_path)
    one_line(caught, path, "asks to run", "mkdir", "nothing was run")
    assert not trace.exists()


@pytest.mark.parametrize("cut", [0, 1, 9, 18, 28, 51, 100, -1, -40])
@pytest.mark.parametrize("form", ["zip", "old"])
def test_a_damaged_bin_is_an_error(form, cut, tmp_path):
    torch = pytest.importorskip("torch")
    save_folder(tmp_path, {}).joinpath("model.safetensors").unlink()
    path = tmp_path / "pytorch_model.bin"
    state = {name: torch.from_numpy(array) for name, array in random_arrays().items()}
    torch.save(state, path, _use_new_zipfile_serialization=form == "zip")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(tmp_path)
    one_line(caught, path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ([1, 2], "holds a list"),
        ({"a": [1.0]}, "entry 'a' is a list"),
        ({"a": {"b": 1}}, "entry 'a' is a dict"),
    ],
)
def test_a_bin_that_is_no_state_dict_is_an_error(content, why, tmp_path):
    torch = pytest.importorskip("torch")
    save_folder(tmp_path, {}).joinpath("model.safetensors").unlink()
    torch.save(content, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=why):
        read_checkpoint(tmp_path)


def test_integer_weights_in_a_bin_are_an_error(tmp_path):
    torch = pytest.importorskip("torch")
    save_folder(tmp_path, {}).joinpath("model.safetensors").unlink()
    torch.save({"classifier.weight": torch.ones(2, 8, dtype=torch.int8)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"classifier.weight holds torch\.int8"):
        read_checkpoint(tmp_path)


def test_tensors_in_a_bin_that_are_no_plain_floats_are_an_error(tmp_path):
    """Those of 8 bits have scales beside them, without which they mean something else."""
    torch = pytest.importorskip("torch")
    save_folder(tmp_path, {}).joinpath("model.safetensors").unlink()
    plain = torch.ones(2, 8)
    for tensor in (plain.to_sparse(), plain.to(torch.float8_e4m3fn), plain.to("meta")):
        torch.save({"classifier.weight": tensor}, tmp_path / "pytorch_model.bin")
        with pytest.raises(CheckpointError, match=r"classifier.weight is a tensor of torch\.float"):
            read_checkpoint(tmp_path)
    torch.save({"classifier.weight": torch.zeros(1).expand(10**15)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model.bin: classifier.weight cannot be read"):
        read_checkpoint(tmp_path)


def test_a_bin_without_torch_names_the_extra(tmp_path, monkeypatch):
    save_folder(tmp_path, {}).joinpath("model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'squeezebert\[train\]'"):
        read_checkpoint(tmp_path)


def test_safetensors_are_read_without_torch(tmp_path):
    """In a fresh interpreter, for bfloat16 and int8 too; torch is never imported."""
    save_folder(tmp_path, {"w.weight": np.ones((2, 3), np.int8), "w.weight.scale": np.ones(2, np.float32)})
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from squeezebert.checkpoints import read_checkpoint\n"
        f"print(read_checkpoint({str(tmp_path)!r}).arrays['w.weight'].sum())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "6.0\n"


INT8 = np.ones((2, 8), np.int8)


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ({"a.weight": np.ones((2, 8), np.int32)}, "a.weight holds I32, not floats"),
        ({"a.weight": INT8}, "a.weight holds int8 without a scale"),
        ({"a.weight": INT8, "a.weight.scale": np.ones(3, np.float32)}, "a.weight has 2 rows"),
        (
            {"a.weight": INT8, "a.weight.scale": np.array([1, np.nan], np.float32)},
            "a.weight has 1 scales that are NaN",
        ),
        (
            {"a.weight": INT8, "a.weight.scale": np.array([1, 3e36], np.float32)},
            "1 scales that are NaN, infinite or too",
        ),
        ({"a.weight": np.ones((2, 8), np.complex64)}, "a.weight has the type C64"),
        ({"a.bias": np.array([1, np.nan], np.float32)}, "a.bias holds 1 values that are NaN"),
        ({"a.bias": np.array([np.inf, -np.inf], np.float16)}, "a.bias holds 2 values"),
        ({"a.bias": np.array([1e300, 1])}, "a.bias holds 1 values"),
        ({"a.attention.smoothing": np.array([1, 1e-45], np.float32)}, "a.attention.smoothing is not a"),
        ({"a.attention.smoothing": np.array([1, 0], np.float32)}, "a.attention.smoothing is not a"),
        (
            {
                "a.attention.query.weight": INT8,
                "a.attention.query.weight.scale": np.array([1, 1e30], np.float32),
                "a.attention.smoothing": np.array(7 * [1] + [1e-30], np.float32),
            },
            "a.attention.smoothing makes values of a.attention.query.weight infinite",
        ),
    ],
)
def test_weights_of_no_use_are_named(tensors, why, tmp_path):
    save_folder(tmp_path, tensors)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(tmp_path)
    one_line(caught, tmp_path, why)


def test_another_quantisation_is_refused(tmp_path):
    save_folder(tmp_path, {"a.bias": np.ones(2, np.float32)}, {"quantization": "int4"})
    with pytest.raises(CheckpointError, match="quantised as 'int4'; only 'int8-rows' can be read"):
        read_checkpoint(tmp_path)


def test_more_axes_than_arrays_have_are_refused(tmp_path):
    entry = {"dtype": "F32", "shape": [1] * 70, "data_offsets": [0, 4]}
    path = save_folder(tmp_path, {}) / "model.safetensors"
    path.write_bytes(header(json.dumps({"a.bias": entry}).encode(), b"1234"))
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(tmp_path)
    one_line(caught, path, "a.bias has 70 axes")


def header(text, data=b""):
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "content",
    [
        b"", b"short", b"\xff" * 100, header(b"not json"), header(b"[]"), header(b"{}")[:-1],
        header(b'{"a.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'),
        header(b'{"a.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', b"1234"),
        header(b'{"a.weight":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', b"1234"),
        header(b'{"a.weight":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}', b"1234"),
        header(b'{"a.weight":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,4]}}', b"1234"),
        header(b'{"a.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', b"1234567"),
        header(b'{"__metadata__":{"format":1}}'),
    ],
)  # fmt: skip
def test_damaged_safetensors_are_an_error(content, tmp_path):
    path = save_folder(tmp_path, {}) / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged or not a safetensors file") as caught:
        read_checkpoint(tmp_path)
    one_line(caught, path)


def test_a_git_lfs_pointer_is_recognised(tmp_path):
    path = save_folder(tmp_path, {}) / "model.safetensors"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(CheckpointError, match="git lfs pull"):
        read_checkpoint(tmp_path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_mutated_safetensors_are_read_or_refused_never_worse(tmp_path, data):
    good = save(random_arrays())
    kind = data.draw(st.sampled_from(["cut", "flip", "splice"]))
    at = data.draw(st.integers(0, len(good) - 1))
    if kind == "cut":
        bad = good[:at]
    elif kind == "flip":
        bad = good[:at] + bytes([good[at] ^ (1 << data.draw(st.integers(0, 7)))]) + good[at + 1 :]
    else:
        bad = good[:at] + data.draw(st.binary(max_size=20)) + good[at:]
    (save_folder(tmp_path, {}) / "model.safetensors").write_bytes(bad)
    try:
        arrays, message = read_checkpoint(tmp_path).arrays, ""
    except SqueezeBertError as error:
        arrays, message = {}, str(error)
    assert "\n" not in message
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays.values())


def test_a_folder_without_the_files_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match=r"is not a checkpoint: it has no config\.json"):
        read_checkpoint(tmp_path)
    save_folder(tmp_path, {}).joinpath("model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"holds neither model\.safetensors nor pytorch_model\.bin"):
        read_checkpoint(tmp_path)
    save_folder(tmp_path, {}).joinpath("config.json").unlink()
    with pytest.raises(ConfigError, match=r"config\.json: cannot be read"):
        read_checkpoint(tmp_path)


def test_a_base_fills_what_the_folder_lacks(tmp_path):
    arrays, own = random_arrays(), random_arrays(1, **{"classifier.weight": (3, 8)})
    save_folder(tmp_path, arrays)
    save_folder(tmp_path / "head", own, base_checkpoint="..")
    save_folder(tmp_path / "head" / "again", {}, base_checkpoint="..")
    for folder in ("head", "head/again"):
        checkpoint = read_checkpoint(tmp_path / folder)
        assert_arrays_equal(checkpoint.arrays, {**arrays, **own})
        assert "base_checkpoint" not in checkpoint.config.extra
        assert checkpoint.folder == tmp_path / folder


@pytest.mark.parametrize(
    ("base", "why"),
    [
        (".", "leads back"),
        ("../head", "leads back"),
        ("/etc", "is not a path relative"),
        (7, "is not a path relative"),
        ("nowhere", "is not a folder"),
        ("config.json", "is not a folder"),
        ("a\0b", "is not a folder"),
        (300 * "x", "is not a folder"),
    ],
)
def test_a_bad_base_is_an_error(base, why, tmp_path):
    folder = save_folder(tmp_path / "head", random_arrays(), base_checkpoint=base)
    with pytest.raises(CheckpointError, match=why) as caught:
        read_checkpoint(folder)
    one_line(caught, "base_checkpoint", folder)


def test_bases_that_go_in_a_circle_are_an_error(tmp_path):
    for name, base in (("a", "../b"), ("b", "../c"), ("c", "../a")):
        save_folder(tmp_path / name, random_arrays(), base_checkpoint=base)
    with pytest.raises(CheckpointError, match="leads back"):
        read_checkpoint(tmp_path / "a")

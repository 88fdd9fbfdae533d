"""Arrays as their file holds them: in place where they can be, told apart from float32, never mismatched."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from squeezebert.checkpoints import read_checkpoint, read_stored, write_checkpoint
from squeezebert.checkpoints.quantized import quantize
from squeezebert.errors import CheckpointError
from tests.checkpoints.fixtures import CONFIG, random_arrays, save_folder

SHARED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CODES = "transformer.encoder.layers.0.attention.query.weight"


def assert_stored(mine, expected):
    assert sorted(mine) == sorted(expected)
    for name, array in expected.items():
        assert mine[name].dtype == array.dtype, name
        np.testing.assert_array_equal(mine[name], array, err_msg=name)


def test_codes_and_scales_are_what_was_written(tmp_path):
    arrays = random_arrays()
    write_checkpoint(tmp_path, CONFIG, arrays, dtype="int8")
    assert_stored(read_stored(tmp_path).arrays, quantize(arrays))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_floats_keep_their_type(dtype, tmp_path):
    write_checkpoint(tmp_path, CONFIG, random_arrays(), dtype=dtype)
    expected = {name: array.astype(dtype) for name, array in random_arrays().items()}
    assert_stored(read_stored(tmp_path).arrays, expected)


def test_nothing_is_read_before_it_is_looked_at(tmp_path):
    """A fresh process grows by the scales alone, not by 64 MB of codes, and can give them back."""
    tensors = {"w.weight": np.ones((1000, 64000), np.int8), "w.weight.scale": np.ones(1000, np.float32)}
    save_folder(tmp_path, tensors)
    code = (
        "import os\n"
        "from pathlib import Path\n"
        "from squeezebert.checkpoints import read_stored\n"
        "from squeezebert.checkpoints.safetensors_file import release_pages\n"
        "def resident():\n"
        "    pages = int(Path('/proc/self/statm').read_text().split()[1])\n"
        "    return pages * os.sysconf('SC_PAGE_SIZE')\n"
        "before = resident()\n"
        f"stored = read_stored({str(tmp_path)!r})\n"
        "read = resident() - before\n"
        "stored.arrays['w.weight'].sum()\n"
        "summed = resident() - before\n"
        "release_pages(stored.arrays.values())\n"
        "print(read, summed, resident() - before, stored.arrays['w.weight'][-1].sum())\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before_use, after_use, released, row = map(int, run.stdout.split())
    assert before_use < 8e6 < 60e6 < after_use
    assert released < 8e6
    assert row == 64000


def test_what_is_mapped_is_read_only_and_survives_the_replacement_of_its_file(tmp_path):
    write_checkpoint(tmp_path, CONFIG, random_arrays(0), dtype="int8")
    stored = read_stored(tmp_path).arrays
    assert not stored[CODES].flags.writeable
    write_checkpoint(tmp_path, CONFIG, random_arrays(1), dtype="int8")
    assert_stored(stored, quantize(random_arrays(0)))
    (tmp_path / "model.safetensors").unlink()
    assert_stored(stored, quantize(random_arrays(0)))


def test_a_checkpoint_has_arrays_of_its_own(tmp_path):
    for dtype in ("float32", "float16", "int8"):
        write_checkpoint(tmp_path, CONFIG, random_arrays(), dtype=dtype)
        assert all(array.flags.writeable for array in read_checkpoint(tmp_path).arrays.values())


@pytest.mark.parametrize("shift", range(1, 8))
def test_misaligned_tensors_are_copied(shift, tmp_path):
    """The format aligns the start of the data only."""
    expected = {"a.weight": random_arrays()["classifier.weight"], "a.bias": np.float16([1, 2, 3])}
    folder = save_folder(tmp_path, {})
    parts = {"pad": np.zeros(shift, np.int8), **expected}
    header, offset, data = {}, 0, b""
    kinds = {"int8": "I8", "float32": "F32", "float16": "F16"}
    for name, array in parts.items():
        end = offset + array.nbytes
        header[name] = {
            "dtype": kinds[array.dtype.name], "shape": list(array.shape), "data_offsets": [offset, end]
        }  # fmt: skip
        offset, data = end, data + array.tobytes()
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    stored = read_stored(folder).arrays
    assert_stored(stored, expected)
    assert all(array.flags.aligned for array in stored.values())


def test_scales_go_by_the_names_of_their_codes(tmp_path):
    foreign = {
        "bert.encoder.layer.1.attention.self.query.weight": (8, 8),
        "bert.embeddings.LayerNorm.gamma": (8,),
        "cls.predictions.decoder.weight": (13, 8),
    }
    save_folder(tmp_path, quantize(random_arrays(0, **foreign)))
    expected = quantize(random_arrays(0, **foreign))
    stored = read_stored(tmp_path).arrays
    name = "transformer.encoder.layers.1.attention.query.weight"
    words = "transformer.embeddings.word_embeddings.weight"
    assert sorted(stored) == sorted(
        ["transformer.embeddings.LayerNorm.weight", name, name + ".scale", words, words + ".scale"]
    )
    assert stored[name].shape == (8, 8, 1)
    np.testing.assert_array_equal(stored[words + ".scale"], expected["cls.predictions.decoder.weight.scale"])


@pytest.mark.parametrize("tied", [True, False])
def test_copies_of_tied_codes_are_dropped_with_their_scales(tied, tmp_path):
    """Untied, the same codes with other scales are another matrix."""
    words, decoder = "transformer.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"
    one = quantize(random_arrays(0, **{words: (13, 8)}))
    other = {decoder: one[words], decoder + ".scale": 2 * one[words + ".scale"]}
    save_folder(tmp_path, {**one, **other}, tie_word_embeddings=tied)
    assert_stored(read_stored(tmp_path).arrays, one if tied else {**one, **other})


@pytest.mark.parametrize("own", ["float32", "int8"])
@pytest.mark.parametrize("base", ["float32", "int8"])
def test_a_tensor_never_gets_the_scales_of_another(base, own, tmp_path):
    write_checkpoint(tmp_path, CONFIG, random_arrays(0), dtype=base)
    head = tmp_path / "head"
    write_checkpoint(head, CONFIG, random_arrays(1), dtype=own, base=tmp_path)
    stored = read_stored(head).arrays
    assert (CODES + ".scale" in stored) == (own == "int8")
    step = 0.02 if own == "int8" else 0
    np.testing.assert_allclose(read_checkpoint(head).arrays[CODES], random_arrays(1)[CODES], atol=step)


def test_scales_may_lie_in_another_shard(tmp_path):
    folder = save_folder(tmp_path, {})
    (folder / "model.safetensors").unlink()
    stored, files = quantize(random_arrays()), ("a.safetensors", "b.safetensors")
    weight_map = {name: files[name.endswith(".scale")] for name in stored}
    for file in files:
        (folder / file).write_bytes(save({n: a for n, a in stored.items() if weight_map[n] == file}))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert_stored(read_stored(folder).arrays, stored)


def test_empty_tensors_and_scalars_pass(tmp_path):
    expected = {"a.weight": np.zeros((0, 3), np.float32), "b.bias": np.array(3, np.float32)}
    save_folder(tmp_path, expected)
    assert_stored(read_stored(tmp_path).arrays, expected)


# Header fields, each replaced by anything that JSON can say.

INTEGERS = st.sampled_from(
    [0, 1, 3, 4, 7, 8, 15, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, 2**64 + 8, -1]
)
JSON = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
FIELDS = {
    "dtype": st.sampled_from(["F64", "F32", "F16", "BF16", "I64", "I8", "BOOL", "C64", "F8_E4M3", "", "f32"])
    | JSON,
    "shape": st.lists(INTEGERS, max_size=4) | JSON,
    "data_offsets": st.lists(INTEGERS, min_size=2, max_size=2) | JSON,
}


def outcome(folder):
    """The arrays, or the one line of the error."""
    try:
        return read_stored(folder).arrays
    except CheckpointError as error:
        message = str(error)
    assert "\n" not in message
    return message


def accepted(content):
    """Whether the library, asked in another way than the package asks it, takes the file."""
    try:
        deserialize(content)
    except SafetensorError:
        return False
    return True


def headed(text, data):
    return len(text).to_bytes(8, "little") + text + data


@settings(SHARED, max_examples=200)
@given(data=st.data())
def test_any_header_field_is_checked(tmp_path, data):
    good = save(random_arrays(0, **{"a.weight": (3, 2), "a.bias": (2,), "b.weight": (2, 1)}))
    length = int.from_bytes(good[:8], "little")
    header = json.loads(good[8 : 8 + length])
    name = data.draw(st.sampled_from(sorted(header)))
    field = data.draw(st.sampled_from([*FIELDS, "entry", "name", "metadata"]))
    if field == "entry":
        header[name] = data.draw(JSON)
    elif field == "name":
        header[data.draw(st.sampled_from(["", "__metadata__", "b.weight", "é\u0000"]))] = header.pop(name)
    elif field == "metadata":
        header["__metadata__"] = data.draw(JSON)
    else:
        header[name][field] = data.draw(FIELDS[field])
    content = headed(json.dumps(header).encode(), good[8 + length :])
    (save_folder(tmp_path, {}) / "model.safetensors").write_bytes(content)
    found = outcome(tmp_path)
    assert isinstance(found, str) or accepted(content)


@settings(SHARED, max_examples=50)
@given(length=INTEGERS.filter(lambda n: 0 <= n < 2**64) | st.integers(0, 400))
def test_any_header_length_is_checked(tmp_path, length):
    good = save(random_arrays())
    (save_folder(tmp_path, {}) / "model.safetensors").write_bytes(length.to_bytes(8, "little") + good[8:])
    found = outcome(tmp_path)
    assert isinstance(found, str) or length == int.from_bytes(good[:8], "little")


def test_names_that_occur_twice_are_read_once_or_refused(tmp_path):
    entry = b'{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}'
    text = b'{"a.bias":' + entry % (0, 4) + b',"a.bias":' + entry % (4, 8) + b"}"
    (save_folder(tmp_path, {}) / "model.safetensors").write_bytes(headed(text, b"\0\0\0\0\0\0\x80\x3f"))
    assert isinstance(outcome(tmp_path), str)

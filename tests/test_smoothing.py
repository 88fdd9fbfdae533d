"""Channels that stand out are smoothed: int8 comes closer to float32, and nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from squeezebert.checkpoints import Checkpoint, read_checkpoint, read_stored, write_checkpoint, write_stored
from squeezebert.checkpoints.arrays import Arrays
from squeezebert.checkpoints.quantized import dequantize, quantize, smoothing_of
from squeezebert.config import SqueezeBertConfig
from squeezebert.engine import Engine, instruction_sets
from squeezebert.engine.backend import BASE
from squeezebert.engine.packing import PackedBatch
from squeezebert.errors import CheckpointError, OptionError
from squeezebert.quantization import Quantization
from squeezebert.smoothing import _factors, measure_smoothing
from squeezebert.trimming import Selection, Trimming
from tests.engine.networks import (
    CLASSIFIER,
    GROUPS,
    POSITIONS,
    VOCABULARY,
    arrays_of,
    network_config,
    torch_network,
)

LARGE = (3, 77)
"""Channels that stand out, as some do in trained BERTs."""
ATTENTION = "transformer.encoder.layers.0.attention.smoothing"
QUERY, KEY = (f"transformer.encoder.layers.0.attention.{name}.weight" for name in ("query", "key"))


def outlying(groups: str = "published") -> tuple[SqueezeBertConfig, Any]:
    """A network in which the norms make two channels 24 times as large as the others."""
    config = network_config("usual", groups)
    model = torch_network(BASE, config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "ayer" in name and name.endswith(("layernorm.weight", "LayerNorm.weight")):
                parameter[list(LARGE)] *= 24
            if name.endswith(("query.weight", "key.weight", "value.weight", "intermediate.conv1d.weight")):
                # Weights have learnt to expect that.
                for channel in LARGE:
                    group, place = divmod(channel, parameter.shape[1])
                    rows = len(parameter) * parameter.shape[1] // config.hidden_size
                    parameter[group * rows : (group + 1) * rows, place] /= 24
    return config, model


def texts() -> list[list[int]]:
    generator = np.random.default_rng(3)
    return [generator.integers(0, VOCABULARY, length).tolist() for length in (1, 13, 64, 67)]


def hidden(
    config: SqueezeBertConfig, arrays: Any, precision: str = "int8", threads: int = 2
) -> list[np.ndarray]:
    states = Engine(config, arrays, BASE, precision=precision, threads=threads)(texts()).last_hidden_state
    assert isinstance(states, list)
    return states


def distance(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """Of the channels that do not stand out, which have the fewest codes."""
    first, second = (np.delete(np.concatenate(states), LARGE, axis=1) for states in (one, other))
    return float(np.linalg.norm(first - second) / np.linalg.norm(second))


@pytest.mark.parametrize("isa", instruction_sets())
@pytest.mark.parametrize("groups", GROUPS)
def test_int8_comes_closer_to_float32(groups: str, isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUEEZEBERT_ISA", isa)
    config, model = outlying(groups)
    arrays = arrays_of(model)
    expected = hidden(config, arrays, "fp32")
    smoothing = measure_smoothing(Checkpoint(config, arrays, Path()))
    assert len(smoothing) == 4
    plain = distance(hidden(config, quantize(arrays)), expected)
    smoothed = distance(hidden(config, quantize(arrays, smoothing)), expected)
    assert smoothed < plain / 4
    assert smoothed < 0.02


def test_factors_are_roots_of_what_channels_are_larger_and_powers_of_two() -> None:
    magnitudes = np.array([1.0, 1.0, 1.9, 4.1, 17.0, 1e9, 0.2, 0.0, 1.1], np.float32)
    assert _factors(magnitudes).tolist() == [1, 1, 1, 2, 4, 256, 0.5, 1 / 256, 1]
    assert _factors(np.zeros(5, np.float32)).tolist() == [1] * 5


def test_channels_that_are_alike_are_left_alone() -> None:
    config = network_config("usual")
    arrays = arrays_of(torch_network(BASE, config))
    for name, array in arrays.items():
        if "layernorm" in name.lower():
            array[:] = 1.0 if name.endswith("bias") else 0.0
    assert measure_smoothing(Checkpoint(config, arrays, Path())) == {}
    assert _factors(np.linspace(0.6, 1.5, 31, dtype=np.float32)).tolist() == [1] * 31


def test_magnitudes_are_those_of_torch() -> None:
    config, model = outlying("different")
    seen: dict[str, torch.Tensor] = {}

    def note(name: str) -> Any:
        return lambda _, inputs: seen.__setitem__(name, inputs[0].abs().amax(dim=(0, 1)))

    for name, module in model.named_modules():
        if name.endswith(("attention.query", "intermediate.conv1d")):
            module.register_forward_pre_hook(note(name))
    ids = np.arange(61, dtype=np.int32)
    with torch.inference_mode():
        model(torch.from_numpy(ids)[None].long())
    expected = torch.stack(list(seen.values())).reshape(2, 2, -1)
    batch = PackedBatch(ids, np.zeros_like(ids), np.array([0, 61], np.int32))
    for threads in (1, 2):
        engine = Engine(config, arrays_of(model), BASE, precision="fp32", threads=threads)
        found = engine.channel_magnitudes(batch)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        # Not those of calls before.
        less = PackedBatch(ids[:7], np.zeros(7, np.int32), np.array([0, 7], np.int32))
        embedded = engine.channel_magnitudes(less)[0, 0]
        assert (embedded <= found[0, 0]).all()
        assert (embedded < found[0, 0]).any()
    wrong = PackedBatch(ids + VOCABULARY, np.zeros_like(ids), np.array([0, 61], np.int32))
    with pytest.raises(OptionError, match="id 99 of token 0 is not in 0 to 98"):
        engine.channel_magnitudes(wrong)


@pytest.mark.parametrize("groups", GROUPS)
def test_smoothed_codes_say_what_their_floats_say(groups: str) -> None:
    config, model = outlying(groups)
    arrays = arrays_of(model)
    smoothing = measure_smoothing(Checkpoint(config, arrays, Path()))
    stored = quantize(arrays, smoothing)
    restored = dequantize(stored)
    assert set(restored) == set(arrays)
    np.testing.assert_allclose(
        np.concatenate(hidden(config, stored, "fp32")),
        np.concatenate(hidden(config, restored, "fp32")),
        atol=1e-6,
    )
    # What is not stored yet is smoothed when it becomes codes: the same ones.
    floats = {name: array for name, array in arrays.items() if smoothing_of(name)}
    mixed = {**stored, **floats}
    for name in floats:
        del mixed[f"{name}.scale"]
    for one, other in zip(hidden(config, stored), hidden(config, mixed), strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.integers(0, 9))
def test_the_error_is_at_most_half_a_step_of_what_was_smoothed(
    groups: int, outputs: int, inputs: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    weight = generator.normal(size=(groups * outputs, inputs, 1)).astype(np.float32)
    factors = np.exp2(generator.integers(-3, 4, groups * inputs)).astype(np.float32)
    stored = quantize({QUERY: weight}, {ATTENTION: factors})
    of_rows = np.repeat(factors.reshape(groups, inputs), outputs, axis=0)[..., None]
    error = np.abs(dequantize(stored)[QUERY] - weight) * of_rows
    step = np.abs(weight * of_rows).max(axis=(1, 2), keepdims=True) / 127
    assert (error <= 0.5001 * step).all()


def test_a_text_has_the_same_bits_alone_in_a_batch_and_for_any_threads() -> None:
    config, model = outlying()
    arrays = arrays_of(model)
    stored = quantize(arrays, measure_smoothing(Checkpoint(config, arrays, Path())))
    together = hidden(config, stored, threads=2)
    engine = Engine(config, stored, BASE, threads=1)
    for text, expected in zip(texts(), together, strict=True):
        np.testing.assert_array_equal(engine([text]).last_hidden_state[0], expected)


def test_a_quantised_folder_is_read_and_trimmed_with_its_smoothing(tmp_path: Path) -> None:
    source, small, trimmed = (tmp_path / name for name in ("source", "small", "trimmed"))
    _, model = outlying()
    model.save_pretrained(source)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{i}" for i in range(VOCABULARY - 5))]
    (source / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    quantization = Quantization.read(source, small)
    quantization.write()
    stored = read_stored(small).arrays
    assert {name for name in stored if name.endswith(".smoothing")} == set(quantization.smoothing)
    expected = dequantize(quantize(arrays_of(model), quantization.smoothing))
    for name, array in read_checkpoint(small).arrays.items():
        np.testing.assert_array_equal(array, expected[name])
    errors = dict(quantization.errors())
    assert errors["attention.query"] < 0.02
    assert quantization.bytes_after == sum(array.nbytes for array in stored.values())
    Trimming.read(small, trimmed, ["w3 w1"], Selection(characters=False)).write()
    for name in quantization.smoothing:
        np.testing.assert_array_equal(read_stored(trimmed).arrays[name], stored[name])


def heads_of(base: Path) -> tuple[SqueezeBertConfig, Arrays]:
    """A head on the network whose int8 form is in a folder, with another first query."""
    config, model = outlying()
    smoothing = measure_smoothing(Checkpoint(config, arrays_of(model), base))
    write_stored(base, config, quantize(arrays_of(model), smoothing))
    arrays = {**arrays_of(torch_network(CLASSIFIER, config)), **read_checkpoint(base).arrays}
    arrays[QUERY] = arrays[QUERY] + 0.1
    return config, arrays


def test_a_head_does_not_take_the_smoothing_of_its_base_for_its_own_codes(tmp_path: Path) -> None:
    config, arrays = heads_of(tmp_path / "base")
    write_checkpoint(tmp_path / "head", config, arrays, dtype="int8", base=tmp_path / "base")
    stored, expected = read_checkpoint(tmp_path / "head").arrays, dequantize(quantize(arrays))
    for name in (QUERY, KEY):
        np.testing.assert_array_equal(stored[name], expected[name])
    shared = read_stored(tmp_path / "base").arrays
    for name in set(shared) - set(read_stored(tmp_path / "head").arrays):
        assert name.endswith(".smoothing")


def test_part_of_what_is_smoothed_together_cannot_be_replaced(tmp_path: Path) -> None:
    config, arrays = heads_of(tmp_path / "base")
    only = {name: array for name, array in quantize(arrays).items() if name.removesuffix(".scale") == QUERY}
    write_stored(tmp_path / "head", config, only)
    place = tmp_path / "head" / "config.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "base_checkpoint": "../base"}))
    with pytest.raises(CheckpointError, match=r"head: lacks .*(key|value)\.weight, which its base smooths"):
        read_stored(tmp_path / "head")


@pytest.mark.parametrize("name", [f"{QUERY}.scale", smoothing_of(QUERY)])
def test_how_codes_of_the_base_are_read_cannot_be_replaced(name: str, tmp_path: Path) -> None:
    config, _ = heads_of(tmp_path / "base")
    only = {name: read_stored(tmp_path / "base").arrays[name], "classifier.bias": np.ones(2, np.float32)}
    write_stored(tmp_path / "head", config, only)
    place = tmp_path / "head" / "config.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "base_checkpoint": "../base"}))
    with pytest.raises(CheckpointError, match=r"head: lacks .*\.weight, of which it holds the scale or the"):
        read_stored(tmp_path / "head")


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (np.array([1.0, 0.0] * 64, np.float32), "is not a float32 vector of positive factors"),
        (np.full((2, 64), 2, np.float32), "is not a float32 vector of positive factors"),
        (np.full(128, 2, np.float16), "is not a float32 vector of positive factors"),
        (np.full(96, 2, np.float32), r"has 96 factors for .* of shape \[128, 32, 1\]"),
        (np.full(0, 2, np.float32), r"has 0 factors for"),
        (np.full(128, 2, np.int8), "holds int8 without a scale|is not a float32 vector of positive factors"),
        (np.full(128, np.nan, np.float32), "holds 128 values that are NaN or infinite|positive factors"),
    ],
)
def test_smoothing_that_does_not_fit_is_refused(factors: Any, message: str, tmp_path: Path) -> None:
    config, model = outlying()
    stored = {**quantize(arrays_of(model)), ATTENTION: factors}
    write_stored(tmp_path, config, stored)
    for read in (read_checkpoint, read_stored, Engine.from_pretrained):
        with pytest.raises(CheckpointError, match=f"{ATTENTION} {message}"):
            read(tmp_path)


def test_smoothing_of_a_block_that_is_not_there_is_refused() -> None:
    config, model = outlying()
    arrays = {
        **arrays_of(model),
        "transformer.encoder.layers.7.attention.smoothing": np.ones(128, np.float32),
    }
    with pytest.raises(CheckpointError, match=r"unexpected transformer.encoder.layers.7.attention.smoothing"):
        Engine(config, arrays, BASE)


def test_pieces_fit_into_a_model_that_reads_few_tokens() -> None:
    config, model = outlying()
    assert POSITIONS > 32
    arrays = arrays_of(model)
    name = "transformer.embeddings.position_embeddings.weight"
    short = config.replace(max_position_embeddings=5)
    assert measure_smoothing(Checkpoint(short, {**arrays, name: arrays[name][:5]}, Path()))

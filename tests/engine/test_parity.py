"""The engine computes what the torch model computes: every head, size and instruction set."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from squeezebert.checkpoints.quantized import dequantize, quantize
from squeezebert.config import GROUP_KEYS, SqueezeBertConfig
from squeezebert.engine import Engine, instruction_sets
from tests.engine.networks import (
    BASE,
    CLASSIFIER,
    HEADS,
    POSITIONS,
    arrays_of,
    assert_close,
    batch,
    cosine,
    network_config,
    pair,
    torch_network,
    torch_outputs,
)

ISAS = instruction_sets()


# fp32 against torch.


@pytest.mark.parametrize("sizes", ["odd", "usual"])
@pytest.mark.parametrize("head", HEADS)
def test_every_head_equals_torch(head: str, sizes: str) -> None:
    model, engine = pair(head, sizes)
    inputs = batch(head)
    assert_close(engine(**inputs), torch_outputs(model, inputs))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("sizes", ["odd", "usual"])
@pytest.mark.parametrize("groups", ["published", "bert", "different"])
def test_every_instruction_set_equals_torch(
    isa: str, sizes: str, groups: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUEEZEBERT_ISA", isa)
    config = network_config(sizes, groups)
    model = torch_network(BASE, config)
    engine = Engine(config, arrays_of(model), precision="fp32", threads=2)
    assert engine.isa == isa
    for rows, tokens in ((1, 1), (2, 5), (3, 67)):
        inputs = batch(BASE, rows=rows, tokens=tokens, seed=tokens)
        assert_close(engine(**inputs), torch_outputs(model, inputs))


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu"])
def test_every_activation_equals_torch(activation: str) -> None:
    config = network_config(hidden_act=activation, layer_norm_eps=1e-3)
    model = torch_network("SqueezeBertForMaskedLM", config)
    engine = Engine(config, arrays_of(model), "SqueezeBertForMaskedLM", precision="fp32")
    inputs = batch(BASE)
    assert_close(engine(**inputs), torch_outputs(model, inputs))


def test_long_texts_equal_torch() -> None:
    """512 tokens, beside short ones."""
    config = network_config("usual").replace(max_position_embeddings=512)
    model = torch_network(BASE, config)
    engine = Engine(config, arrays_of(model), precision="fp32", threads=2)
    inputs = batch(BASE, rows=3, tokens=512)
    inputs["attention_mask"] = (np.arange(512) < np.array([[512], [1], [319]])).astype(np.int64)
    assert_close(engine(**inputs), torch_outputs(model, inputs))


def divisors(number: int) -> st.SearchStrategy[int]:
    return st.sampled_from([d for d in range(1, number + 1) if number % d == 0])


@st.composite
def any_sizes(draw: st.DrawFn) -> SqueezeBertConfig:
    """Sizes that a config allows: any heads and groups that divide."""
    hidden, inner = draw(st.integers(1, 90)), draw(st.integers(1, 90))
    both = divisors(math.gcd(hidden, inner))
    return network_config(
        hidden_size=hidden,
        intermediate_size=inner,
        num_attention_heads=draw(divisors(hidden)),
        **{key: draw(both if key in ("intermediate_groups", "output_groups") else divisors(hidden))
           for key in GROUP_KEYS},
    )  # fmt: skip


@pytest.mark.parametrize("isa", ISAS)
def test_any_sizes_equal_torch(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUEEZEBERT_ISA", isa)

    @settings(deadline=None, max_examples=40)
    @given(config=any_sizes(), tokens=st.integers(1, POSITIONS))
    def check(config: SqueezeBertConfig, tokens: int) -> None:
        model = torch_network(BASE, config)
        inputs = batch(BASE, rows=2, tokens=tokens)
        expected = torch_outputs(model, inputs)
        assert_close(Engine(config, arrays_of(model), precision="fp32", threads=2)(**inputs), expected)
        int8 = Engine(config, arrays_of(model), threads=2)(**inputs)
        # Of very few channels, one that is off by a step turns the vector.
        if config.hidden_size >= 16 and config.intermediate_size >= 16:
            assert cosine(int8.last_hidden_state, expected["last_hidden_state"]) > 0.995

    check()


# int8 against torch.


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("sizes", ["odd", "usual"])
@pytest.mark.parametrize("groups", ["published", "bert", "different"])
def test_int8_is_close_to_torch(isa: str, sizes: str, groups: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUEEZEBERT_ISA", isa)
    config = network_config(sizes, groups)
    model = torch_network(BASE, config)
    engine = Engine(config, arrays_of(model), threads=2)
    inputs = batch(BASE, tokens=37)
    expected = torch_outputs(model, inputs)
    for name, values in engine(**inputs).items():
        assert cosine(values, expected[name]) > 0.999, name


@pytest.mark.parametrize("head", HEADS)
def test_int8_heads_are_close_to_torch(head: str) -> None:
    model, engine = pair(head, "usual", precision="int8")
    inputs = batch(head)
    expected = torch_outputs(model, inputs)
    for name, values in engine(**inputs).items():
        assert values.shape == expected[name].shape
        assert cosine(values, expected[name]) > 0.998, name


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_stored_codes_give_what_their_floats_give(precision: str) -> None:
    """In fp32 the codes are multiplied out; in int8 they are computed with as they are."""
    config = network_config("usual")
    stored = quantize(arrays_of(torch_network(CLASSIFIER, config)))
    from_codes = Engine(config, stored, CLASSIFIER, precision=precision)
    from_floats = Engine(config, dequantize(stored), CLASSIFIER, precision=precision)
    inputs = batch(CLASSIFIER)
    np.testing.assert_allclose(from_codes(**inputs).logits, from_floats(**inputs).logits, atol=1e-4)


def test_the_smallest_code_is_a_code_like_any_other() -> None:
    """-128, which this package never writes, but other programs may."""
    config = network_config("usual")
    stored = quantize(arrays_of(torch_network(CLASSIFIER, config)))
    for name, array in stored.items():
        if array.dtype == np.int8 and "embeddings" not in name:
            stored[name] = np.where(array < -100, np.int8(-128), array)
    model = torch_network(CLASSIFIER, config)
    restored = {name: torch.from_numpy(array) for name, array in dequantize(stored).items()}
    model.load_state_dict(restored)
    inputs = batch(CLASSIFIER)
    expected = torch_outputs(model, inputs)["logits"]
    engines = [Engine(config, stored, CLASSIFIER, precision=precision) for precision in ("fp32", "int8")]
    np.testing.assert_allclose(engines[0](**inputs).logits, expected, atol=1e-5)
    assert cosine(engines[1](**inputs).logits, expected) > 0.998


def test_half_precision_weights_are_read() -> None:
    config = network_config()
    arrays = {
        name: array.astype(np.float16) for name, array in arrays_of(torch_network(BASE, config)).items()
    }
    as_float = {name: array.astype(np.float32) for name, array in arrays.items()}
    one, other = (Engine(config, given, precision="fp32") for given in (arrays, as_float))
    inputs = batch(BASE)
    np.testing.assert_array_equal(one(**inputs).last_hidden_state, other(**inputs).last_hidden_state)

"""The engine computes what the torch model computes: every head, form of input and instruction set."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from squeezebert.checkpoints import read_stored, write_checkpoint
from squeezebert.checkpoints.quantized import dequantize, quantize
from squeezebert.config import GROUP_KEYS, SqueezeBertConfig
from squeezebert.engine import Engine, instruction_sets
from squeezebert.engine.packing import pack
from squeezebert.errors import CheckpointError, OptionError, SqueezeBertError
from squeezebert.modeling.backend import TorchBackend
from tests.engine.networks import (
    HEADS,
    LABELS,
    POSITIONS,
    SEGMENTS,
    VOCABULARY,
    arrays_of,
    network_config,
    pair,
    torch_network,
)  # fmt: skip

BASE, CLASSIFIER, CHOICES = HEADS[0], HEADS[1], HEADS[2]
ISAS = instruction_sets()
TOLERANCE = 3e-6


def batch(head: str, *, rows: int = 5, tokens: int = 11, seed: int = 0, holes: bool = True) -> dict[str, Any]:
    """Padded arrays with segments and shuffled positions, and a mask that keeps each first token."""
    generator = np.random.default_rng(seed)
    shape = (rows, 3, tokens) if head == CHOICES else (rows, tokens)
    mask = generator.integers(0, 2, shape) if holes else np.ones(shape, dtype=np.int64)
    mask[..., 0] = 1
    return {
        "input_ids": generator.integers(0, VOCABULARY, shape),
        "attention_mask": mask,
        "token_type_ids": generator.integers(0, SEGMENTS, shape),
        "position_ids": generator.integers(0, POSITIONS, shape),
    }


@torch.no_grad()
def torch_outputs(model: Any, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
    """What torch gives, with zeros at masked tokens."""
    found = model(**{name: torch.as_tensor(values) for name, values in inputs.items()})
    mask = np.asarray(inputs["attention_mask"]) != 0
    outputs = {name: values.numpy() for name, values in found.items()}
    for name, values in outputs.items():
        if name in ("last_hidden_state", "start_logits", "end_logits") or values.ndim > mask.ndim:
            values[~mask] = 0
    return outputs


def assert_close(found: Any, expected: dict[str, np.ndarray]) -> None:
    """Equal to a few of the last digits of the largest value."""
    assert list(found.keys()) == list(expected)
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        assert found[name].shape == values.shape
        tolerance = TOLERANCE * max(1.0, float(np.abs(values).max(initial=0)))
        np.testing.assert_allclose(found[name], values, atol=tolerance, rtol=0, err_msg=name)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


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


# Forms of input and output.


@pytest.mark.parametrize("head", HEADS)
def test_lists_give_one_array_a_text(head: str) -> None:
    _, engine = pair(head)
    inputs = batch(head, holes=False)
    padded = engine(**inputs)
    as_lists = {name: values.tolist() for name, values in inputs.items()}
    for name, values in engine(**as_lists).items():
        assert isinstance(values, list)
        for mine, expected in zip(values, padded[name], strict=True):
            np.testing.assert_array_equal(mine, expected)


def test_texts_of_any_lengths_need_no_padding() -> None:
    model, engine = pair(BASE)
    texts = [[5, 3, 2], [1], [7, 9, 11, 13, 17, 19]]
    output = engine(texts, token_type_ids=[[0, 1, 2], [1], [0, 0, 0, 2, 2, 2]])
    padded, types = np.zeros((2, 3, 6), dtype=np.int64)
    mask = np.zeros((3, 6), dtype=np.int64)
    for row, (text, segments) in enumerate(zip(texts, [[0, 1, 2], [1], [0, 0, 0, 2, 2, 2]], strict=True)):
        padded[row, : len(text)], types[row, : len(text)], mask[row, : len(text)] = text, segments, 1
    expected = torch_outputs(model, {"input_ids": padded, "attention_mask": mask, "token_type_ids": types})
    for row, text in enumerate(texts):
        assert output.last_hidden_state[row].shape == (len(text), 24)
        np.testing.assert_allclose(
            output.last_hidden_state[row], expected["last_hidden_state"][row, : len(text)], atol=TOLERANCE
        )
        np.testing.assert_allclose(output.pooler_output[row], expected["pooler_output"][row], atol=TOLERANCE)


def test_padding_on_the_left_equals_torch_where_tokens_are() -> None:
    """The pooled output is that of the first token, where torch takes the padding's."""
    model, engine = pair(BASE)
    inputs = batch(BASE)
    del inputs["position_ids"]
    inputs["attention_mask"] = (np.arange(11) >= np.array([[0], [3], [10], [5], [1]])).astype(np.int64)
    found, expected = engine(**inputs), torch_outputs(model, inputs)
    np.testing.assert_allclose(found.last_hidden_state, expected["last_hidden_state"], atol=TOLERANCE)
    np.testing.assert_allclose(found.pooler_output[0], expected["pooler_output"][0], atol=TOLERANCE)


def test_torch_tensors_and_other_arrays_are_taken() -> None:
    _, engine = pair(BASE)
    inputs = batch(BASE)
    expected = engine(**inputs)
    tensors = {name: torch.as_tensor(values) for name, values in inputs.items()}
    views = {name: np.asfortranarray(values).astype(np.int16) for name, values in inputs.items()}
    for other in (tensors, views):
        np.testing.assert_array_equal(engine(**other).last_hidden_state, expected.last_hidden_state)


def test_outputs_unpack_like_those_of_torch() -> None:
    _, engine = pair("SqueezeBertForQuestionAnswering")
    output = engine([[1, 2, 3]])
    start, end = output
    assert output["start_logits"] is start is output[0] is output.start_logits
    assert output.to_tuple() == (start, end)
    assert output.keys() == ["start_logits", "end_logits"]
    assert "logits" not in output
    assert start[0].flags.c_contiguous


def test_a_model_without_pooler_has_no_pooled_output() -> None:
    config = network_config()
    arrays = {n: a for n, a in arrays_of(torch_network(BASE, config)).items() if "pooler" not in n}
    assert Engine(config, arrays)([[1, 2]]).keys() == ["last_hidden_state"]


@pytest.mark.parametrize("empty", [[], np.zeros((0, 7), dtype=np.int64)])
def test_a_batch_without_texts_is_refused(empty: Any) -> None:
    _, engine = pair(BASE)
    with pytest.raises(OptionError, match="the batch has no tokens"):
        engine(empty)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"input_ids": [[1, VOCABULARY]]}, "input_ids holds 99; the model has 0 to 98"),
        ({"input_ids": [[1, -1]]}, "input_ids holds -1"),
        ({"input_ids": [[1]], "token_type_ids": [[SEGMENTS]]}, "token_type_ids holds 3"),
        ({"input_ids": [[1]], "position_ids": [[POSITIONS]]}, "position_ids holds 67"),
        ({"input_ids": [[1] * (POSITIONS + 1)]}, "position_ids holds 67; .*truncate or window"),
        ({"input_ids": [1, 2]}, "expected a list of ids for each text"),
    ],
)
def test_inputs_that_the_model_cannot_read_are_named(inputs: dict[str, Any], message: str) -> None:
    _, engine = pair(BASE)
    with pytest.raises(OptionError, match=message):
        engine(**inputs)


def test_masked_tokens_may_hold_anything_a_model_can_be_given() -> None:
    """Padding of -100 or beyond the longest text is never looked at."""
    _, engine = pair(BASE)
    ids = np.full((1, 200), -100)
    ids[0, :3] = [1, 2, 3]
    found = engine(ids, (ids > 0).astype(int)).last_hidden_state
    np.testing.assert_array_equal(found[0, :3], engine([[1, 2, 3]]).last_hidden_state[0])
    assert not found[0, 3:].any()


# The backend of the pipelines.


class Text:
    def __init__(self, ids: list[int]) -> None:
        self.ids = ids
        self.type_ids = [i % SEGMENTS for i in range(len(ids))]


TEXTS = [Text(list(range(n, 2 * n))) for n in (3, 1, 7, 20)]


@pytest.mark.parametrize("head", HEADS)
def test_runs_ragged_batches_as_the_torch_backend_does(head: str) -> None:
    model, engine = pair(head)
    assert engine.head == head
    expected = TorchBackend(model).run(pack(TEXTS))
    for mine, theirs in zip(engine.run(pack(TEXTS)), expected, strict=True):
        assert_close(mine, theirs)


def test_wanted_positions_are_rows_of_the_full_output() -> None:
    _, engine = pair("SqueezeBertForMaskedLM")
    wanted = [(1, 2), (), (6, 0), (19,)]
    full = engine.run(pack(TEXTS))
    for every, some, places in zip(full, engine.run(pack(TEXTS), wanted), wanted, strict=True):
        np.testing.assert_array_equal(some["logits"], every["logits"][list(places)])
    nothing = engine.run(pack(TEXTS), [(), (), (), ()])
    assert [output["logits"].shape for output in nothing] == [(0, VOCABULARY)] * 4


def test_ids_out_of_range_in_a_packed_batch_are_refused() -> None:
    _, engine = pair(BASE)
    for ids in ([VOCABULARY], [-1], [1] * (POSITIONS + 1)):
        with pytest.raises(OptionError):
            engine.run(pack([Text(ids)]))


# Loading.


def saved(folder: Path, head: str, dtype: str = "int8", architectures: tuple[str, ...] | None = None) -> Path:
    config = network_config().replace(architectures=(head,) if architectures is None else architectures)
    write_checkpoint(folder, config, arrays_of(torch_network(head, config)), dtype=dtype)
    return folder


@pytest.mark.parametrize("dtype", ["int8", "float16", "float32"])
@pytest.mark.parametrize("head", HEADS)
def test_a_checkpoint_tells_its_head(head: str, dtype: str, tmp_path: Path) -> None:
    engine = Engine.from_pretrained(saved(tmp_path, head, dtype), threads=1)
    assert (engine.head, engine.precision, engine.threads) == (head, "int8", 1)
    direct = Engine(network_config(), read_stored(tmp_path).arrays, head)
    inputs = batch(head)
    for name, values in engine(**inputs).items():
        np.testing.assert_array_equal(values, direct(**inputs)[name])


@pytest.mark.parametrize(
    ("architectures", "expected"),
    [
        (("BertForTokenClassification",), "SqueezeBertForTokenClassification"),
        (("BertModel",), BASE),
        (("SqueezeBertForPreTraining",), "SqueezeBertForMaskedLM"),
        (("BertForNextSentencePrediction",), BASE),
        ((), BASE),
    ],
)
def test_names_of_heads(architectures: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    head = BASE if expected == BASE else expected
    assert Engine.from_pretrained(saved(tmp_path, head, architectures=architectures)).head == expected


def test_a_head_is_part_of_a_checkpoint_or_an_error(tmp_path: Path) -> None:
    saved(tmp_path, CLASSIFIER)
    assert Engine.from_pretrained(tmp_path, head=BASE).head == BASE
    assert Engine.from_pretrained(tmp_path, head="BertForSequenceClassification").head == CLASSIFIER
    with pytest.raises(CheckpointError, match="holds a SqueezeBertForSequenceClassification, and a"):
        Engine.from_pretrained(tmp_path, head="SqueezeBertForMaskedLM")
    with pytest.raises(OptionError, match="there is no head 'SqueezeBertForNothing'; there is SqueezeBertM"):
        Engine.from_pretrained(tmp_path, head="SqueezeBertForNothing")
    saved(tmp_path, BASE, architectures=())
    with pytest.raises(CheckpointError, match="has no classifier, which a"):
        Engine.from_pretrained(tmp_path, head=CLASSIFIER)


def test_wrong_options_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, BASE)
    for options, message in (
        ({"precision": "int4"}, "precision 'int4' is not one of int8, fp32"),
        ({"threads": 0}, "threads 0 is not positive"),
    ):
        with pytest.raises(OptionError, match=message):
            Engine.from_pretrained(tmp_path, **options)
    monkeypatch.setenv("SQUEEZEBERT_ISA", "abacus")
    with pytest.raises(OptionError, match="abacus"):
        Engine.from_pretrained(tmp_path)


ANYTHING = st.sampled_from(
    [0, 1, -1, 2, 5, 24, 2**31 - 1, 2**31, 2**63, 10**30, 0.5, 1e300, "gelu", "", None, []]
)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from([f.name for f in fields(SqueezeBertConfig)]), value=ANYTHING)
def test_any_field_of_a_config_may_lie(field: str, value: Any, tmp_path: Path) -> None:
    """The model loads and computes, or there is an error of this package."""
    path = tmp_path / "config.json"
    if not path.exists():
        saved(tmp_path, CLASSIFIER)
        path.rename(tmp_path / "good.json")
    path.write_text(json.dumps({**json.loads((tmp_path / "good.json").read_text()), field: value}))
    try:
        engine = Engine.from_pretrained(tmp_path)
    except SqueezeBertError:
        return
    assert all(len(values) == 2 for values in engine([[1, 2, 3], [4]]).values())


def test_a_checkpoint_that_does_not_fit_names_its_folder(tmp_path: Path) -> None:
    config = network_config()
    arrays = arrays_of(torch_network(BASE, config))
    write_checkpoint(tmp_path, config.replace(num_hidden_layers=3), arrays, dtype="int8")
    with pytest.raises(
        CheckpointError, match=rf"{tmp_path}: does not fit .*missing transformer.encoder.layers.2"
    ):
        Engine.from_pretrained(tmp_path)


def test_what_an_engine_says_of_itself() -> None:
    _, engine = pair(CLASSIFIER)
    assert repr(engine) == f"Engine({CLASSIFIER}, fp32, {engine.isa}, 2 threads)"
    assert engine.description == f"engine fp32 {engine.isa}"
    assert engine.isa == ISAS[0]
    assert len(engine([[1]]).logits[0]) == LABELS

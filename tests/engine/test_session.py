"""Calling the engine: every form of input comes back in its form, as torch would give it, or is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from squeezebert.engine import Engine
from squeezebert.engine.packing import pack
from squeezebert.errors import CheckpointError, OptionError
from squeezebert.modeling.backend import TorchBackend
from tests.engine.networks import (
    BASE,
    CLASSIFIER,
    HEADS,
    POSITIONS,
    SEGMENTS,
    TOLERANCE,
    VOCABULARY,
    arrays_of,
    assert_close,
    batch,
    network_config,
    pair,
    torch_network,
    torch_outputs,
)


@pytest.mark.parametrize("precision", ["int8", "fp32"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(precision: str, value: float) -> None:
    config = network_config()
    arrays = arrays_of(torch_network(CLASSIFIER, config))
    name = "transformer.encoder.layers.0.attention.query.weight"
    arrays[name] = arrays[name].copy()
    arrays[name][3, 1] = value
    with pytest.raises(CheckpointError, match=rf"^weights: {name} holds 1 values that are NaN or infinite"):
        Engine(config, arrays, CLASSIFIER, precision=precision)


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


def test_segments_and_positions_that_are_not_given_are_zeros_and_places() -> None:
    _, engine = pair(BASE)
    texts = [[5, 3, 2], [1], [7, 9, 11, 13, 17, 19, 23]]
    zeros, places = [[0] * len(text) for text in texts], [list(range(len(text))) for text in texts]
    expected = engine(texts, token_type_ids=zeros, position_ids=places).last_hidden_state
    for given in ({}, {"token_type_ids": zeros}, {"position_ids": places}):
        for mine, theirs in zip(engine(texts, **given).last_hidden_state, expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("head", HEADS)
def test_ids_alone_give_the_same_whatever_holds_them(head: str) -> None:
    """Lists of Python's integers take a way of their own."""
    _, engine = pair(head)
    ids = batch(head)["input_ids"]
    texts = ids.tolist()
    expected = engine(texts, token_type_ids=np.zeros_like(ids).tolist())
    for given in (texts, tuple(texts), [list(text) for text in ids], [tuple(text) for text in texts]):
        found = engine(given)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            assert isinstance(found[name], list)
            for mine, theirs in zip(found[name], values, strict=True):
                np.testing.assert_array_equal(mine, theirs)


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


def test_outputs_are_those_of_torch() -> None:
    _, engine = pair("SqueezeBertForQuestionAnswering")
    output = engine([[1, 2, 3]])
    start, end = output.values()
    assert output["start_logits"] is start is output[0] is output.start_logits
    assert output.to_tuple() == (start, end)
    assert list(output) == ["start_logits", "end_logits"]
    assert "logits" not in output
    assert start[0].flags.c_contiguous


def test_a_model_without_pooler_has_no_pooled_output() -> None:
    config = network_config()
    arrays = {n: a for n, a in arrays_of(torch_network(BASE, config)).items() if "pooler" not in n}
    assert Engine(config, arrays)([[1, 2]]).keys() == {"last_hidden_state"}


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


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_a_head_on_first_tokens_reads_what_the_model_without_head_gives(precision: str) -> None:
    """The last layer computes nothing but these for it, and their bits are the same."""
    config = network_config("usual")
    labels = config.with_labels([f"label {index}" for index in range(config.hidden_size)])
    arrays = arrays_of(torch_network(BASE, config))
    same = {
        "classifier.weight": np.eye(config.hidden_size, dtype=np.float32),
        "classifier.bias": np.zeros(config.hidden_size, dtype=np.float32),
    }
    pooled = Engine(config, arrays, BASE, precision=precision).run(pack(TEXTS))
    logits = Engine(labels, {**arrays, **same}, CLASSIFIER, precision=precision).run(pack(TEXTS))
    for one, other in zip(pooled, logits, strict=True):
        np.testing.assert_array_equal(other["logits"], one["pooler_output"])


def test_wanted_positions_are_rows_of_the_full_output() -> None:
    _, engine = pair("SqueezeBertForMaskedLM")
    wanted = [(1, 2), (), (6, 0), (19,)]
    full = engine.run(pack(TEXTS))
    outside = [[(place,), (), (), ()] for place in (-1, 20, 2**40, 1.0)]
    for wrong in (*outside, [(3,), (), (), (0,)], [(0,)], [*wanted, ()]):
        with pytest.raises(OptionError, match="wanted h"):
            engine.run(pack(TEXTS), wrong)
    for every, some, places in zip(full, engine.run(pack(TEXTS), wanted), wanted, strict=True):
        np.testing.assert_array_equal(some["logits"], every["logits"][list(places)])
    nothing = engine.run(pack(TEXTS), [(), (), (), ()])
    assert [output["logits"].shape for output in nothing] == [(0, VOCABULARY)] * 4


def test_ids_out_of_range_in_a_packed_batch_are_refused() -> None:
    _, engine = pair(BASE)
    for ids in ([VOCABULARY], [-1], [1] * (POSITIONS + 1)):
        with pytest.raises(OptionError):
            engine.run(pack([Text(ids)]))

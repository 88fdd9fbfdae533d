"""A network's tensors are known without building it, and a checkpoint that lacks one is told so."""

from __future__ import annotations

import numpy as np
import pytest

from squeezebert.checkpoints.quantized import quantize
from squeezebert.engine.weights import fitting, network_shapes
from squeezebert.errors import CheckpointError
from tests.engine.networks import HEADS, arrays_of, network_config, torch_network

CLASSIFIER = "SqueezeBertForSequenceClassification"
QUERY = "transformer.encoder.layers.1.attention.query.weight"


@pytest.mark.parametrize("groups", ["published", "different"])
@pytest.mark.parametrize("head", HEADS)
def test_shapes_are_those_of_the_torch_model(head: str, groups: str) -> None:
    config = network_config(groups=groups)
    theirs = {name: array.shape for name, array in arrays_of(torch_network(head, config)).items()}
    assert network_shapes(config, head, pooler=True) == theirs


@pytest.mark.parametrize("stored", ["float32", "float16", "int8"])
def test_what_has_the_right_form_is_not_copied(stored: str) -> None:
    config = network_config()
    arrays = arrays_of(torch_network(CLASSIFIER, config))
    given = quantize(arrays) if stored == "int8" else {n: a.astype(stored) for n, a in arrays.items()}
    taken = fitting(config, given, CLASSIFIER, place="here")
    assert taken.keys() == given.keys()
    assert all(np.shares_memory(taken[name], given[name]) for name in given)


def test_other_floats_and_orders_of_memory_are_converted() -> None:
    config = network_config()
    arrays = arrays_of(torch_network(CLASSIFIER, config))
    given = {name: np.asfortranarray(array.astype(np.float64)) for name, array in arrays.items()}
    for name, array in fitting(config, given, CLASSIFIER, place="here").items():
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array, arrays[name])


def test_parts_of_other_heads_are_left_out() -> None:
    config = network_config()
    arrays = arrays_of(torch_network("SqueezeBertForMaskedLM", config))
    taken = fitting(config, quantize(arrays), "SqueezeBertModel", place="here")
    assert not any(name.startswith("cls.") for name in taken)
    assert "transformer.pooler.dense.weight.scale" in taken
    without = {name: array for name, array in arrays.items() if "pooler" not in name}
    assert not any("pooler" in name for name in fitting(config, without, "SqueezeBertModel", place="here"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classifier.weight": None}, "missing classifier.weight"),
        ({"classifier.weight": None, "classifier.bias": None}, "there is no classifier.weight"),
        ({"transformer.pooler.dense.bias": None}, "missing transformer.pooler.dense.bias"),
        ({QUERY: None}, f"missing {QUERY}"),
        ({QUERY: np.zeros((24, 24, 1), np.float32)}, r"\[24, 24, 1\] instead of \[24, 6, 1\]"),
        ({"transformer.foo.weight": np.zeros(3, np.float32)}, "unexpected transformer.foo.weight"),
        ({QUERY: np.zeros((24, 6, 1), np.int64)}, "holds int64, not floats"),
        ({QUERY: np.zeros((24, 6, 1), np.int8)}, "holds int8 without a scale"),
        ({QUERY: np.zeros((24, 6, 1), np.int8), QUERY + ".scale": np.ones(23, np.float32)}, "24 rows and"),
        ({QUERY + ".scale": np.ones(24, np.float32)}, "has a scale but is not an int8 matrix"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, np.ndarray | None], message: str) -> None:
    config = network_config()
    arrays = {**arrays_of(torch_network(CLASSIFIER, config)), **change}
    given = {name: array for name, array in arrays.items() if array is not None}
    with pytest.raises(CheckpointError, match=message):
        fitting(config, given, CLASSIFIER, place="here")

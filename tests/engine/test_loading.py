"""Checkpoints into the engine: the right head, or an error that says what is wrong."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from squeezebert.checkpoints import read_stored, write_checkpoint
from squeezebert.config import SqueezeBertConfig
from squeezebert.engine import Engine, instruction_sets
from squeezebert.errors import CheckpointError, OptionError, SqueezeBertError
from tests.engine.networks import (
    BASE,
    CLASSIFIER,
    HEADS,
    LABELS,
    arrays_of,
    batch,
    network_config,
    pair,
    torch_network,
)

ISAS = instruction_sets()


def saved(folder: Path, head: str, dtype: str = "int8", architectures: tuple[str, ...] | None = None) -> Path:
    config = network_config().replace(architectures=(head,) if architectures is None else architectures)
    write_checkpoint(folder, config, arrays_of(torch_network(head, config)), dtype=dtype)
    return folder


def test_a_pickle_is_loaded_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path / "model", CLASSIFIER)
    monkeypatch.chdir(tmp_path)
    written = pickle.dumps(Engine.from_pretrained("model", threads=1))
    monkeypatch.chdir("/")
    assert pickle.loads(written).head == CLASSIFIER


def test_a_pickle_holds_where_an_engine_was_loaded_from(tmp_path: Path) -> None:
    engine = Engine.from_pretrained(saved(tmp_path, CLASSIFIER), precision="fp32", threads=1)
    written = pickle.dumps(engine)
    assert len(written) < 1000
    there, inputs = pickle.loads(written), batch(CLASSIFIER)
    assert (there.head, there.precision, there.threads) == (CLASSIFIER, "fp32", 1)
    np.testing.assert_array_equal(there(**inputs).logits, engine(**inputs).logits)
    with pytest.raises(OptionError, match="an engine made of arrays cannot be pickled"):
        pickle.dumps(Engine(network_config(), read_stored(tmp_path).arrays))


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
    with pytest.raises(OptionError, match="there is no head 5; there is SqueezeBertM"):
        Engine.from_pretrained(tmp_path, head=5)
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


@pytest.mark.parametrize(("sizes", "fits"), [((2**16, 1), True), ((2**17, 2), True), ((2**17, 1), False)])
def test_sums_of_codes_must_fit_into_32_bits(sizes: tuple[int, int], fits: bool) -> None:
    """With more inputs to one output, int8 gave wrong numbers without a sign."""
    size, groups = sizes
    config = network_config().replace(
        hidden_size=2, embedding_size=2, num_attention_heads=1, num_hidden_layers=1, vocab_size=5,
        q_groups=1, k_groups=1, v_groups=1, post_attention_groups=1, intermediate_groups=1,
        intermediate_size=size, output_groups=groups,
    )  # fmt: skip
    arrays = arrays_of(torch_network(BASE, config))
    if not fits:
        with pytest.raises(OptionError, match="is more than 65536"):
            Engine(config, arrays, BASE)
        return
    exact, coded = (
        Engine(config, arrays, BASE, precision=precision)([[1, 2, 3]]).last_hidden_state[0]
        for precision in ("fp32", "int8")
    )
    np.testing.assert_allclose(coded, exact, atol=0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process")
def test_threads_that_the_system_does_not_start_are_an_error(tmp_path: Path) -> None:
    saved(tmp_path, BASE)
    code = (
        "import resource, sys; from squeezebert.engine import Engine;"
        "engine = Engine.from_pretrained(sys.argv[1], threads=1000);"
        "resource.setrlimit(resource.RLIMIT_AS, 2 * (2**31,))\n"
        "try: engine([[1, 2, 3]])\n"
        "except ValueError as error: print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.startswith("the system does not start 1000 threads (")
    assert run.stdout.endswith("); ask for fewer\n")


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

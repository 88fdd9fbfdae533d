"""Settings, learning rate, decay groups and precision."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import OptionError
from squeezebert.modeling import SqueezeBertForSequenceClassification
from squeezebert.training import Teaching, TrainingSettings, precision
from squeezebert.training.finetuning.class_weights import balanced, balanced_multi
from squeezebert.training.optimizer import make_optimizer
from squeezebert.training.schedule import learning_rate


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0), ("epochs", float("inf")), ("batch_size", 0), ("batch_tokens", -1),
        ("learning_rate", 0.0), ("learning_rate", float("nan")), ("warmup", 1.0), ("warmup", -0.1),
        ("weight_decay", -1.0), ("max_grad_norm", 0.0), ("precision", "fp8"), ("dropout", 1.0),
        ("evaluate_every", 0),
        ("save_every", -1.0), ("max_length", 0), ("seed", -1), ("seed", 2**63),
        ("freeze_blocks", -1), ("lamb_dialect", "nvidia"), ("lamb_dialect", "other"),
        ("blocks", 0),
    ],
)  # fmt: skip
def test_values_that_make_no_sense_are_named(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=f"{name} .*{value}"):
        TrainingSettings(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("batch_size", "2", "a whole number"), ("batch_size", 2.5, "a whole number"),
        ("seed", True, "a whole number"), ("learning_rate", None, "a number"), ("epochs", "3", "a number or"),
        ("steps", 2.5, "a whole number"), ("precision", None, "a string"), ("compile", 1, "True or False"),
    ],
)  # fmt: skip
def test_values_of_another_type_are_named(name: str, value: Any, expected: str) -> None:
    with pytest.raises(OptionError, match=f"{name} is {value!r}; expected {expected}"):
        TrainingSettings(**{name: value})


def test_settings_of_ones_own_may_have_other_types() -> None:
    """For an objective of one's own; lists and the like are its matter."""

    @dataclass(frozen=True, kw_only=True)
    class Own(TrainingSettings):
        many: list[int] = field(default_factory=list)
        share: float = 0.5

    assert Own(many=[3], share=1).many == [3]
    with pytest.raises(OptionError, match="share is 'x'; expected a number"):
        Own(share="x")  # type: ignore[arg-type]


def test_numbers_of_numpy_are_made_plain() -> None:
    """The report of a finished run, which is JSON, could not be written."""
    settings = TrainingSettings(batch_size=np.int64(7), learning_rate=np.float32(0.5), compile=np.bool_(True))
    assert json.loads(json.dumps(settings.identity()))["batch_size"] == 7
    assert settings.compile is True
    assert type(Teaching(teacher="mini", temperature=np.float64(3)).temperature) is float
    with pytest.raises(OptionError, match="temperature is '2'; expected a number"):
        Teaching(teacher="mini", temperature="2")  # type: ignore[arg-type]


def test_the_learning_rate_rises_and_falls_linearly() -> None:
    settings = TrainingSettings(learning_rate=2e-3, warmup=0.2)
    shares = (0.0, 0.1, 0.2, 0.6, 1.0)
    expected = (0.0, 1e-3, 2e-3, 1e-3, 0.0)
    assert [learning_rate(share, settings) for share in shares] == pytest.approx(expected)
    assert learning_rate(0.0, TrainingSettings(learning_rate=2e-3, warmup=0.0)) == 2e-3


def test_biases_and_norms_are_not_decayed_and_frozen_weights_not_touched() -> None:
    model = nn.Sequential(nn.Embedding(7, 5), nn.Linear(5, 3), nn.LayerNorm(3))
    model[0].weight.requires_grad_(False)
    groups = make_optimizer(model, TrainingSettings(weight_decay=0.5)).param_groups
    decayed = {id(parameter) for group in groups if group["weight_decay"] for parameter in group["params"]}
    assert decayed == {id(model[1].weight)}
    assert sum(len(group["params"]) for group in groups) == 4


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx2", "fp32"), ("fpu avx512f avx512_bf16", "bf16"), ("amx_bf16 amx_tile", "bf16")],
)
def test_auto_takes_bf16_where_the_processor_has_it(
    flags: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags\t\t: {flags}\n")
    monkeypatch.setattr(precision, "_CPU_INFO", tmp_path / "cpuinfo")
    assert precision.choose_precision("auto") == expected
    assert precision.choose_precision("fp32") == "fp32"
    monkeypatch.setattr(precision, "_CPU_INFO", tmp_path / "missing")
    assert precision.choose_precision("auto") == "fp32"


def test_a_forward_pass_in_bf16_computes_matrices_in_bf16() -> None:
    layer = nn.Linear(3, 5)
    with precision.forward_context("bf16"):
        assert layer(torch.ones(2, 3)).dtype == torch.bfloat16
    with precision.forward_context("fp32"):
        assert layer(torch.ones(2, 3)).dtype == torch.float32


def test_what_is_not_here_is_named() -> None:
    with pytest.raises(OptionError, match=r"device 'abacus' cannot be used here"):
        precision.choose_device("abacus")
    with pytest.raises(OptionError, match=r"device 'meta' cannot be used here"):
        precision.choose_device("meta")
    with pytest.raises(OptionError, match="'tf32' needs a GPU"):
        precision.choose_precision("tf32", "cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 5, "tokens": 7}, "steps or tokens, not both"), ({"optimizer": "sgd"}, "adamw, lamb"),
        ({"lamb_dialect": "google"}, "paper, nvidia"), ({"schedule": "step"}, "linear, cosine, constant"),
        ({"layer_decay": 1.1}, "layer_decay 1.1"), ({"class_weights": "rare"}, "none, balanced"),
    ],
)  # fmt: skip
def test_choices_are_listed(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        TrainingSettings(**changes)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("linear", (1e-3, 2e-3, 1e-3, 0)),
        ("cosine", (1e-3, 2e-3, 1e-3, 0)),
        ("constant", (1e-3, 2e-3, 2e-3, 2e-3)),
    ],
)
def test_schedules_meet_at_the_middle_and_differ_at_the_end(
    schedule: str, expected: tuple[float, ...]
) -> None:
    settings = TrainingSettings(learning_rate=2e-3, warmup=0.2, schedule=schedule)
    assert [learning_rate(x, settings) for x in (0.1, 0.2, 0.6, 1.0)] == pytest.approx(expected, abs=1e-9)


def test_lower_blocks_learn_more_slowly_and_the_head_at_the_full_rate() -> None:
    config = SqueezeBertConfig(
        vocab_size=11, hidden_size=8, embedding_size=8, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=12, max_position_embeddings=7,
    )  # fmt: skip
    model = SqueezeBertForSequenceClassification(config)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    scales: dict[str, set[float]] = {}
    for group in make_optimizer(model, TrainingSettings(layer_decay=0.5)).param_groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            place = next(p for p in ("embeddings", "layers.0", "layers.1", "layers.2", "") if p in name)
            scales.setdefault(place, set()).add(group["scale"])
    assert scales == {
        "": {1.0},
        "layers.2": {0.5},
        "layers.1": {0.25},
        "layers.0": {0.125},
        "embeddings": {0.0625},
    }


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    targets = np.random.default_rng(3).choice(4, size=97, p=(0.7, 0.2, 0.06, 0.04))
    expected = compute_class_weight("balanced", classes=np.arange(4), y=targets)
    np.testing.assert_allclose(balanced(targets, 4), expected)
    several = np.eye(4, dtype=np.float32)[targets]
    np.testing.assert_allclose(balanced_multi(several), (97 - several.sum(0)) / several.sum(0))
    # A label of all rows is learnt, too.
    assert balanced_multi(np.array([[1, 0, 1], [1, 0, 0]], dtype=np.float32)).tolist() == [1, 1, 1]
    assert balanced(np.array([0, 2]), 4)[1] == 1.0

"""Settings, learning rate, decay groups and precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from squeezebert.errors import OptionError
from squeezebert.training import TrainingSettings, precision
from squeezebert.training.optimizer import make_optimizer
from squeezebert.training.schedule import learning_rate


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0), ("epochs", float("inf")), ("batch_size", 0), ("batch_tokens", -1),
        ("learning_rate", 0.0), ("learning_rate", float("nan")), ("warmup", 1.0), ("warmup", -0.1),
        ("weight_decay", -1.0), ("max_grad_norm", 0.0), ("precision", "fp8"), ("dropout", 1.0),
        ("evaluate_every", 0),
        ("save_every", -1.0), ("max_length", 0), ("seed", -1),
    ],
)  # fmt: skip
def test_values_that_make_no_sense_are_named(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=f"{name} .*{value}"):
        TrainingSettings(**{name: value})


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

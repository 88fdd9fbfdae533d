"""LAMB: NVIDIA's dialect equals timm's, the paper's equals its algorithm 2 written out."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from squeezebert.errors import OptionError
from squeezebert.training.lamb import Lamb
from squeezebert.training.optimizer import make_optimizer
from squeezebert.training.settings import LAMB_DIALECTS, LoopSettings

STEPS, DECAY, RATE = 100, 0.03, 0.02


def timm_lamb(monkeypatch: pytest.MonkeyPatch) -> type[torch.optim.Optimizer]:
    """timm's class; the package as a whole needs torchvision, its optimizers do not."""
    spec = importlib.util.find_spec("timm")
    if spec is None or spec.origin is None:
        pytest.skip("timm is not installed (pip install --no-deps timm)")
    for name in ("timm", "timm.optim"):
        package = types.ModuleType(name)
        package.__path__ = [str(Path(spec.origin).parent.joinpath(*name.split(".")[1:]))]
        monkeypatch.setitem(sys.modules, name, package)
    lamb: type[torch.optim.Optimizer] = importlib.import_module("timm.optim.lamb").Lamb
    return lamb


def model() -> nn.Sequential:
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(7, 5), nn.LayerNorm(5), nn.Linear(5, 3)).double()


def groups(module: nn.Module) -> list[dict[str, Any]]:
    decayed = [p for p in module.parameters() if p.ndim > 1]
    plain = [p for p in module.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}]


def gradients(module: nn.Module, step: int) -> None:
    """Large in some steps, so that clipping is at work, and small in others."""
    generator = torch.Generator().manual_seed(step)
    for parameter in module.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator).to(parameter) * (
            3.0 / (1 + step % 29)
        )


def test_nvidia_is_timm_s(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = model(), model()
    mine = Lamb(groups(ours), lr=RATE, eps=1e-6, dialect="nvidia", max_grad_norm=1.0)
    peer = timm_lamb(monkeypatch)(groups(theirs), lr=RATE, eps=1e-6, max_grad_norm=1.0)  # type: ignore[call-arg]
    for step in range(STEPS):
        for module, optimizer in ((ours, mine), (theirs, peer)):
            gradients(module, step)
            optimizer.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)
    assert not torch.allclose(ours[0].weight, model()[0].weight, atol=0.1)


def paper(weights: np.ndarray, gradient: np.ndarray, moments: list[np.ndarray], decay: float) -> np.ndarray:
    """One step of algorithm 2; what has no weight decay takes the ratio 1."""
    moments[0] = 0.9 * moments[0] + 0.1 * gradient
    moments[1] = 0.999 * moments[1] + 0.001 * gradient**2
    update = moments[0] / (np.sqrt(moments[1]) + 1e-6) + decay * weights
    norm = min(float(np.linalg.norm(weights)), 10.0)
    ratio = norm / np.linalg.norm(update) if decay and norm else 1.0
    return weights - RATE * ratio * update


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_paper_is_algorithm_2_with_its_clipped_norm(scale: float) -> None:
    module = model()
    with torch.no_grad():
        module[0].weight.mul_(scale)
    assert (module[0].weight.norm() > 10) == (scale > 1)
    optimizer = Lamb(groups(module), lr=RATE, dialect="paper")
    expected = {name: p.detach().numpy().copy() for name, p in module.named_parameters()}
    moments = {name: [np.zeros_like(p), np.zeros_like(p)] for name, p in expected.items()}
    for step in range(13):
        gradients(module, step)
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None
            decay = DECAY if parameter.ndim > 1 else 0.0
            expected[name] = paper(expected[name], parameter.grad.numpy(), moments[name], decay)
        optimizer.step()
    for name, parameter in module.named_parameters():
        np.testing.assert_allclose(parameter.detach().numpy(), expected[name], atol=1e-10, err_msg=name)


def test_a_tensor_of_zeros_moves_at_the_plain_rate() -> None:
    weight = nn.Parameter(torch.zeros(3, 5))
    optimizer = Lamb([weight], lr=RATE, dialect="nvidia")
    weight.grad = torch.ones(3, 5)
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.full((3, 5), -RATE), rtol=1e-4, atol=0)


@pytest.mark.parametrize("dialect", LAMB_DIALECTS)
def test_without_gradients_nothing_moves(dialect: str) -> None:
    weight = nn.Parameter(torch.ones(3))
    Lamb([weight], dialect=dialect).step()
    assert weight.tolist() == [1, 1, 1]


def test_a_run_bounds_the_gradient_where_its_settings_say() -> None:
    """The trainer bounds it by the same setting before; NVIDIA's dialect brought it down to 1 again."""
    module = nn.Linear(1, 1, bias=False)
    chosen = LoopSettings(optimizer="lamb", lamb_dialect="nvidia", max_grad_norm=5.0)
    optimizer = make_optimizer(module, chosen)
    module.weight.grad = torch.full((1, 1), 4.0)
    optimizer.step()
    assert optimizer.state[module.weight]["mean"].item() == pytest.approx(0.1 * 4)


def test_there_are_two_dialects() -> None:
    with pytest.raises(OptionError, match="paper and nvidia"):
        Lamb([nn.Parameter(torch.zeros(1))], dialect="google")

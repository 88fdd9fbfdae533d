"""Dropout: as torch's in all but the random numbers."""

import pytest
import torch

from squeezebert.modeling.dropout import Dropout, dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_values_are_dropped_at_the_rate_and_the_others_scaled(p, dtype):
    torch.manual_seed(13)
    x = torch.ones(997, 401, dtype=dtype, requires_grad=True)
    out = dropout(x, p)
    out.sum().backward()
    assert torch.equal(out.detach(), x.grad)
    kept = (out != 0).flatten()
    scale = float(out.detach().max())
    assert set(out.unique().tolist()) == {0.0, scale}
    assert scale == pytest.approx(1 / (1 - p), rel=4e-3 if dtype == torch.bfloat16 else 1e-6)
    p = 1 - 1 / scale  # So that the mean stays, although bf16 rounds the scale.
    # Each of the four values of a random number by itself, and that neighbours know nothing of each other.
    parts = [(kept[place::4], 1 - p) for place in range(4)]
    parts += [
        (kept[place::4][: len(kept) // 4] == kept[place + 1 :: 4][: len(kept) // 4], p**2 + (1 - p) ** 2)
        for place in (0, 1)
    ]
    for part, expected in parts:
        deviation = (expected * (1 - expected) / len(part)) ** 0.5
        assert abs(part.double().mean() - expected) < 4 * deviation


def test_the_seed_decides_and_evaluation_changes_nothing():
    x = torch.randn(7, 13)
    layer = Dropout(0.3)
    draws = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        draws.append(layer(x))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(layer.eval()(x), x)
    assert torch.equal(dropout(x, 0.0), x)
    assert not dropout(x, 1.0).any()
    assert (dropout(torch.ones(997), 1 - 1e-6) == 0).sum() > 980
    assert dropout(x.t(), 0.3).shape == (13, 7)

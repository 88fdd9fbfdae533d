"""The way of training in bf16 on a processor gives what the plain way gives, to the precision of bf16."""

import pytest
import torch

from squeezebert.config import SqueezeBertConfig
from squeezebert.modeling import SqueezeBertModel
from squeezebert.modeling.grouped import GroupedLinear

BF16 = 2**-8


@pytest.mark.parametrize(("inputs", "outputs", "groups"), [(21, 33, 3), (10, 35, 5), (22, 14, 2)])
def test_gradients_are_those_of_a_block_diagonal_layer(inputs, outputs, groups):
    torch.manual_seed(7)
    layer = GroupedLinear(inputs, outputs, groups)
    layer.weight.data.normal_()
    layer.bias.data.normal_()
    x = torch.randn(13, 5, inputs, requires_grad=True)
    upstream = torch.randn(13, 5, outputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(x)
    assert out.dtype == torch.bfloat16
    found = (out, *torch.autograd.grad(out, (x, layer.weight, layer.bias), upstream.bfloat16()))
    dense = torch.block_diag(*layer.weight.squeeze(-1).chunk(groups))
    expected_out = x @ dense.T + layer.bias
    expected = (
        expected_out,
        *torch.autograd.grad(expected_out, (x, layer.weight, layer.bias), upstream),
    )
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine.float() - theirs).norm() < 2 * BF16 * theirs.norm()


def test_a_training_step_in_bf16_has_the_gradient_of_one_in_fp32():
    torch.manual_seed(7)
    config = SqueezeBertConfig(
        vocab_size=99, hidden_size=56, embedding_size=56, num_hidden_layers=2, num_attention_heads=7,
        intermediate_size=88, max_position_embeddings=31, initializer_range=0.2,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    model = SqueezeBertModel(config).train()
    ids = torch.randint(99, (13, 7))
    mask = torch.ones_like(ids)
    mask[::2, 5:] = 0
    target = torch.randn(13, 7, 56)

    def gradients(enabled: bool) -> torch.Tensor:
        model.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            output = model(ids, mask).last_hidden_state
        ((output.float() - target) * mask[..., None]).square().mean().backward()
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    exact = gradients(False)
    assert (gradients(True) - exact).norm() < 0.05 * exact.norm()

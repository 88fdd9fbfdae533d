"""The ways of training on a processor give what the plain ways give, to the precision of their type."""

from collections.abc import Iterator

import pytest
import torch

from squeezebert.config import SqueezeBertConfig
from squeezebert.modeling import SqueezeBertModel, cpu_training
from squeezebert.modeling.attention import _scores
from squeezebert.modeling.encoder import score_bias
from squeezebert.modeling.grouped import GroupedLinear

BF16 = 2**-8


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """torch takes other ways for one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture(params=[False, True])
def leaves_avx512_unused(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients of weights are products on some processors and convolutions on others."""
    monkeypatch.setattr(cpu_training, "_leaves_avx512_unused", lambda: request.param)


def layer_and_input(inputs: int, outputs: int, groups: int, texts: int) -> tuple[GroupedLinear, torch.Tensor]:
    torch.manual_seed(7)
    layer = GroupedLinear(inputs, outputs, groups)
    layer.weight.data.normal_()
    layer.bias.data.normal_()
    return layer, torch.randn(texts, 5, inputs, requires_grad=True)


def dense(layer: GroupedLinear, x: torch.Tensor) -> torch.Tensor:
    return x @ torch.block_diag(*layer.weight.squeeze(-1).chunk(layer.groups)).T + layer.bias


@pytest.mark.usefixtures("threads", "leaves_avx512_unused")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("texts", [1, 13, 17])
@pytest.mark.parametrize(
    ("inputs", "outputs", "groups"), [(21, 33, 3), (10, 35, 5), (22, 14, 2), (11, 7, 1), (128, 256, 4)]
)
def test_gradients_are_those_of_a_block_diagonal_layer(inputs, outputs, groups, texts, dtype):
    layer, x = layer_and_input(inputs, outputs, groups, texts)
    # As of the keys of attention, whose gradient comes transposed.
    upstream = torch.randn(texts, outputs, 5).transpose(1, 2)
    parts = (x, layer.weight, layer.bias)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        out = layer(x)
    assert out.dtype == dtype
    found = (out, *torch.autograd.grad(out, parts, upstream.to(dtype)))
    expected_out = dense(layer, x)
    expected = (expected_out, *torch.autograd.grad(expected_out, parts, upstream))
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine.float() - theirs).norm() < (
            2 * BF16 if dtype == torch.bfloat16 else 1e-6
        ) * theirs.norm()


@pytest.mark.parametrize(
    ("instructions", "name", "has_avx_vnni", "unused"),
    [
        ("AVX512", "Intel Xeon", True, False),
        ("AVX512", "AMD Zen 5", True, True),
        ("AVX512", "AMD Zen 4", False, False),
        ("AVX2", "AMD Zen 3", False, False),
        ("AVX512", None, False, False),
    ],
)
def test_avx512_is_left_unused_where_it_would_be_faster(
    monkeypatch, instructions, name, has_avx_vnni, unused
):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: instructions)
    if name is None:  # As in older versions of torch.
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    else:
        found = {"cpu_name": name, "avx_vnni": has_avx_vnni}
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert cpu_training._leaves_avx512_unused() is unused


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("trained", [{"x"}, {"weight"}, {"bias"}, {"x", "bias"}])
def test_what_is_frozen_gets_no_gradient(trained):
    layer, x = layer_and_input(21, 33, 3, 17)
    parts = {"x": x, "weight": layer.weight, "bias": layer.bias}
    for name, part in parts.items():
        part.requires_grad_(name in trained)
    upstream = torch.randn(17, 5, 33)
    layer(x).backward(upstream)
    assert {name for name, part in parts.items() if part.grad is not None} == trained
    expected = torch.autograd.grad(dense(layer, x), [parts[name] for name in trained], upstream)
    for name, theirs in zip(trained, expected, strict=True):
        torch.testing.assert_close(parts[name].grad, theirs)


def test_a_tracer_sees_products_and_no_function_of_ours():
    layer, x = layer_and_input(21, 33, 3, 17)
    traced = torch.jit.trace(layer, x.detach(), check_trace=False)
    assert "PythonOp" not in str(traced.graph)
    torch.testing.assert_close(traced(x), dense(layer, x))


def test_scores_have_the_gradients_of_scaled_products():
    torch.manual_seed(7)
    query, key = (torch.randn(3, 5, 7, 11, dtype=torch.float64, requires_grad=True) for _ in "qk")
    assert torch.autograd.gradcheck(_scores, (query, key))
    torch.testing.assert_close(_scores(query, key), query @ key.transpose(-1, -2) / 11**0.5)
    _scores(query.transpose(1, 2), key.transpose(1, 2)).sum().backward()
    assert key.grad is not None


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


def test_a_mask_of_ones_costs_nothing_in_training():
    x, ones = torch.zeros(2, 5, 7), torch.ones(2, 5, dtype=torch.int64)
    assert score_bias(ones, x, 3) is None
    padded = ones.index_fill(1, torch.tensor([4]), 0)
    found = score_bias(padded, x, 3)
    with torch.no_grad():
        assert score_bias(ones, x, 3).shape == (2, 1, 1, 5)
        torch.testing.assert_close(found, score_bias(padded, x, 3))


@pytest.mark.usefixtures("threads")
def test_a_text_of_padding_alone_has_the_right_gradient():
    """That of torch's fused attention is too large by the number of tokens, and grew with each block."""
    torch.manual_seed(7)
    sizes = {"hidden_size": 12, "embedding_size": 12, "num_attention_heads": 3, "intermediate_size": 20}
    config = SqueezeBertConfig(vocab_size=17, num_hidden_layers=3, **sizes, hidden_dropout_prob=0.0,
                               attention_probs_dropout_prob=0.0)  # fmt: skip
    model = SqueezeBertModel(config).double().train()
    ids = torch.randint(1, 17, (2, 7))
    mask = torch.ones_like(ids).index_fill(0, torch.tensor([1]), 0)
    upstream = torch.randn(2, 7, 12, dtype=torch.float64)
    gradients = []
    for written_out in (False, True):
        out = model(ids, attention_mask=mask, output_attentions=written_out).last_hidden_state
        used = [part for name, part in model.named_parameters() if "pooler" not in name]
        gradients.append(torch.autograd.grad(out, used, upstream))
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-12)


def test_one_vector_and_no_token_go_through_a_layer_in_training():
    layer = GroupedLinear(8, 6, 2)
    assert layer(torch.ones(8)).shape == (6,)
    assert layer(torch.ones(3, 0, 8)).shape == (3, 0, 6)


def test_a_model_in_double_precision_trains_in_bf16():
    model = SqueezeBertModel(
        SqueezeBertConfig(vocab_size=17, hidden_size=12, embedding_size=12, num_attention_heads=3,
                          intermediate_size=20, num_hidden_layers=1)
    ).double().train()  # fmt: skip
    mask = torch.ones(2, 5, dtype=torch.int64).index_fill(1, torch.tensor([4]), 0)
    with torch.autocast("cpu", torch.bfloat16):
        out = model(torch.ones_like(mask), attention_mask=mask).last_hidden_state
    assert torch.isfinite(out.float().sum())

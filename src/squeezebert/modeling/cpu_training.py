"""Products that are fast in training on a processor, forward and backward.

What torch does by itself copies and transposes its operands for as long as it multiplies, and in fp32 it uses
half of what AMD's processors can do; docs/decisions.md has the figures.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812

_TEXTS = 16
"""From so many on, torch leaves 1×1 convolutions of one thread to oneDNN in fp32, too."""


def trains_on_cpu(x: Tensor) -> bool:
    """Whether a gradient will be wanted of products on a processor, where other ways are fast."""
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    recorded = torch.compiler.is_compiling() or tracing
    return torch.is_grad_enabled() and x.device.type == "cpu" and not recorded


def product_dtype(x: Tensor) -> torch.dtype:
    """The type in which a matrix product of these values is computed on a processor."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def has_convolution(x: Tensor) -> bool:
    """Whether torch gives a convolution of such tokens ``[batch, tokens, channels]`` to oneDNN.

    In fp32, few texts on one thread take a slow way of torch's own (``use_mkldnn`` in its
    ``Convolution.cpp``).
    """
    dtype = product_dtype(x)
    if x.dim() == 1 or x.numel() == 0:
        return False
    if dtype == torch.float32 and torch.get_num_threads() == 1 and len(x) < _TEXTS:
        return False
    is_there: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return is_there and dtype in (torch.float32, torch.bfloat16)


class Convolution(torch.autograd.Function):
    """The layer and its gradient as what they are named after: convolutions of oneDNN, channels last.

    Tokens × channels are such an image as they stand; batched products would copy every operand into groups ×
    tokens × channels and back. All are float32, or all bfloat16; see :func:`has_convolution`.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int) -> Tensor:
        """``[..., tokens, in]``, ``[out, in / groups, 1]`` and ``[out]`` -> ``[..., tokens, out]``."""
        ctx.save_for_backward(x, weight)
        ctx.groups = groups
        out = F.conv2d(_as_image(x), weight[..., None], bias, groups=groups)
        return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """``[..., tokens, out]`` -> the gradients of what :meth:`forward` was given."""
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous()  # Once here; that of the keys is transposed.
        image, above = _as_image(x), _as_image(gradient)
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_x = _gradients(above, image, weight, ctx.groups, 0).permute(0, 2, 3, 1).reshape(x.shape)
        if ctx.needs_input_grad[1]:
            of_weight = _gradient_of_weight(above, image, weight, ctx.groups)
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum(tuple(range(gradient.dim() - 1)))
        return of_x, of_weight, of_bias, None


def _gradient_of_weight(above: Tensor, image: Tensor, weight: Tensor, groups: int) -> Tensor:
    """As products of matrices where MKL uses all that the processor has, else one group after the other."""
    parts = zip(above.chunk(groups, 1), image.chunk(groups, 1), weight.chunk(groups), strict=True)
    if image.dtype == torch.bfloat16:
        return torch.cat([_rows(part).t() @ _rows(seen) for part, seen, _ in parts])[..., None]
    if _leaves_avx512_unused():
        return torch.cat([_gradients(part, seen, matrix, 1, 1) for part, seen, matrix in parts])[..., 0]
    # In bf16 torch would copy such views.
    left, right = (
        _rows(each).view(-1, groups, each.shape[1] // groups).transpose(0, 1) for each in (above, image)
    )
    return torch.bmm(left.transpose(1, 2), right).flatten(0, 1)[..., None]


def _leaves_avx512_unused() -> bool:
    """Whether oneDNN is faster for AVX-512, which MKL does without on AMD's processors: from Zen 5 on.

    Those before take two steps for 512 bits, so that AVX2 is as fast; they have no AVX-VNNI either.
    """
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    # Older versions of torch do not tell.
    capabilities: Any = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx_vnni")) and "Intel" not in str(capabilities.get("cpu_name"))


def _as_image(x: Tensor) -> Tensor:
    """``[..., tokens, channels]`` -> ``[batch, channels, 1, tokens]``, channels last in memory."""
    return x.reshape(-1, 1, *x.shape[-2:]).permute(0, 3, 1, 2)


def _rows(image: Tensor) -> Tensor:
    """``[batch, channels, 1, tokens]`` -> ``[batch × tokens, channels]``."""
    return image.permute(0, 2, 3, 1).flatten(0, 2)


def _gradients(above: Tensor, image: Tensor, weight: Tensor, groups: int, which: int) -> Tensor:
    """The gradient of the image (0) or of the weight (1)."""
    found: tuple[Tensor, ...] = torch.ops.aten.convolution_backward(
        above, image, weight[..., None], None, [1, 1], [0, 0], [1, 1], False, [0, 0], groups,
        [index == which for index in range(3)],
    )  # fmt: skip
    return found[which]


class Scores(torch.autograd.Function):
    """Scaled products, and gradients that lie in memory as queries and keys do.

    torch's own gradient of the keys is transposed, and putting it in order takes longer than the product.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor) -> Tensor:
        """``[batch, heads, tokens, channels]``, twice -> ``[batch, heads, tokens, tokens]``."""
        query, key = query.contiguous(), key.contiguous()
        ctx.save_for_backward(query, key)
        ctx.scale = 1 / math.sqrt(query.shape[-1])
        return _scaled_product(query, key.transpose(-1, -2), ctx.scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """``[batch, heads, tokens, tokens]`` -> the gradients of queries and keys."""
        query, key = ctx.saved_tensors
        of_query = _scaled_product(gradient, key, ctx.scale)
        return of_query, _scaled_product(gradient.transpose(-1, -2), query, ctx.scale)


def _scaled_product(left: Tensor, right: Tensor, scale: float) -> Tensor:
    """``[batch, heads, n, k]`` and ``[batch, heads, k, m]`` -> ``[batch, heads, n, m]``."""
    ignored = left.new_empty(())
    product = torch.baddbmm(ignored, left.flatten(0, 1), right.flatten(0, 1), beta=0, alpha=scale)
    return product.view(*left.shape[:2], *product.shape[1:])

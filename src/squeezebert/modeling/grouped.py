"""The grouped linear layer, SqueezeBERT's replacement for BERT's fully-connected ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812

_HAS_ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
_TEXTS = 16
"""From so many on, torch leaves 1×1 convolutions of one thread to oneDNN in fp32, too."""


class GroupedLinear(nn.Module):
    """A kernel-1 grouped convolution over tokens, computed as one matrix product for each group.

    Output channels of group g read only the input channels of group g (paper, section 3.2). The weight keeps
    the published Conv1d shape ``[out, in / groups, 1]``; the input stays tokens × channels, so nothing is
    permuted around the layer.

    Args:
        in_features: Input channels, divisible by ``groups``.
        out_features: Output channels, divisible by ``groups``.
        groups: Number of groups; 1 is a plain linear layer.
    """

    def __init__(self, in_features: int, out_features: int, groups: int) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(out_features, in_features // groups, 1))
        self.bias = nn.Parameter(torch.zeros(out_features))

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in_features]`` -> ``[..., out_features]``."""
        if trains_on_cpu(x) and _is_convolved(x):
            dtype = product_dtype(x)
            x, weight, bias = x.to(dtype), self.weight.to(dtype), self.bias.to(dtype)
            out: Tensor = _Convolution.apply(x, weight, bias, self.groups)  # type: ignore[no-untyped-call]
            return out
        if self.groups == 1:
            return F.linear(x, self.weight.squeeze(-1), self.bias)
        rows = x.reshape(-1, self.groups, self.in_features // self.groups).transpose(0, 1)  # [G, T, in/G]
        matrices = self.weight.view(self.groups, -1, self.in_features // self.groups)  # [G, out/G, in/G]
        offsets = self.bias.view(self.groups, 1, -1)  # [G, 1, out/G]
        product = torch.baddbmm(offsets, rows, matrices.transpose(1, 2))  # [G, T, out/G]
        return product.transpose(0, 1).reshape(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """Sizes, for ``print(model)``."""
        return f"{self.in_features}, {self.out_features}, groups={self.groups}"


def trains_on_cpu(x: Tensor) -> bool:
    """Whether a gradient will be wanted of products on a processor, where other ways are fast."""
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    recorded = torch.compiler.is_compiling() or tracing
    return torch.is_grad_enabled() and x.device.type == "cpu" and not recorded


def product_dtype(x: Tensor) -> torch.dtype:
    """The type in which a matrix product of these values is computed on a processor."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def _is_convolved(x: Tensor) -> bool:
    """Whether torch gives a convolution of such tokens to oneDNN.

    In fp32, few texts on one thread take a slow way of torch's own (``use_mkldnn`` in its
    ``Convolution.cpp``).
    """
    dtype = product_dtype(x)
    if dtype == torch.float32 and torch.get_num_threads() == 1 and len(x) < _TEXTS:
        return False
    return dtype in (torch.float32, torch.bfloat16) and _HAS_ONEDNN


class _Convolution(torch.autograd.Function):
    """The layer and its gradient as what they are named after: convolutions of oneDNN, channels last.

    Tokens × channels are such an image as they stand. Batched products copy every operand into groups ×
    tokens × channels and back; and in fp32 oneDNN has twice the rate of torch's other products on AMD's
    processors (docs/decisions.md).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int) -> Tensor:
        """``[..., tokens, in]``, ``[out, in / groups, 1]`` and ``[out]`` -> ``[..., tokens, out]``."""
        ctx.save_for_backward(x, weight)
        ctx.groups = groups
        out = F.conv2d(_as_image(x), weight[..., None], bias, groups=groups)
        return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)

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
    """One group after the other, which oneDNN is fast at; in bf16 products of matrices are faster still."""
    parts = zip(above.chunk(groups, 1), image.chunk(groups, 1), weight.chunk(groups), strict=True)
    if image.dtype == torch.bfloat16:
        return torch.cat([_rows(part).t() @ _rows(seen) for part, seen, _ in parts])[..., None]
    return torch.cat([_gradients(part, seen, matrix, 1, 1) for part, seen, matrix in parts])[..., 0]


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

"""The grouped linear layer, SqueezeBERT's replacement for BERT's fully-connected ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812


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
        if self.groups == 1:
            return F.linear(x, self.weight.squeeze(-1), self.bias)
        if trains_in_bf16_on_cpu(x) and not torch.compiler.is_compiling():
            return self._forward_in_training(x)
        rows = x.reshape(-1, self.groups, self.in_features // self.groups).transpose(0, 1)  # [G, T, in/G]
        weight = self.weight.view(self.groups, -1, self.in_features // self.groups)  # [G, out/G, in/G]
        bias = self.bias.view(self.groups, 1, -1)  # [G, 1, out/G]
        out = torch.baddbmm(bias, rows, weight.transpose(1, 2))  # [G, T, out/G]
        return out.transpose(0, 1).reshape(*x.shape[:-1], self.out_features)

    def _forward_in_training(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, self.in_features).to(torch.bfloat16)  # [T, in]
        weight, bias = self.weight.squeeze(-1).to(torch.bfloat16), self.bias.to(torch.bfloat16)
        out: Tensor = _GroupedProduct.apply(rows, weight, bias, self.groups)  # type: ignore[no-untyped-call]
        return out.view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """Sizes, for ``print(model)``."""
        return f"{self.in_features}, {self.out_features}, groups={self.groups}"


def trains_in_bf16_on_cpu(x: Tensor) -> bool:
    """Whether a gradient will be wanted of products in bf16 on a processor, where other ways are fast."""
    if not torch.is_grad_enabled() or x.device.type != "cpu":
        return False
    autocast = torch.is_autocast_enabled("cpu")
    return (torch.get_autocast_dtype("cpu") if autocast else x.dtype) == torch.bfloat16


class _GroupedProduct(torch.autograd.Function):
    """The layer and its gradient on strided views of tokens × channels.

    Batched products copy every operand into groups × tokens × channels and back, forward and backward, which
    costs as much time as the products themselves.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int) -> Tensor:
        """``[T, in]``, ``[out, in / groups]`` and ``[out]`` -> ``[T, out]``."""
        ctx.save_for_backward(x, weight)
        ctx.groups = groups
        out = x.new_empty(len(x), len(weight))
        for part, rows, matrix, offset in zip(
            out.chunk(groups, 1), x.chunk(groups, 1), weight.chunk(groups), bias.chunk(groups), strict=True
        ):
            torch.addmm(offset, rows, matrix.t(), out=part)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """``[T, out]`` -> the gradients of what :meth:`forward` was given."""
        x, weight = ctx.saved_tensors
        of_x, of_weight = torch.empty_like(x), torch.empty_like(weight)
        for index, part in enumerate(gradient.chunk(ctx.groups, 1)):
            rows, matrix = x.chunk(ctx.groups, 1)[index], weight.chunk(ctx.groups)[index]
            torch.mm(part, matrix, out=of_x.chunk(ctx.groups, 1)[index])
            torch.mm(part.t(), rows, out=of_weight.chunk(ctx.groups)[index])
        return of_x, of_weight, gradient.sum(0), None

"""The grouped linear layer, SqueezeBERT's replacement for BERT's fully-connected ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from squeezebert.modeling.cpu_training import Convolution, has_convolution, product_dtype, trains_on_cpu


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
        if trains_on_cpu(x) and has_convolution(x):
            dtype = product_dtype(x)
            x, weight, bias = x.to(dtype), self.weight.to(dtype), self.bias.to(dtype)
            out: Tensor = Convolution.apply(x, weight, bias, self.groups)  # type: ignore[no-untyped-call]
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

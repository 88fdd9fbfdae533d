"""What all models share: initialisation, and later loading and saving."""

from __future__ import annotations

import torch
from torch import nn

from squeezebert.config import SqueezeBertConfig
from squeezebert.modeling.grouped import GroupedLinear


class SqueezeBertPreTrainedModel(nn.Module):
    """Base of all models.

    Args:
        config: Sizes and groups; kept as ``self.config``.
    """

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__()
        self.config = config

    @torch.no_grad()
    def initialize(self) -> None:
        """Draw weights from normal(0, ``initializer_range``), set biases to 0 and norms to (1, 0)."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding, GroupedLinear)):
                module.weight.normal_(0.0, self.config.initializer_range)
            if isinstance(module, (nn.Linear, GroupedLinear)) and module.bias is not None:
                module.bias.zero_()
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                module.weight[module.padding_idx].zero_()

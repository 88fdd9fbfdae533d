"""The networks in torch, which peers run or export; needs torch and transformers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from squeezebert.benchmark.models import Model
from squeezebert.config import SqueezeBertConfig
from squeezebert.modeling import SqueezeBertModel

_SEED = 13


class Encoder(nn.Module):
    """A network with two inputs and one output, as all peers run it.

    Args:
        network: Of transformers, or with the same signature.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None) -> Tensor:
        """Both ``[batch, tokens]`` -> last hidden state ``[batch, tokens, hidden]``."""
        hidden: Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask, return_dict=False)[
            0
        ]
        return hidden


def build(model: Model, **options: Any) -> Encoder:
    """Make a network with random weights, in eval mode.

    Args:
        model: Its row in the table.
        options: For ``from_config`` of transformers, such as ``attn_implementation``.
    """
    torch.manual_seed(_SEED)
    if model.library == "squeezebert":
        return Encoder(SqueezeBertModel(SqueezeBertConfig.from_dict(dict(model.sizes)))).eval()
    config = AutoConfig.for_model(model.architecture, **model.sizes)
    make: Callable[..., nn.Module] = AutoModel.from_config
    return Encoder(make(config, **options)).eval()

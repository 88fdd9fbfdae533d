"""Multi-head self-attention with grouped projections."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from squeezebert.config import SqueezeBertConfig
from squeezebert.modeling.cpu_training import Scores, product_dtype, trains_on_cpu
from squeezebert.modeling.dropout import dropout
from squeezebert.modeling.grouped import GroupedLinear


class SqueezeBertSelfAttention(nn.Module):
    """Scaled dot-product attention; the projection after it lives in the block."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.head_size = config.head_size
        self.dropout = config.attention_probs_dropout_prob
        self.query = GroupedLinear(config.hidden_size, config.hidden_size, config.q_groups)
        self.key = GroupedLinear(config.hidden_size, config.hidden_size, config.k_groups)
        self.value = GroupedLinear(config.hidden_size, config.hidden_size, config.v_groups)

    def forward(
        self, x: Tensor, bias: Tensor | None, output_attentions: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Args:
            x: ``[batch, tokens, hidden]``.
            bias: Added to the scores, broadcastable to ``[batch, heads, tokens, tokens]``; None where nothing
                is masked.
            output_attentions: Also return the probabilities, which costs the fused kernel.

        Returns:
            Context ``[batch, tokens, hidden]`` and, if asked for, the probabilities
            ``[batch, heads, tokens, tokens]`` after softmax and before dropout.
        """
        rate = self.dropout if self.training else 0.0
        # The backward of the fused kernel is slow in bf16 on a processor: 34 ms for 16 × 128 tokens of 12
        # heads of 32 channels, and 10 ms as written out below. In fp32 it is the faster way, but for dropout.
        written_out = trains_on_cpu(x) and (
            rate > 0 or product_dtype(x) == torch.bfloat16 or _sees_nothing_somewhere(bias)
        )
        x = x.to(product_dtype(x)) if written_out else x  # Once here, not in each of the layers.
        query, key, value = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        if not output_attentions and not written_out:
            context = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=rate)
            return self._merge(context), None
        scores = _scores(query, key)
        probabilities = torch.softmax(scores if bias is None else scores + bias, dim=-1)
        # A mask in float64 makes probabilities of that type, which autocast leaves as they are.
        context = self._merge(dropout(probabilities, rate).to(value.dtype) @ value)
        return context, probabilities if output_attentions else None

    def _split(self, x: Tensor) -> Tensor:
        """``[batch, tokens, hidden]`` -> ``[batch, heads, tokens, hidden / heads]``."""
        return x.view(*x.shape[:-1], self.heads, self.head_size).transpose(1, 2)

    def _merge(self, x: Tensor) -> Tensor:
        """``[batch, heads, tokens, hidden / heads]`` -> ``[batch, tokens, hidden]``."""
        return x.transpose(1, 2).flatten(2)


def _sees_nothing_somewhere(bias: Tensor | None) -> bool:
    """Whether a token sees none: the fused kernel's gradient is then too large by their number.

    Args:
        bias: Added to the scores ``[batch, 1 or heads, 1 or tokens, tokens]``; None for nothing masked.
    """
    return bias is not None and bool((bias <= torch.finfo(bias.dtype).min).all(-1).any())


def _scores(query: Tensor, key: Tensor) -> Tensor:
    """Queries and keys ``[batch, heads, tokens, channels]`` -> ``[batch, heads, tokens, tokens]``."""
    if trains_on_cpu(query):
        scores: Tensor = Scores.apply(query, key)  # type: ignore[no-untyped-call]
        return scores
    return (query / math.sqrt(query.shape[-1])) @ key.transpose(-1, -2)

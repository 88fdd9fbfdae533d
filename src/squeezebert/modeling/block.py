"""One encoder block: attention, then the feed-forward part, each with residual and post-norm."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from squeezebert.config import SqueezeBertConfig
from squeezebert.modeling.attention import SqueezeBertSelfAttention
from squeezebert.modeling.dropout import Dropout
from squeezebert.modeling.grouped import GroupedLinear

# The public implementation ignores the config here: the norms inside the blocks always use this epsilon.
BLOCK_NORM_EPS = 1e-12


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """Return the function that ``hidden_act`` names; "gelu" is the exact erf form."""
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "gelu": F.gelu,
        "gelu_new": partial(F.gelu, approximate="tanh"),  # A lambda could not be pickled.
        "relu": F.relu,
    }
    return functions[name]


class ConvDropoutLayerNorm(nn.Module):
    """Grouped linear, dropout, residual, layer norm."""

    def __init__(self, in_features: int, out_features: int, groups: int, dropout: float) -> None:
        super().__init__()
        self.conv1d = GroupedLinear(in_features, out_features, groups)
        self.layernorm = nn.LayerNorm(out_features, eps=BLOCK_NORM_EPS)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        """``[..., in]`` and residual ``[..., out]`` -> ``[..., out]``."""
        normed: Tensor = self.layernorm(self.dropout(self.conv1d(x)) + residual)
        return normed


class ConvActivation(nn.Module):
    """Grouped linear and activation."""

    def __init__(self, in_features: int, out_features: int, groups: int, act: str) -> None:
        super().__init__()
        self.conv1d = GroupedLinear(in_features, out_features, groups)
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` -> ``[..., out]``."""
        return self.act(self.conv1d(x))


class SqueezeBertModule(nn.Module):
    """An encoder block (paper, section 3; figure 1 is BERT's)."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__()
        hidden, inner, dropout = config.hidden_size, config.intermediate_size, config.hidden_dropout_prob
        self.attention = SqueezeBertSelfAttention(config)
        self.post_attention = ConvDropoutLayerNorm(hidden, hidden, config.post_attention_groups, dropout)
        self.intermediate = ConvActivation(hidden, inner, config.intermediate_groups, config.hidden_act)
        self.output = ConvDropoutLayerNorm(inner, hidden, config.output_groups, dropout)

    def forward(
        self, x: Tensor, bias: Tensor | None, output_attentions: bool
    ) -> tuple[Tensor, Tensor | None]:
        """``[batch, tokens, hidden]`` -> the same, and the attention probabilities if asked for."""
        context, probabilities = self.attention(x, bias, output_attentions)
        attended = self.post_attention(context, x)
        return self.output(self.intermediate(attended), attended), probabilities

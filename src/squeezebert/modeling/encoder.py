"""The base model: embeddings, blocks and pooler."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import OptionError
from squeezebert.modeling.block import SqueezeBertModule
from squeezebert.modeling.cpu_training import trains_on_cpu
from squeezebert.modeling.dropout import Dropout
from squeezebert.modeling.outputs import BaseModelOutput, BaseModelOutputWithPooling
from squeezebert.modeling.pretrained import SqueezeBertPreTrainedModel


class SqueezeBertEmbeddings(nn.Module):
    """Sum of word, position and segment embeddings, normed."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(
            config.vocab_size, config.embedding_size, padding_idx=config.pad_token_id
        )
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.embedding_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.embedding_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(self, words: Tensor, token_type_ids: Tensor, position_ids: Tensor) -> Tensor:
        """Embed.

        Args:
            words: Word embeddings ``[batch, tokens, hidden]``.
            token_type_ids: ``[batch, tokens]``.
            position_ids: ``[batch or 1, tokens]``.

        Returns:
            ``[batch, tokens, hidden]``.
        """
        positions = look_up(self.position_embeddings, position_ids, "position_ids")
        segments = look_up(self.token_type_embeddings, token_type_ids, "token_type_ids")
        total = words + positions + segments
        embedded: Tensor = self.dropout(self.LayerNorm(total))
        return embedded


class SqueezeBertEncoder(nn.Module):
    """The stack of blocks."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(SqueezeBertModule(config) for _ in range(config.num_hidden_layers))
        self.gradient_checkpointing = False

    def forward(
        self, x: Tensor, bias: Tensor | None, output_attentions: bool, output_hidden_states: bool
    ) -> BaseModelOutput:
        """``[batch, tokens, hidden]`` and the score bias -> the output of every block that is asked for."""
        states, attentions = [x], []
        for layer in self.layers:
            if self.gradient_checkpointing and self.training:
                x, probabilities = checkpoint(layer, x, bias, output_attentions, use_reentrant=False)
            else:
                x, probabilities = layer(x, bias, output_attentions)
            if output_hidden_states:
                states.append(x)
            if probabilities is not None:
                attentions.append(probabilities)
        return BaseModelOutput(
            last_hidden_state=x,
            hidden_states=tuple(states) if output_hidden_states else None,
            attentions=tuple(attentions) if output_attentions else None,
        )


class SqueezeBertPooler(nn.Module):
    """Linear and tanh on the first token."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, tokens, hidden]`` -> ``[batch, hidden]``."""
        return torch.tanh(self.dense(x[:, 0]))


class SqueezeBertModel(SqueezeBertPreTrainedModel):
    """The encoder without a head."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__(config)
        self.embeddings = SqueezeBertEmbeddings(config)
        self.encoder = SqueezeBertEncoder(config)
        self.pooler = SqueezeBertPooler(config)
        self.initialize()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> BaseModelOutputWithPooling | tuple[Tensor, ...]:
        """Encode a padded batch.

        Args:
            input_ids: ``[batch, tokens]`` integers; or give ``inputs_embeds``.
            attention_mask: ``[batch, tokens]``, 1 for tokens and 0 for padding; all ones by default. Floats
                ``[batch, 1 or heads, tokens, tokens]`` are added to the scores.
            token_type_ids: ``[batch, tokens]``; zeros by default.
            position_ids: ``[batch or 1, tokens]``; counted from 0 by default.
            inputs_embeds: ``[batch, tokens, hidden]`` in place of word embeddings.
            output_attentions: Also return the attention probabilities of every block; by default where the
                config has this key and says so.
            output_hidden_states: Also return the embedding output and every block's output; by default
                likewise.
            return_dict: False for a plain tuple.

        Returns:
            ``last_hidden_state`` ``[batch, tokens, hidden]``, ``pooler_output`` ``[batch, hidden]``, and what
            else is asked for, in the type of the parameters.

        Raises:
            OptionError: Neither or both of ``input_ids`` and ``inputs_embeds`` are given, or one of other
                axes, the mask has other axes, an id is out of range (on CPU), or a sequence is longer than
                the position embeddings.
        """
        if input_ids is not None and inputs_embeds is None:
            words = look_up(self.embeddings.word_embeddings, input_ids, "input_ids")
        elif inputs_embeds is not None and input_ids is None:
            words = inputs_embeds
        else:
            raise OptionError("give either input_ids or inputs_embeds")
        if words.dim() != 3:
            of_ids = (f"input_ids has the shape {list(words.shape[:-1])}", "[batch, tokens]")
            of_embeds = (f"inputs_embeds has the shape {list(words.shape)}", "[batch, tokens, hidden]")
            found, axes = of_ids if inputs_embeds is None else of_embeds
            raise OptionError(f"{found}; expected {axes}")
        batch, tokens = words.shape[:2]
        if position_ids is None:
            if tokens > self.config.max_position_embeddings:
                raise OptionError(
                    f"{tokens} tokens are more than max_position_embeddings "
                    f"{self.config.max_position_embeddings}; truncate or window the text"
                )
            position_ids = torch.arange(tokens, device=words.device)[None]
        if token_type_ids is None:
            token_type_ids = torch.zeros(batch, tokens, dtype=torch.long, device=words.device)
        embedded = self.embeddings(words, token_type_ids, position_ids)
        encoded = self.encoder(
            embedded,
            score_bias(attention_mask, embedded, self.config.num_attention_heads),
            self._wants("output_attentions", output_attentions),
            self._wants("output_hidden_states", output_hidden_states),
        )
        output = BaseModelOutputWithPooling(
            last_hidden_state=encoded.last_hidden_state,
            pooler_output=self.pooler(encoded.last_hidden_state),
            hidden_states=encoded.hidden_states,
            attentions=encoded.attentions,
        )
        return output.to_tuple() if return_dict is False else output

    def _wants(self, key: str, asked: bool | None) -> bool:
        """Whether a call that asked so, or not at all, gets the output that a key of the config names."""
        if asked is None:
            # What was set on the live model's config stands above what was read.
            asked = getattr(self.config, key, self.config.extra.get(key))
        return bool(asked)


def look_up(table: nn.Embedding, ids: Tensor, name: str) -> Tensor:
    """``[...]`` ids -> ``[..., hidden]``, with an error that names an id out of range."""
    try:
        found: Tensor = table(ids)
    except IndexError as error:
        wrong = ids[(ids < 0) | (ids >= table.num_embeddings)]
        if wrong.numel() == 0:
            raise
        raise OptionError(
            f"{name} holds {int(wrong[0])}; the model has the ids 0 to {table.num_embeddings - 1}"
        ) from error
    return found


def score_bias(attention_mask: Tensor | None, like: Tensor, heads: int) -> Tensor | None:
    """Turn a mask of ones and zeros ``[batch, tokens]`` into what is added to the scores.

    Floats ``[batch, 1 or heads, tokens, tokens]`` are that already.

    Args:
        attention_mask: The mask, or None. Axes may also be 1, for one that is the same all along.
        like: ``[batch, tokens, hidden]`` that attends.
        heads: How many there are.

    Returns:
        ``[batch, 1 or heads, 1 or tokens, tokens]``, 0 and the most negative finite number for ones and
        zeros, in the dtype of ``like``; None for no mask, or for one of ones in training on a processor.
        Finite, so that a row that is padding throughout stays free of NaN.

    Raises:
        OptionError: The mask has other axes, or four and no floats.
    """
    if attention_mask is None:
        return None
    lowest = torch.finfo(like.dtype).min
    (batch, tokens), axes = like.shape[:2], attention_mask.shape
    full = (batch, tokens) if len(axes) == 2 else (batch, heads, tokens, tokens)
    if len(axes) != len(full) or any(size not in (1, most) for size, most in zip(axes, full, strict=True)):
        raise OptionError(
            f"attention_mask has the shape {list(axes)}; expected [batch, tokens], here {[batch, tokens]}, "
            "or [batch, 1 or heads, tokens, tokens]"
        )
    if len(axes) == 2:
        masked = attention_mask == 0
        if trains_on_cpu(like) and not masked.any():
            return None  # A pass over the scores of each block less.
        bias = torch.zeros(axes, dtype=like.dtype, device=like.device)
        return bias.masked_fill_(masked, lowest)[:, None, None, :]
    if not attention_mask.is_floating_point():
        raise OptionError(
            f"attention_mask has four axes and the type {attention_mask.dtype}; expected floats to be added "
            "to the scores: 0 for a token that is seen, torch.finfo(dtype).min for one that is not"
        )
    return attention_mask.clamp(min=lowest).to(like)

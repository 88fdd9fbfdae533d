"""The models that predict vocabulary: masked language modelling, and the published pre-training pair."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from squeezebert.config import SqueezeBertConfig
from squeezebert.modeling.block import activation
from squeezebert.modeling.heads import HeadModel
from squeezebert.modeling.outputs import MaskedLMOutput, PreTrainingOutput


class SqueezeBertPredictionHeadTransform(nn.Module):
    """Dense, activation and norm before the vocabulary decoder."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.act = activation(config.hidden_act)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., hidden]`` -> ``[..., hidden]``."""
        transformed: Tensor = self.LayerNorm(self.act(self.dense(x)))
        return transformed


class TiedDecoder(nn.Linear):
    """Linear whose parameters belong to others, and are copied into a state dict.

    Safetensors refuses tensors that share memory, and transformers' Trainer saves a state dict as it is.
    """

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if not keep_vars:
            for name in ("weight", "bias"):
                destination[prefix + name] = destination[prefix + name].clone()


class SqueezeBertLMPredictionHead(nn.Module):
    """Scores over the vocabulary; the decoder weight is tied to the word embeddings."""

    def __init__(self, config: SqueezeBertConfig, embeddings: nn.Embedding) -> None:
        super().__init__()
        self.transform = SqueezeBertPredictionHeadTransform(config)
        self.decoder = TiedDecoder(config.hidden_size, config.vocab_size)
        self.decoder.weight = embeddings.weight
        self.bias = self.decoder.bias

    def forward(self, x: Tensor) -> Tensor:
        """``[..., hidden]`` -> ``[..., vocabulary]``."""
        scores: Tensor = self.decoder(self.transform(x))
        return scores


class SqueezeBertOnlyMLMHead(nn.Module):
    """Holder of the masked-LM head, for its published name ``cls.predictions``."""

    def __init__(self, config: SqueezeBertConfig, embeddings: nn.Embedding) -> None:
        super().__init__()
        self.predictions = SqueezeBertLMPredictionHead(config, embeddings)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., hidden]`` -> ``[..., vocabulary]``."""
        scores: Tensor = self.predictions(x)
        return scores


class SqueezeBertPreTrainingHeads(SqueezeBertOnlyMLMHead):
    """Masked-LM head and sentence-order head, as in the published pre-training checkpoint."""

    def __init__(self, config: SqueezeBertConfig, embeddings: nn.Embedding) -> None:
        super().__init__(config, embeddings)
        self.seq_relationship = nn.Linear(config.hidden_size, 2)


class _VocabularyModel(HeadModel):
    """What models with a vocabulary decoder share: access to the tied decoder."""

    cls: SqueezeBertOnlyMLMHead

    def get_output_embeddings(self) -> nn.Linear:
        """Return the decoder, whose weight ``[vocabulary, hidden]`` is the word embedding table."""
        return self.cls.predictions.decoder

    def tie_weights(self) -> None:
        """Make the decoder share the word embedding table, and its bias the head's."""
        head = self.cls.predictions
        head.decoder.weight = self.transformer.embeddings.word_embeddings.weight
        head.bias = head.decoder.bias

    @torch.no_grad()
    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None
    ) -> nn.Embedding:
        """As in the base class; the decoder follows, with a bias of 0 for new words."""
        words = super().resize_token_embeddings(new_num_tokens, pad_to_multiple_of)
        decoder = self.cls.predictions.decoder
        more = words.num_embeddings - decoder.out_features
        if more != 0:
            # Where it is negative, as many are cut off.
            decoder.bias = nn.Parameter(
                F.pad(decoder.bias, (0, more)), requires_grad=decoder.bias.requires_grad
            )
            decoder.out_features = words.num_embeddings
            self.tie_weights()
        return words


class SqueezeBertForMaskedLM(_VocabularyModel):
    """Masked language modelling."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__(config)
        self.cls = SqueezeBertOnlyMLMHead(config, self.transformer.embeddings.word_embeddings)
        self.initialize()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> MaskedLMOutput | tuple[Any, ...]:
        """Score the vocabulary at every position; inputs as in :meth:`SqueezeBertModel.forward`.

        Args:
            labels: ``[batch, tokens]`` ids, -100 where no loss is taken.

        Returns:
            ``logits`` ``[batch, tokens, vocabulary]``, and the ``loss`` where there are labels; a plain tuple
            of what is not None with ``return_dict=False``.

        Raises:
            OptionError: As :meth:`SqueezeBertModel.forward`.
        """
        encoded = self.encode(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states,
        )  # fmt: skip
        logits = self.cls(encoded.last_hidden_state)
        loss = None if labels is None else F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        output = MaskedLMOutput(loss, logits, encoded.hidden_states, encoded.attentions)
        return output.to_tuple() if return_dict is False else output


class SqueezeBertForPreTraining(_VocabularyModel):
    """Masked language modelling and sentence order, the objectives of the published pre-training."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__(config)
        self.cls: SqueezeBertPreTrainingHeads = SqueezeBertPreTrainingHeads(
            config, self.transformer.embeddings.word_embeddings
        )
        self.initialize()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        sentence_order_label: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> PreTrainingOutput | tuple[Any, ...]:
        """Score vocabulary and sentence order; inputs as in :meth:`SqueezeBertModel.forward`.

        Args:
            labels: ``[batch, tokens]`` ids, -100 where no loss is taken.
            sentence_order_label: ``[batch]``, 0 for sentences in order, 1 for swapped ones. The loss is the
                sum of both parts, or the one whose labels are given.

        Returns:
            ``prediction_logits`` ``[batch, tokens, vocabulary]``, ``seq_relationship_logits`` ``[batch, 2]``,
            and the ``loss`` where there are labels; a plain tuple of what is not None with
            ``return_dict=False``.

        Raises:
            OptionError: As :meth:`SqueezeBertModel.forward`.
        """
        encoded = self.encode(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states,
        )  # fmt: skip
        scores = self.cls(encoded.last_hidden_state)
        order = self.cls.seq_relationship(encoded.pooler_output)
        parts = []
        if labels is not None:
            parts.append(F.cross_entropy(scores.flatten(0, 1), labels.flatten()))
        if sentence_order_label is not None:
            parts.append(F.cross_entropy(order, sentence_order_label.flatten()))
        loss = sum(parts[1:], parts[0]) if parts else None
        output = PreTrainingOutput(loss, scores, order, encoded.hidden_states, encoded.attentions)
        return output.to_tuple() if return_dict is False else output

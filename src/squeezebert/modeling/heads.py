"""The models that classify: texts, choices, tokens and spans; named and called like the published ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from squeezebert.config import SqueezeBertConfig, two_outputs
from squeezebert.errors import ConfigError, OptionError
from squeezebert.modeling.dropout import Dropout
from squeezebert.modeling.encoder import SqueezeBertModel
from squeezebert.modeling.outputs import (
    BaseModelOutputWithPooling,
    MultipleChoiceModelOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from squeezebert.modeling.pretrained import SqueezeBertPreTrainedModel


class HeadModel(SqueezeBertPreTrainedModel):
    """Base of the models with a head: the encoder under ``transformer``, as the checkpoints name it."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__(config)
        self.transformer = SqueezeBertModel(config)
        # One for both, so that what is set on the model's config is heard by its encoder.
        self.transformer.config = self.config

    def encode(self, *inputs: Tensor | None, **options: Any) -> BaseModelOutputWithPooling:
        """Run the base model; arguments as in :meth:`SqueezeBertModel.forward`."""
        output: BaseModelOutputWithPooling = self.transformer(*inputs, **options)
        return output


class SqueezeBertForSequenceClassification(HeadModel):
    """Single-label or multi-label classification, or regression, of a text or a pair."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__(config)
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
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
    ) -> SequenceClassifierOutput | tuple[Any, ...]:
        """Score the labels of each text; inputs as in :meth:`SqueezeBertModel.forward`.

        Args:
            labels: ``[batch]`` integers for one label a text, ``[batch, labels]`` floats for multi-label,
                ``[batch]`` or ``[batch, labels]`` floats for regression. ``config.problem_type`` decides; if
                it is None, the number of labels and the dtype do, as in the public implementation.

        Returns:
            ``logits`` ``[batch, labels]``, and the ``loss`` where there are labels; a plain tuple
            of what is not None with ``return_dict=False``.

        Raises:
            OptionError: As :meth:`SqueezeBertModel.forward`.
        """
        encoded = self.encode(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states,
        )  # fmt: skip
        logits = self.classifier(self.dropout(encoded.pooler_output))
        loss = None if labels is None else classification_loss(logits, labels, self.config.problem_type)
        output = SequenceClassifierOutput(loss, logits, encoded.hidden_states, encoded.attentions)
        return output.to_tuple() if return_dict is False else output


def precise(x: Tensor) -> Tensor:
    """Values ``[...]`` in float32, or in float64 where they are that."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def classification_loss(logits: Tensor, labels: Tensor, problem_type: str | None) -> Tensor:
    """Mean loss of a classification head; ``logits`` ``[batch, labels]``, targets as in its forward.

    Computed in float32 at least: in bfloat16, targets of 99.8 and 100.2 would be the same.

    Raises:
        ConfigError: One label is to be told from no other, so that the loss would be 0 whatever is learnt.
    """
    logits = precise(logits)
    if problem_type is None:
        if logits.shape[-1] == 1:
            problem_type = "regression"
        elif labels.is_floating_point():
            problem_type = "multi_label_classification"
        else:
            problem_type = "single_label_classification"
    if problem_type == "regression":
        return F.mse_loss(logits, labels.view_as(logits).to(logits.dtype))
    if problem_type == "multi_label_classification":
        return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
    if logits.shape[-1] == 1:
        raise ConfigError(
            f"problem_type {problem_type!r} with one label has nothing to learn; set num_labels to 2 or "
            "more, or problem_type to 'regression' or 'multi_label_classification'"
        )
    return F.cross_entropy(logits, labels.flatten())


class SqueezeBertForMultipleChoice(HeadModel):
    """One score for each choice of a question."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__(config)
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, 1)
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
    ) -> MultipleChoiceModelOutput | tuple[Any, ...]:
        """Score the choices; every input has a dimension ``choices`` after ``batch``.

        Args:
            input_ids: ``[batch, choices, tokens]``, and the other inputs likewise; those beside it may also
                be ``[batch * choices, tokens]``.
            labels: ``[batch]`` index of the right choice.

        Returns:
            ``logits`` ``[batch, choices]``, and the ``loss`` where there are labels; a plain tuple of what is
            not None with ``return_dict=False``.

        Raises:
            OptionError: Neither ``input_ids`` nor ``inputs_embeds`` is given, or the one that is has no
                dimension of choices.
        """
        given = input_ids if input_ids is not None else inputs_embeds
        if given is None:
            raise OptionError("give either input_ids or inputs_embeds")
        name, axes = ("input_ids", "tokens") if given is input_ids else ("inputs_embeds", "tokens, embedding")
        if given.dim() != (3 if given is input_ids else 4):
            raise OptionError(f"{name} has the shape {list(given.shape)}; expected [batch, choices, {axes}]")
        flat = [
            None if item is None else _flat(item, given.shape[:2])
            for item in (input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        ]
        encoded = self.encode(
            *flat, output_attentions=output_attentions, output_hidden_states=output_hidden_states
        )
        logits = self.classifier(self.dropout(encoded.pooler_output)).view(-1, given.shape[1])
        loss = None if labels is None else F.cross_entropy(logits, labels)
        output = MultipleChoiceModelOutput(loss, logits, encoded.hidden_states, encoded.attentions)
        return output.to_tuple() if return_dict is False else output


def _flat(item: Tensor, choices: torch.Size) -> Tensor:
    """One dimension in place of ``[batch, choices]``, if it begins with these."""
    return item.flatten(0, 1) if item.shape[:2] == choices else item


class SqueezeBertForTokenClassification(HeadModel):
    """One label for each token."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__(config)
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
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
    ) -> TokenClassifierOutput | tuple[Any, ...]:
        """Score the labels of each token; inputs as in :meth:`SqueezeBertModel.forward`.

        Args:
            labels: ``[batch, tokens]`` integers, -100 where no loss is taken.

        Returns:
            ``logits`` ``[batch, tokens, labels]``, and the ``loss`` where there are labels; a plain tuple
            of what is not None with ``return_dict=False``.

        Raises:
            OptionError: As :meth:`SqueezeBertModel.forward`.
        """
        encoded = self.encode(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states,
        )  # fmt: skip
        logits = self.classifier(self.dropout(encoded.last_hidden_state))
        loss = None if labels is None else F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        output = TokenClassifierOutput(loss, logits, encoded.hidden_states, encoded.attentions)
        return output.to_tuple() if return_dict is False else output


class SqueezeBertForQuestionAnswering(HeadModel):
    """Start and end of an answer in the text."""

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__(config)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)
        self.initialize()

    def _saved_config(self) -> SqueezeBertConfig:
        return two_outputs(super()._saved_config())

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> QuestionAnsweringModelOutput | tuple[Any, ...]:
        """Score every token as start and as end; inputs as in :meth:`SqueezeBertModel.forward`.

        Args:
            start_positions: ``[batch]`` token indices; one outside the input takes no loss.
            end_positions: ``[batch]`` token indices, inclusive.

        Returns:
            ``start_logits`` and ``end_logits`` ``[batch, tokens]``, and the ``loss``, the mean of both,
            where there are positions; a plain tuple of what is not None with ``return_dict=False``.

        Raises:
            OptionError: As :meth:`SqueezeBertModel.forward`.
        """
        encoded = self.encode(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states,
        )  # fmt: skip
        start_logits, end_logits = self.qa_outputs(encoded.last_hidden_state).unbind(-1)
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = (_span_loss(start_logits, start_positions) + _span_loss(end_logits, end_positions)) / 2
        output = QuestionAnsweringModelOutput(
            loss, start_logits, end_logits, encoded.hidden_states, encoded.attentions
        )
        return output.to_tuple() if return_dict is False else output


def _span_loss(logits: Tensor, positions: Tensor) -> Tensor:
    """Cross entropy over ``logits`` ``[batch, tokens]``, without the positions that lie outside."""
    outside = logits.shape[1]
    return F.cross_entropy(logits, positions.flatten().clamp(0, outside), ignore_index=outside)

"""What the models return; field names are those of the public implementation."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.export import register_dataclass

from squeezebert.outputs import ModelOutput


@dataclass
class BaseModelOutput(ModelOutput):
    """Output of the encoder.

    Attributes:
        last_hidden_state: ``[batch, tokens, hidden]``.
        hidden_states: Embedding output and the output of every block, each ``[batch, tokens, hidden]``.
        attentions: Probabilities after the softmax of every block, each ``[batch, heads, tokens, tokens]``.
            (The public implementation returns masked scores before the softmax.)
    """

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class BaseModelOutputWithPooling(ModelOutput):
    """Output of the base model: as :class:`BaseModelOutput`, with ``pooler_output`` ``[batch, hidden]``."""

    last_hidden_state: Tensor
    pooler_output: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class _LogitsOutput(ModelOutput):
    """Output of a head with one kind of scores."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class MaskedLMOutput(_LogitsOutput):
    """``loss`` scalar; ``logits`` ``[batch, tokens, vocabulary]``."""


@dataclass
class PreTrainingOutput(ModelOutput):
    """``loss`` scalar; ``prediction_logits`` ``[batch, tokens, vocabulary]``.

    ``seq_relationship_logits`` is ``[batch, 2]``: index 0 says that the sentences are in order, 1 swapped.
    """

    loss: Tensor | None = None
    prediction_logits: Tensor | None = None
    seq_relationship_logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class SequenceClassifierOutput(_LogitsOutput):
    """``loss`` scalar; ``logits`` ``[batch, labels]``."""


@dataclass
class MultipleChoiceModelOutput(_LogitsOutput):
    """``loss`` scalar; ``logits`` ``[batch, choices]``."""


@dataclass
class TokenClassifierOutput(_LogitsOutput):
    """``loss`` scalar; ``logits`` ``[batch, tokens, labels]``."""


@dataclass
class QuestionAnsweringModelOutput(ModelOutput):
    """``loss`` scalar; ``start_logits`` and ``end_logits`` ``[batch, tokens]``."""

    loss: Tensor | None = None
    start_logits: Tensor | None = None
    end_logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


# So that torch takes them apart and puts them together again: in torch.export, on several devices.
for _kind in (
    BaseModelOutput,
    BaseModelOutputWithPooling,
    MaskedLMOutput,
    PreTrainingOutput,
    SequenceClassifierOutput,
    MultipleChoiceModelOutput,
    TokenClassifierOutput,
    QuestionAnsweringModelOutput,
):
    register_dataclass(_kind, serialized_type_name=f"{_kind.__module__}.{_kind.__name__}")

"""What the models return: dataclasses that also unpack as tuples.

Field names are those of the public implementation. Fields that are None are skipped when an output is used as
a tuple, so that ``loss, logits = model(..., labels=...)`` works as in transformers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor


@dataclass
class ModelOutput:
    """Base of all outputs: fields by name, by string key, by position, or unpacked."""

    def items(self) -> list[tuple[str, Any]]:
        """Return the names and values of the fields that are not None."""
        named = ((item.name, getattr(self, item.name)) for item in fields(self))
        return [(name, value) for name, value in named if value is not None]

    def keys(self) -> list[str]:
        """Return the names of the fields that are not None."""
        return [name for name, _ in self.items()]

    def values(self) -> list[Any]:
        """Return the fields that are not None."""
        return [value for _, value in self.items()]

    def to_tuple(self) -> tuple[Any, ...]:
        """Return the fields that are not None, in order."""
        return tuple(self.values())

    def __getitem__(self, key: str | int | slice) -> Any:
        return dict(self.items())[key] if isinstance(key, str) else self.to_tuple()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_tuple())

    def __len__(self) -> int:
        return len(self.items())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()


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
class MaskedLMOutput(ModelOutput):
    """``loss`` scalar; ``logits`` ``[batch, tokens, vocabulary]``."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


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
class SequenceClassifierOutput(ModelOutput):
    """``loss`` scalar; ``logits`` ``[batch, labels]``."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class MultipleChoiceModelOutput(ModelOutput):
    """``loss`` scalar; ``logits`` ``[batch, choices]``."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class TokenClassifierOutput(ModelOutput):
    """``loss`` scalar; ``logits`` ``[batch, tokens, labels]``."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class QuestionAnsweringModelOutput(ModelOutput):
    """``loss`` scalar; ``start_logits`` and ``end_logits`` ``[batch, tokens]``."""

    loss: Tensor | None = None
    start_logits: Tensor | None = None
    end_logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None

"""What runs a network: the interface that the torch model and the compiled engine share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from squeezebert.checkpoints import Checkpoint, StoredCheckpoint
from squeezebert.config import SqueezeBertConfig
from squeezebert.engine.packing import PackedBatch
from squeezebert.errors import CheckpointError

Outputs = Mapping[str, NDArray[np.float32]]

BASE = "SqueezeBertModel"
"""The model without head."""

POOLED_HEADS = ("SqueezeBertForSequenceClassification", "SqueezeBertForMultipleChoice")
"""Heads on the pooled first token, with one output a text; the others have one a token."""

_PARTS = {
    "SqueezeBertForSequenceClassification": ("transformer.pooler.", "classifier."),
    "SqueezeBertForMultipleChoice": ("transformer.pooler.", "classifier."),
    "SqueezeBertForTokenClassification": ("classifier.",),
    "SqueezeBertForQuestionAnswering": ("qa_outputs.",),
    "SqueezeBertForMaskedLM": ("cls.predictions.",),
    BASE: (),
}
# What a checkpoint with several heads can be used as, too.
_COVERS = {"ForPreTraining": "ForMaskedLM"}


class Backend(Protocol):
    """A loaded model that runs ragged batches.

    Attributes:
        config: Sizes and labels of the model.
        head: Class name of the published model that it computes, such as
            ``"SqueezeBertForTokenClassification"``.
        pads: Whether every text of a batch costs as much as the longest one.
        description: What computes, in a few words, such as ``"torch fp32"``.
    """

    @property
    def config(self) -> SqueezeBertConfig: ...  # noqa: D102

    @property
    def head(self) -> str: ...  # noqa: D102

    @property
    def pads(self) -> bool: ...  # noqa: D102

    @property
    def description(self) -> str: ...  # noqa: D102

    def run(self, batch: PackedBatch, wanted: Sequence[Sequence[int]] | None = None) -> list[Outputs]:
        """Compute the outputs of each text.

        Args:
            batch: The texts.
            wanted: For each text the token positions, counted within the text, whose ``logits`` are needed
                from a masked-LM head, which would else give ``[tokens, vocabulary]``. None for all.

        Returns:
            Per text the arrays that the published head names, float32, without padding and without the
            batch dimension: ``logits`` ``[labels]`` (one text a choice: ``[1]``), ``[tokens, labels]`` or
            ``[wanted, vocabulary]``; ``start_logits`` and ``end_logits`` ``[tokens]``;
            ``last_hidden_state`` ``[tokens, hidden]`` of a model without head.
        """


def published_head(name: str) -> str:
    """Class name of the published model for one of BERT's, and for one that holds it among others."""
    use = name.removeprefix("Squeeze").removeprefix("Bert")
    return f"SqueezeBert{_COVERS.get(use, use)}"


def require_head(checkpoint: Checkpoint | StoredCheckpoint, head: str) -> None:
    """Make sure that a checkpoint was trained with a head, so that no random one is put on.

    Args:
        checkpoint: What was read.
        head: Class name of the model to run. The one without head is part of every other.

    Raises:
        CheckpointError: It was saved with another head, or lacks this one.
    """
    saved = [published_head(name) for name in checkpoint.config.architectures]
    if head not in (BASE, *saved) and any("BertFor" in name for name in saved):
        raise CheckpointError(
            f"{checkpoint.folder}: holds a {', '.join(checkpoint.config.architectures)}, "
            f"and a {head} is needed; choose a model that was trained for this task"
        )
    for part in _PARTS[head]:
        if not any(name.startswith(part) for name in checkpoint.arrays):
            raise CheckpointError(
                f"{checkpoint.folder}: has no {part.rstrip('.')}, which a {head} needs; "
                "train it for this task first (squeezebert train)"
            )

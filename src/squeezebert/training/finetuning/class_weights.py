"""Weights that let rare labels of a text classification count as much as frequent ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import OptionError
from squeezebert.modeling.heads import precise
from squeezebert.tasks.text_classification import (
    MULTI,
    REGRESSION,
    TextClassification,
    problem_type,
    target_of,
)
from squeezebert.training.finetuning.data import TrainingData


@dataclass(frozen=True)
class ClassWeights:
    """Weights by label.

    Attributes:
        values: For one label a text, the weight of a text with that label; for several, the weight of
            having the label against not having it. ``[labels]``
        multi: Whether a text can have several labels.
    """

    values: Tensor
    multi: bool

    @classmethod
    def of(cls, data: TrainingData, config: SqueezeBertConfig, wanted: str) -> ClassWeights | None:
        """Weigh the labels of the training rows; None where ``wanted`` is "none".

        Raises:
            OptionError: The task has no classes to weigh.
        """
        if wanted == "none":
            return None
        problem = problem_type(config)
        if not isinstance(data.task, TextClassification) or problem == REGRESSION:
            raise OptionError(f"class_weights {wanted!r}: only text classification by labels has classes")
        targets = np.stack([target_of(example, config) for example in data.training])
        values = balanced_multi(targets) if problem == MULTI else balanced(targets, config.num_labels)
        return cls(torch.from_numpy(values.astype(np.float32)), problem == MULTI)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Sum of the weighted loss over texts: a scalar.

        Divided by the number of texts and not by their weights: what a text counts for does then not depend
        on the others of its batch. The weights have a mean of 1 over the training rows.

        Args:
            logits: ``[batch, labels]``.
            labels: ``[batch]`` integers, or ``[batch, labels]`` of 0 and 1.
        """
        logits = precise(logits)
        values = self.values.to(logits)
        if not self.multi:
            return F.cross_entropy(logits, labels, weight=values, reduction="sum")
        each = F.binary_cross_entropy_with_logits(
            logits, labels.to(logits.dtype), pos_weight=values, reduction="none"
        )
        return each.mean(1).sum()


def balanced(targets: NDArray[np.int64], labels: int) -> NDArray[np.float64]:
    """Rows over (labels × rows of the label), as scikit-learn's "balanced"; 1 for a label without rows.

    Args:
        targets: Label of each row ``[rows]``.
        labels: How many there are.
    """
    counts = np.bincount(targets, minlength=labels)
    return np.where(counts > 0, len(targets) / (labels * np.maximum(counts, 1)), 1.0)


def balanced_multi(targets: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rows without over rows with each label ``[rows, labels]``; 1 for a label of no or of all rows."""
    having = (targets > 0).sum(axis=0)
    both = (having > 0) & (having < len(targets))
    return np.where(both, (len(targets) - having) / np.maximum(having, 1), 1.0)

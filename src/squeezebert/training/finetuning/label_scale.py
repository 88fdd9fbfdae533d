"""Numbers to be learnt, in units in which any numbers are learnt alike: standard deviations from their mean.

A new head's answers begin near 0 and move by about the learning rate a step, which never comes to years or
prices. So a regression is trained with labels that are scaled, and its head is scaled back wherever the model
is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import DataError
from squeezebert.tasks.text_classification import REGRESSION, TextClassification, problem_type, target_of
from squeezebert.training.finetuning.data import TrainingData

_MOST_MEAN = 1e6
"""Deviations that the mean may be: answers then come in steps of a sixteenth of one."""


@dataclass(frozen=True)
class LabelScale:
    """Of the training rows' labels.

    Attributes:
        mean: Their mean.
        deviation: Their standard deviation; 1 where all are equal.
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, data: TrainingData, config: SqueezeBertConfig) -> LabelScale | None:
        """Measure the labels of a regression; None for any other task.

        Raises:
            DataError: A label is no number, or they differ by less than the model's answers can tell.
        """
        if not isinstance(data.task, TextClassification) or problem_type(config) != REGRESSION:
            return None
        numbers = np.array([target_of(example, config) for example in data.training], dtype=np.float64)
        mean, deviation = float(numbers.mean()), float(numbers.std())
        if 0 < deviation < abs(mean) / _MOST_MEAN:
            raise DataError(
                f"the labels of {data.name} differ by about {deviation:g} at {mean:g}, which answers in "
                f"float32 do not tell apart; subtract {mean:.0f} from all of them"
            )
        return cls(mean, deviation or 1.0)

    def scaled(self, numbers: Tensor) -> Tensor:
        """Numbers in the labels' units ``[...]``, in standard deviations from the mean; float32."""
        return ((numbers.double() - self.mean) / self.deviation).float()

    @torch.no_grad()
    def scale(self, head: nn.Linear) -> None:
        """Let a head that answers in the labels' units answer in scaled ones, in place."""
        head.weight.div_(self.deviation)
        head.bias.sub_(self.mean).div_(self.deviation)

    @contextmanager
    def undone(self, head: nn.Linear) -> Iterator[None]:
        """Let a head that learns scaled numbers answer in the labels' units for a while."""
        kept = [(parameter, parameter.detach().clone()) for parameter in head.parameters()]
        with torch.no_grad():
            head.weight.mul_(self.deviation)
            head.bias.mul_(self.deviation).add_(self.mean)
        try:
            yield
        finally:
            # The very same bits, so that a measurement changes nothing of what follows.
            with torch.no_grad():
                for parameter, values in kept:
                    parameter.copy_(values)

"""The task's metric on the validation rows, for a model in training."""

from __future__ import annotations

from squeezebert.modeling.backend import TorchBackend
from squeezebert.pipelines import Pipeline
from squeezebert.training.data import TrainingData
from squeezebert.training.trainer import Trainer


def evaluate(data: TrainingData, trainer: Trainer) -> dict[str, float]:
    """Measure the model on the validation rows in full precision and without dropout.

    Returns:
        ``task.metric`` of the rows; the first is the headline.
    """
    setup = trainer.setup
    pipeline = Pipeline(
        data.task,
        TorchBackend(trainer.model),
        setup.tokenizer,
        max_length=setup.max_length,
        stride=setup.stride,
    )
    answers = list(pipeline.answers(data.validation, data.task.evaluation_options))
    return data.task.metric(data.validation, answers, setup.config)

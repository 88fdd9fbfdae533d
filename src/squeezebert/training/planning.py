"""What a run would take, without doing it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from squeezebert.training.data import TrainingData, epoch_features
from squeezebert.training.run import epoch_batches
from squeezebert.training.settings import TrainingSettings
from squeezebert.training.trainer import Trainer

_PROBES = 4


@dataclass(frozen=True)
class TrainingPlan:
    """What a run would take.

    Attributes:
        training_rows: Rows to learn from.
        validation_rows: Rows to measure on.
        labels: Names of the head's outputs; empty for tasks that have none.
        windows: Pieces that the texts are cut into, an epoch.
        tokens: Tokens of an epoch, without padding.
        steps: Steps of the run.
        trained_parameters: Those that change.
        precision: "bf16" or "fp32".
        tokens_per_second: As measured on a few batches.
        minutes: Time that the steps take at that rate; evaluations come on top.
    """

    training_rows: int
    validation_rows: int
    labels: tuple[str, ...]
    windows: int
    tokens: int
    steps: int
    trained_parameters: int
    precision: str
    tokens_per_second: float
    minutes: float

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {**dataclasses.asdict(self), "labels": list(self.labels)}


def plan(
    data: TrainingData, *, start: str = "mini", settings: TrainingSettings | None = None
) -> TrainingPlan:
    """Measure a few steps on a throw-away copy of the model; nothing is written.

    Raises:
        DataError, CheckpointError, OptionError, TrainingError: As :func:`squeezebert.training.train`.
    """
    settings = settings or TrainingSettings()
    trainer = Trainer(data, start, settings)
    data.check_validation(trainer.setup)
    features = epoch_features(data.task, data.training, trainer.setup, seed=settings.seed, epoch=0)
    batches = epoch_batches(features, settings, 0)
    # The first step also allocates, so it is not counted where there are more.
    probes = [
        trainer.step([features[item] for item in batch], number=number, epoch=0.0)
        for number, batch in enumerate(batches[: _PROBES + 1], 1)
    ]
    probes = probes[1:] or probes
    rate = sum(step.tokens for step in probes) / sum(step.seconds for step in probes)
    tokens = sum(len(text.ids) for feature in features for text in feature.inputs)
    classifies = "Classification" in data.task.head
    return TrainingPlan(
        training_rows=len(data.training),
        validation_rows=len(data.validation),
        labels=tuple(trainer.setup.config.label2id) if classifies else (),
        windows=len(features),
        tokens=tokens,
        steps=max(1, round(settings.epochs * len(batches))),
        trained_parameters=trainer.model.num_parameters(only_trainable=True),
        precision=trainer.precision,
        tokens_per_second=round(rate, 1),
        minutes=round(settings.epochs * tokens / rate / 60, 2),
    )

"""What a run would take, without doing it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from squeezebert.tasks.base import Feature
from squeezebert.training.data import TrainingData
from squeezebert.training.distributed import World
from squeezebert.training.length import Length
from squeezebert.training.settings import TrainingSettings
from squeezebert.training.state import Position
from squeezebert.training.task_objective import TaskObjective
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
        precision: "bf16", "tf32" or "fp32".
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
    objective = TaskObjective(data, start, settings)
    batches = objective.epoch(0)
    trainer = Trainer(objective, settings, World())
    rate = _tokens_per_second(trainer, batches)
    features = [feature for batch in batches for feature in batch]
    tokens = sum(len(text.ids) for feature in features for text in feature.inputs)
    length = Length.of(settings)
    steps = length.steps(Position(step=len(batches), batch=len(batches), tokens=tokens), len(batches))
    assert steps is not None  # a position with tokens behind it tells the steps
    classifies = "Classification" in data.task.head
    return TrainingPlan(
        training_rows=len(data.training),
        validation_rows=len(data.validation),
        labels=tuple(objective.setup.config.label2id) if classifies else (),
        windows=len(features),
        tokens=tokens,
        steps=steps,
        trained_parameters=objective.module.num_parameters(only_trainable=True),
        precision=trainer.precision,
        tokens_per_second=round(rate, 1),
        minutes=round(steps / len(batches) * tokens / rate / 60, 2),
    )


def _tokens_per_second(trainer: Trainer, batches: Sequence[Sequence[Feature]]) -> float:
    # The first step also allocates, so it is not counted where there are more.
    probes = [
        trainer.step(batch, number=number, epoch=0.0, rate=trainer.settings.learning_rate)
        for number, batch in enumerate(batches[: _PROBES + 1], 1)
    ]
    probes = probes[1:] or probes
    return sum(step.tokens for step in probes) / sum(step.seconds for step in probes)

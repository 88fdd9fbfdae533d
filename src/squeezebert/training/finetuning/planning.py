"""What fine-tuning would take, without doing it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from squeezebert.training.finetuning.data import TrainingData
from squeezebert.training.finetuning.run import make_objective
from squeezebert.training.finetuning.settings import TrainingSettings
from squeezebert.training.finetuning.teaching.settings import Teaching
from squeezebert.training.length import Length
from squeezebert.training.planning import probed, tokens_per_second
from squeezebert.training.state import Position


@dataclass(frozen=True)
class TrainingPlan:
    """What a run would take.

    Attributes:
        training_rows: Labelled rows to learn from.
        validation_rows: Rows to measure on.
        labels: Names of the head's outputs; empty for tasks that have none.
        max_length: Tokens that the model reads at once.
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
    max_length: int
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
    data: TrainingData,
    *,
    start: str | None = None,
    settings: TrainingSettings | None = None,
    teaching: Teaching | None = None,
) -> TrainingPlan:
    """Measure a few steps on a throw-away copy of the model; nothing is written.

    Args:
        data: As :func:`squeezebert.training.train` takes it, and the others likewise.
        start: Folder, embedded name or hub name of the checkpoint to start from.
        settings: How to train; None for the defaults.
        teaching: A teacher to learn from; None for labels alone.

    Returns:
        Steps, tokens, and the time that they would take.

    Raises:
        DataError, CheckpointError, OptionError, TrainingError: As :func:`squeezebert.training.train`.
    """
    settings = settings or TrainingSettings()
    objective = make_objective(data, start, settings, teaching)
    batches = objective.epoch(0)
    precision, probes = probed(objective, settings, batches)
    rate = tokens_per_second(probes)
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
        max_length=objective.setup.max_length,
        windows=len(features),
        tokens=tokens,
        steps=steps,
        trained_parameters=objective.model.num_parameters(only_trainable=True),
        precision=precision,
        tokens_per_second=round(rate, 1),
        minutes=round(steps / len(batches) * tokens / rate / 60, 2),
    )

"""Fine-tuning from rows to a finished model folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from squeezebert.embedded import EMBEDDED_MODEL, embedded_models
from squeezebert.errors import OptionError
from squeezebert.tasks.base import Task
from squeezebert.training.finetuning.data import TrainingData
from squeezebert.training.finetuning.hints import HintedAnswers
from squeezebert.training.finetuning.masked import MaskedObjective
from squeezebert.training.finetuning.objective import TaskObjective
from squeezebert.training.finetuning.settings import TrainingSettings
from squeezebert.training.finetuning.similarity import SimilarityObjective
from squeezebert.training.finetuning.teaching.objective import TaskDistillation
from squeezebert.training.finetuning.teaching.settings import Teaching
from squeezebert.training.observer import Observer
from squeezebert.training.result import TrainingResult
from squeezebert.training.run import run

_OBJECTIVES: dict[str, type[TaskObjective]] = {
    "feature-extraction": SimilarityObjective,
    "fill-mask": MaskedObjective,
}


def train(
    data: TrainingData,
    out: str | Path,
    *,
    start: str | None = None,
    settings: TrainingSettings | None = None,
    teaching: Teaching | None = None,
    resume: bool = False,
    observers: Sequence[Observer] = (),
) -> TrainingResult:
    """Fine-tune a checkpoint; the best weights by the task's headline metric are kept.

    The folder gets ``config.json``, ``model.safetensors``, the tokenizer's files, a model card, and what
    :func:`squeezebert.training.run.run` writes.

    Args:
        data: Training and validation examples.
        out: Model folder to be made; empty or missing unless ``resume``.
        start: Folder, embedded name or hub name of the checkpoint to start from; see :func:`default_start`.
        settings: How to train; None for the defaults.
        teaching: A teacher to learn from beside the labels, and from the data's unlabelled rows; None for
            labels alone.
        resume: Go on with the run in ``out``; start it where it has left no state yet.
        observers: Are told of steps and evaluations.

    Returns:
        How the sitting ended, with the metrics of the weights that are kept.

    Raises:
        OptionError: ``out`` is not free, or holds a finished run; or the teacher does not fit.
        DataError: The data does not make a task, or validation rows have labels that no training row has.
        CheckpointError: ``start`` cannot be read or does not fit.
        TrainingError: As :func:`squeezebert.training.run.run`.
    """
    chosen = settings or TrainingSettings()
    return run(
        lambda: make_objective(data, start, chosen, teaching), out, chosen, resume=resume, observers=observers
    )


def default_start(task: Task[Any, Any]) -> str:
    """The embedded model that training for a task starts from.

    It is the task's own where the head means the same in all data, so that it can go on learning; where data
    bring labels of their own, it is the trunk.
    """
    return embedded_models().get(task.name, EMBEDDED_MODEL) if task.one_head else EMBEDDED_MODEL


def make_objective(
    data: TrainingData, start: str | None, settings: TrainingSettings, teaching: Teaching | None
) -> TaskObjective:
    """Make what :func:`train` learns; raises as it does.

    Raises:
        OptionError: There are unlabelled rows and no teacher, or hints and a teacher.
    """
    start = start or default_start(data.task)
    if teaching is not None:
        if settings.hints:
            raise OptionError("hints and a teacher do not go together; leave one of them out")
        return TaskDistillation(data, start, settings, teaching)
    if data.unlabelled:
        raise OptionError("unlabelled rows need a teacher; give --teacher MODEL")
    if settings.hints:
        return HintedAnswers(data, start, settings)
    return _OBJECTIVES.get(data.task.name, TaskObjective)(data, start, settings)

"""The tasks, by the names that people know them by."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from squeezebert.errors import OptionError, nearest

if TYPE_CHECKING:
    from squeezebert.config import SqueezeBertConfig
    from squeezebert.tasks.base import Task

# The class of each task, which is in the module of the task's name.
_CLASSES = {
    "text-classification": "TextClassification",
    "token-classification": "TokenClassification",
    "question-answering": "QuestionAnswering",
    "fill-mask": "FillMask",
    "multiple-choice": "MultipleChoice",
    "feature-extraction": "FeatureExtraction",
    "zero-shot-classification": "ZeroShotClassification",
}
TASK_NAMES = tuple(_CLASSES)
# What a model without head can do, too.
TRUNK_TASKS = ("feature-extraction", "zero-shot-classification", "multiple-choice")
TRAINED_TASKS = tuple(name for name in TASK_NAMES if name != "zero-shot-classification")
ALIASES = {"sentiment-analysis": "text-classification", "ner": "token-classification"}


def task_of(config: SqueezeBertConfig) -> str | None:
    """Name of the task that a checkpoint was trained for, by the head that its config names, if it does."""
    from squeezebert.engine.backend import published_head

    heads = {*map(published_head, config.architectures)}
    return next((name for name in TASK_NAMES if get_task(name).head in heads), None)


def get_task(name: str) -> Task[Any, Any]:
    """Give the task of a name or alias.

    Raises:
        OptionError: There is no such task.
    """
    if not isinstance(name, str):
        raise OptionError(f"task is a {type(name).__name__}; give a name, and what answers as model")
    wanted = ALIASES.get(name, name)
    if wanted in _CLASSES:
        # Imported here: the names alone, as `--help` shows them, cost no numpy, and a task only itself.
        module = import_module(f"squeezebert.tasks.{wanted.replace('-', '_')}")
        task: Task[Any, Any] = getattr(module, _CLASSES[wanted])()
        return task
    known = (*TASK_NAMES, *ALIASES)
    raise OptionError(f"there is no task {name!r}{nearest(name, known)}; there are {', '.join(known)}")

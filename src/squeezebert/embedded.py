"""The models that come with the package, by the tasks that they do."""

from __future__ import annotations

from squeezebert.errors import OptionError
from squeezebert.files import EMBEDDED
from squeezebert.tasks import TASK_NAMES, TRUNK_TASKS

EMBEDDED_MODEL = "mini"


def embedded_model(task: str) -> str:
    """Name of the embedded model for a task.

    Raises:
        OptionError: There is none.
    """
    there = embedded_models()
    if task not in there:
        has = f"there is one for {', '.join(there)}" if there else "there is none for any task yet"
        raise OptionError(f"there is no embedded model for {task} ({has}); give a model")
    return there[task]


def embedded_models() -> dict[str, str]:
    """Names of the embedded models by the tasks that have one: their own, or the trunk where that will do."""
    candidates = [(task, f"{EMBEDDED_MODEL}/{task}") for task in TASK_NAMES]
    candidates += [(task, EMBEDDED_MODEL) for task in TRUNK_TASKS]
    found: dict[str, str] = {}
    for task, name in candidates:
        if (EMBEDDED / name / "config.json").exists():
            found.setdefault(task, name)
    return found

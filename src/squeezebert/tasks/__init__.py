"""The tasks, by the names that people know them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squeezebert.errors import OptionError

if TYPE_CHECKING:
    from squeezebert.tasks.base import Task

TASK_NAMES = (
    "text-classification",
    "token-classification",
    "question-answering",
    "fill-mask",
    "multiple-choice",
)
ALIASES = {"sentiment-analysis": "text-classification", "ner": "token-classification"}


def get_task(name: str) -> Task[Any, Any]:
    """Give the task of a name or alias.

    Raises:
        OptionError: There is no such task.
    """
    # Imported here, so that the names alone, as `--help` shows them, cost no numpy.
    from squeezebert.tasks.base import nearest
    from squeezebert.tasks.fill_mask import FillMask
    from squeezebert.tasks.multiple_choice import MultipleChoice
    from squeezebert.tasks.question_answering import QuestionAnswering
    from squeezebert.tasks.text_classification import TextClassification
    from squeezebert.tasks.token_classification import TokenClassification

    tasks = (TextClassification, TokenClassification, QuestionAnswering, FillMask, MultipleChoice)
    wanted = ALIASES.get(name, name)
    for task in tasks:
        if task.name == wanted:
            return task()
    known = (*TASK_NAMES, *ALIASES)
    raise OptionError(f"there is no task {name!r}{nearest(name, known)}; there are {', '.join(known)}")

"""Which task labelled rows are for, as far as their columns tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from squeezebert.errors import DataError
from squeezebert.tasks import TRAINED_TASKS, get_task
from squeezebert.tasks.base import Task
from squeezebert.tasks.columns import TwoColumnsError, names_of, resolve

if TYPE_CHECKING:
    from squeezebert.data import Row


def infer_task(row: Row, columns: Mapping[str, str] | None = None) -> Task[Any, Any]:
    """Find the one task whose inputs and labels a row has.

    A task without labels (masked language modelling) fits any text; it is meant only where the row has a
    single column. Vectors of texts are learnt only where that is asked for: any pair with a number fits
    text classification, too.

    Args:
        row: A labelled row.
        columns: Name in the row of a canonical column, as the user says with ``--column text=NAME``.

    Raises:
        DataError: No task fits, or several do; the message asks which is meant.
    """
    for column in (columns or {}).values():
        if column not in row.values:
            raise DataError(f"{row.where}: has no column {column!r}; it has {names_of(row)}")
    names = [name for name in TRAINED_TASKS if name != "feature-extraction"]
    fitting = [task for task in map(get_task, names) if _complaint(task, row, columns) is None]
    meant = [task for task in fitting if any(column.label for column in task.columns)]
    if not meant and len(row.values) == 1:
        meant = fitting
    # What is wrong with the values of the only task that has its columns, reading them tells.
    meant = meant or [task for task in map(get_task, names) if _has_columns(task, row, columns)]
    if len(meant) == 1:
        return meant[0]
    which = " or ".join(task.name for task in meant) or "no task by their names"
    complaint = _complaint(meant[0], row, columns) if meant else None
    wrong = f"; for {meant[0].name}: {complaint}" if complaint else ""
    raise DataError(
        f"{row.where}: the columns {names_of(row)} fit {which}; say which with --task "
        f"({', '.join(TRAINED_TASKS)}), and name columns with --column label=NAME{wrong}"
    )


def _complaint(task: Task[Any, Any], row: Row, columns: Mapping[str, str] | None) -> str | None:
    """What is wrong with a row for a task; None of one that fits."""
    try:
        task.labelled_example(row, columns)
    except TwoColumnsError:
        return None  # Reading the row asks which of them is meant.
    except DataError as error:
        return str(error).removeprefix(f"{row.where}: ")
    return None


def _has_columns(task: Task[Any, Any], row: Row, columns: Mapping[str, str] | None) -> bool:
    """Whether a row has what a task reads, by name, of inputs and of labels."""
    try:
        found = resolve(task.columns, row, columns or {})
    except DataError:
        return False
    return {column.label for column in task.columns if column.name in found} == {True, False}

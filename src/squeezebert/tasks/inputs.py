"""The forms in which a caller may give inputs, brought into rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from squeezebert.data import Row
from squeezebert.errors import DataError, OptionError
from squeezebert.tasks.base import Task


def rows_of(task: Task[Any, Any], inputs: Any, columns: Mapping[str, Any]) -> tuple[list[Row], bool]:
    """The inputs of a call as rows, and whether it was a single one.

    Raises:
        DataError: An input is a list or a tuple.
        OptionError: There is no input, or lists differ in length.
    """
    if inputs is None and not columns:
        raise OptionError(f"{task.name} needs {task.columns[0].name}")
    if inputs is not None and task.columns[0].name in columns:
        raise OptionError(f"{task.columns[0].name} is given twice, as the input and by its name")
    inputs = as_list(inputs)
    columns = {name: as_list(value) for name, value in columns.items()}
    lists = {name: value for name, value in columns.items() if _is_batch(task, name, value)}
    if isinstance(inputs, list):
        lists["inputs"] = inputs
    if len({len(items) for items in lists.values()}) > 1:
        sizes = ", ".join(f"{name} has {len(items)}" for name, items in lists.items())
        raise OptionError(f"lists of inputs differ in length: {sizes}")
    count = len(next(iter(lists.values()), [None]))
    rows = []
    for index in range(count):
        where = f"input {index}"
        given = lists["inputs"][index] if "inputs" in lists else inputs
        values = {} if given is None and inputs is None else dict(row_of(task, given, where).values)
        values.update({name: lists[name][index] if name in lists else columns[name] for name in columns})
        rows.append(Row(values, where))
    return rows, not lists


def as_list(value: Any) -> Any:
    """An array, a generator or a column of a data frame as a list; anything else as it is."""
    refuse_frame(value)
    if hasattr(value, "tolist"):
        value = value.tolist()  # Of an array of no dimension, its one value.
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        return value
    return list(value)


def refuse_frame(value: Any) -> None:
    """See that a value is no data frame, which gives the names of its columns and not its rows.

    Raises:
        DataError: It is one.
    """
    if hasattr(value, "columns") and hasattr(value, "iloc"):
        raise DataError('a data frame gives no inputs; take one of its columns, or its to_dict("records")')


def _is_batch(task: Task[Any, Any], name: str, value: Any) -> bool:
    """Whether the value of a column stands for several inputs."""
    if not isinstance(value, list):
        return False
    column = next(column for column in task.columns if column.name == name)
    return not column.listed or (bool(value) and all(map(_is_list, value)))


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or bool(getattr(value, "ndim", 0))


def row_of(task: Task[Any, Any], value: Any, where: str) -> Row:
    """One input as a row; what is no mapping goes to the first column, where the task checks it.

    Raises:
        DataError: The input is a list or a tuple, as other libraries take pairs.
    """
    if isinstance(value, (list, tuple)):
        names = ", ".join(f'"{column.name}": …' for column in task.inputs)
        kind = type(value).__name__
        raise DataError(f"{where} is a {kind}; expected a string, or a mapping of columns: {{{names}}}")
    return Row.of(value if isinstance(value, Mapping) else {task.columns[0].name: value}, where)

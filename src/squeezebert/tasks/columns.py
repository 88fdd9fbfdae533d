"""Columns: what a task reads of a row, under the names that people give them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from numbers import Complex, Number
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from squeezebert.errors import DataError

if TYPE_CHECKING:
    from squeezebert.data import Row

# A string or a whole number in a list, also as numpy 2 writes its own: np.str_('a').
_ITEM = re.compile(
    r"""(?:np\.\w+\()?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[+-]?\d+)\)?(?=[\s,]|$)""", re.DOTALL
)

_ARRAY = re.compile(r"\barray\((\[.*?\])(?:,\s*dtype=[^()]*)?\)", re.DOTALL)


class Column(NamedTuple):
    """A column that a task reads.

    Attributes:
        name: Canonical name.
        aliases: Other names accepted in a file, the likeliest first; compared without regard to case.
        required: Whether a row must have it.
        label: Whether it holds what the model should answer, so that predicting does without.
        listed: Whether one row has a list of strings in it.
        rivals: Names that are not accepted, but which may be meant as well as an alias beside them.
    """

    name: str
    aliases: tuple[str, ...] = ()
    required: bool = True
    label: bool = False
    listed: bool = False
    rivals: tuple[str, ...] = ()


def resolve(wanted: Sequence[Column], row: Row, chosen: Mapping[str, str]) -> dict[str, Any]:
    """Take the wanted columns of a row under their canonical names; see :func:`places`.

    Arrays and numbers of numpy, as data frames have them, and decimal numbers become lists and numbers of
    Python.

    Raises:
        DataError: A required column, or one that the user has chosen, is not there.
    """
    return {column: _plain(row.values[name]) for column, name in places(wanted, row, chosen).items()}


def _plain(value: Any) -> Any:
    if type(value).__name__ == "NAType":  # Of pandas, which need not be there.
        return None
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, Number) and not isinstance(value, Complex):
        return _of_decimal(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _of_decimal(value: Any) -> int | float:
    """The number that a ``Decimal`` is, whose module a cold start does without; 3 is no 3.0, as elsewhere."""
    return int(value) if value.as_tuple().exponent == 0 else float(value)


class TwoColumnsError(DataError):
    """Two columns of a row may each be the text, or the label; the user has to say which is."""


def places(wanted: Sequence[Column], row: Row, chosen: Mapping[str, str]) -> dict[str, str]:
    """Find the wanted columns of a row.

    The canonical name is looked up first, then the aliases in order, each without regard to case.

    Args:
        wanted: The task's columns.
        row: The row under the names of its file.
        chosen: Name in the row of a canonical column, as the user says with ``--column text=NAME``.

    Returns:
        Their names in the row by canonical name; one that is not required and not there is left out.

    Raises:
        DataError: A required column, or one that the user has chosen, is not there.
        TwoColumnsError: Two columns may be a text, or the label.
    """
    # A column that the user has given to another role is not taken a second time.
    unasked = [name for name in row.values if name not in chosen.values()]
    free = {name.strip().casefold(): name for name in reversed(unasked)}
    # One that has the very name goes before one that has it in capitals.
    free |= {name: name for name in unasked if name in free}
    found = {column.name: _candidates(column, row, chosen, free) for column in wanted}
    for column in wanted:
        if column.required and not found[column.name]:
            raise DataError(
                f"{row.where}: has no column for {column.name!r}; it has {names_of(row)}; "
                f"say which with --column {column.name}=NAME"
            )
    # After what is missing, for the row may be one of another task.
    for column in wanted:
        if column.required and len(found[column.name]) > 1:
            raise TwoColumnsError(
                f"{row.where}: {' and '.join(map(repr, found[column.name]))} may each be the {column.name}; "
                f"say which is with --column {column.name}=NAME"
            )
    return {column: names[0] for column, names in found.items() if names}


def _candidates(column: Column, row: Row, chosen: Mapping[str, str], free: Mapping[str, str]) -> list[str]:
    """The columns of a row that may be meant, the likeliest first; one alone where its name says so."""
    if column.name in chosen:
        if chosen[column.name] not in row.values:
            raise DataError(f"{row.where}: has no column {chosen[column.name]!r}; it has {names_of(row)}")
        return [chosen[column.name]]
    if column.name.casefold() in free:
        return [free[column.name.casefold()]]
    found = [free[name] for name in map(str.casefold, column.aliases) if name in free]
    return found and found + [free[name] for name in column.rivals if name in free]


def names_of(row: Row) -> str:
    """The columns of a row, for a message."""
    return ", ".join(map(repr, row.values)) or "none"


def is_empty(value: object) -> bool:
    """Whether a value is what files and data frames have in a cell without content."""
    return value is None or value == "" or value != value


def text_of(values: Mapping[str, Any], name: str, where: str) -> str:
    """Take a text column.

    Raises:
        DataError: Its value is not a string.
    """
    value = values[name]
    if not isinstance(value, str):
        raise DataError(f"{where}: {name} is {_kind(value)}; expected a string")
    return value


def texts_of(values: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    """Take a column of several strings: a list, a string that holds one, or one that is split at white space.

    Raises:
        DataError: It is neither, or an item is not a string.
    """
    value = values[name]
    items = _strings(value, f"{where}: {name}") if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)):
        raise DataError(f"{where}: {name} is {_kind(value)}; expected a list of strings")
    for position, item in enumerate(items):
        if not isinstance(item, str):
            raise DataError(f"{where}: {name}[{position}] is {_kind(item)}; expected a string")
    return tuple(items)


def _strings(cell: str, place: str) -> list[Any]:
    found = parsed(cell)
    if found is cell and cell.lstrip().startswith(("['", '["')):
        raise DataError(f"{place} begins as a list and is none that can be read; write it as JSON")
    # Of a list with a number among its strings, the number is refused; [ 12 ] may be three words.
    is_list = isinstance(found, list) and (not found or any(isinstance(item, str) for item in found))
    return found if is_list else cell.split()


def parsed(cell: str) -> Any:
    """The list or object that a cell of a table holds, as JSON, Python or numpy writes it; else the cell."""
    if cell[:1] + cell[-1:] in ("[]", "{}"):
        for parse in (json.loads, _listed, ast.literal_eval, _of_arrays):
            with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                return parse(cell)
    return cell


def _listed(cell: str) -> list[Any]:
    """A list of strings and whole numbers. Numpy writes no commas, and Python would join its strings."""
    if cell[0] != "[" or _ITEM.sub("", cell[1:-1]).strip(", \r\n"):
        raise ValueError(f"{cell!r} is no such list")
    return [ast.literal_eval(item) for item in _ITEM.findall(cell[1:-1])]


def _of_arrays(cell: str) -> Any:
    """An object whose lists are arrays of numpy, as data frames write theirs to a table."""
    return ast.literal_eval(_ARRAY.sub(r"\1", cell))


def _kind(value: object) -> str:
    return "null" if value is None else f"a {type(value).__name__}"

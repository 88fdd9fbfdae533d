"""Whether what a user asks of a task is of the type that its options say."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from squeezebert.errors import OptionError, is_whole

_EXPECTED = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a string",
    NoneType: "None",
}


def check_types(options_type: type, values: dict[str, Any]) -> None:
    """Compare values with the annotations of a dataclass.

    Numbers may be numpy's; where strings are expected, one alone will do.

    Raises:
        OptionError: One is of another type; the message names it and what is expected.
    """
    hints = get_type_hints(options_type) if values else {}
    for name, value in values.items():
        hint = hints[name]
        check_value(name, value, get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,))


def check_value(name: str, value: object, kinds: Iterable[Any]) -> None:
    """See that a value is of one of some types.

    Raises:
        OptionError: It is not; the message names it and what is expected.
    """
    if not any(_is(value, kind) for kind in kinds):
        expected = " or ".join(_EXPECTED.get(kind, "a list of strings") for kind in kinds)
        raise OptionError(f"{name} is {value!r}; expected {expected}")


def _is(value: object, kind: Any) -> bool:
    if kind is bool:
        return isinstance(value, (bool, np.bool_))
    if kind is int:
        return is_whole(value)
    if kind is float:
        return isinstance(value, Real) and not isinstance(value, bool)
    if get_origin(kind) is not tuple:
        return isinstance(value, kind)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, str)

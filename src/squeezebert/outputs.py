"""What models return, in torch and without it: dataclasses that are dictionaries, too, as in transformers.

A dictionary, because those who pass outputs on look for one: transformers' Trainer to take them apart, torch
to gather them from several devices.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass
class ModelOutput(OrderedDict[str, Any]):
    """Base of all outputs: fields by name, by string key, or by position.

    Fields that are None are not in the dictionary, nor in the tuple: ``loss, logits = model(…,
    return_dict=False)``. A mapping, or pairs of names and values, alone makes an output of them.
    """

    def __post_init__(self) -> None:
        first, *others = (item.name for item in fields(self))
        given = getattr(self, first)
        if isinstance(given, (Mapping, Iterator)) and all(getattr(self, name) is None for name in others):
            setattr(self, first, None)
            for name, value in dict(given).items():
                setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if value is not None:
            super().__setitem__(name, value)
        elif name in self:
            del self[name]

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        object.__setattr__(self, key, None)

    def pop(self, key: str, *default: Any) -> Any:
        """Return a field and set it to None; of one that is None, return the default."""
        # That of OrderedDict is written in C and would leave the field as it was.
        if key not in self and default:
            return default[0]
        value = self[key]
        del self[key]
        return value

    def __getitem__(self, key: str | int | slice) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else self.to_tuple()[key]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    def to_tuple(self) -> tuple[Any, ...]:
        """Return the fields that are not None, in order."""
        values = (getattr(self, item.name) for item in fields(self))
        return tuple(value for value in values if value is not None)

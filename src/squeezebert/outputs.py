"""What models return, in torch and without it: dataclasses that also unpack as tuples.

Fields that are None are skipped when an output is used as a tuple, so that
``loss, logits = model(..., labels=...)`` works as in transformers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any


@dataclass
class ModelOutput:
    """Base of all outputs: fields by name, by string key, by position, or unpacked."""

    def items(self) -> list[tuple[str, Any]]:
        """Return the names and values of the fields that are not None."""
        named = ((item.name, getattr(self, item.name)) for item in fields(self))
        return [(name, value) for name, value in named if value is not None]

    def keys(self) -> list[str]:
        """Return the names of the fields that are not None."""
        return [name for name, _ in self.items()]

    def values(self) -> list[Any]:
        """Return the fields that are not None."""
        return [value for _, value in self.items()]

    def to_tuple(self) -> tuple[Any, ...]:
        """Return the fields that are not None, in order."""
        return tuple(self.values())

    def __getitem__(self, key: str | int | slice) -> Any:
        return dict(self.items())[key] if isinstance(key, str) else self.to_tuple()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_tuple())

    def __len__(self) -> int:
        return len(self.items())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

"""Recipes: what a run of pre-training or distillation is made of, as a TOML file."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from squeezebert.config import KEYS, SqueezeBertConfig
from squeezebert.errors import ConfigError, OptionError, SqueezeBertError, nearest
from squeezebert.training.settings import UNITS, LoopSettings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SettingsT = TypeVar("SettingsT", bound=LoopSettings)


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe.

    Attributes:
        place: The file, for messages.
        tables: Its tables by name.
    """

    place: str
    tables: Mapping[str, Any]

    @classmethod
    def read(cls, path: str | Path, known: Sequence[str]) -> Recipe:
        """Read a file.

        Args:
            path: The file.
            known: Names of the tables it may have.

        Raises:
            ConfigError: It cannot be read, is no TOML, or has another table.
        """
        try:
            tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise ConfigError(f"{path}: is no valid TOML ({error})") from error
        for name in tables:
            if name not in known:
                raise ConfigError(f"{path}: [{name}] is unknown; there is {', '.join(known)}")
        return cls(str(path), tables)

    def table(self, name: str) -> dict[str, Any]:
        """A table, empty where the file has none.

        Raises:
            ConfigError: It is no table.
        """
        table = self.tables.get(name, {})
        if not isinstance(table, dict):
            raise ConfigError(f"{self.place}: {name} is not a table; write [{name}] above its values")
        return dict(table)

    def only(self, name: str, known: Sequence[str]) -> dict[str, Any]:
        """A table that has some keys alone.

        Raises:
            ConfigError: It is no table, or has another key.
        """
        table = self.table(name)
        for key in table:
            if key not in known:
                raise ConfigError(f"{self.place}: [{name}] has no key {key!r}; it has {', '.join(known)}")
        return table

    def settings(self, kind: type[SettingsT], name: str, overrides: Mapping[str, Any]) -> SettingsT:
        """Make settings of a table.

        Args:
            kind: Their class.
            name: Of the table.
            overrides: Values in place of those of the file.

        Raises:
            OptionError: There is no such setting, or its value makes no sense.
        """
        return self._made(kind, {**_without_lengths(self.table(name), overrides), **overrides})

    def phases(self, kind: type[SettingsT], overrides: Mapping[str, Any]) -> list[SettingsT]:
        """Make the settings of each ``[[phases]]`` on top of ``[settings]``, or of that alone.

        Raises:
            ConfigError: ``phases`` is no list of tables, or an empty one.
            OptionError: As :meth:`settings`.
        """
        phases = self.tables.get("phases", [{}])
        if not (isinstance(phases, list) and phases and all(isinstance(phase, dict) for phase in phases)):
            raise ConfigError(f"{self.place}: phases is not a list of tables; write [[phases]] above each")
        common = self.table("settings")
        return [
            self._made(kind, {**_without_lengths({**common, **phase}, overrides), **overrides})
            for phase in phases
        ]

    def _made(self, kind: type[SettingsT], values: dict[str, Any]) -> SettingsT:
        fields = {field.name: field for field in dataclasses.fields(kind)}
        for key, value in values.items():
            if key not in fields:
                raise OptionError(f"{self.place}: there is no setting {key!r}{nearest(key, list(fields))}")
            values[key] = _frozen(value)
        try:
            return kind(**values)
        except SqueezeBertError as error:
            raise OptionError(f"{self.place}: {error}") from error

    def model(self, vocab_size: int | None = None) -> str | SqueezeBertConfig:
        """The table ``model``: the checkpoint that ``from`` names, or the sizes of a new model.

        Args:
            vocab_size: What a new model has where the table does not say; None for as many as the
                published one.

        Raises:
            ConfigError: The sizes make no model, or stand beside ``from``.
        """
        values = self.table("model")
        start = values.pop("from", None)
        if start is not None and (values or not isinstance(start, str)):
            raise ConfigError(f'{self.place}: [model] has either from = "MODEL" or the sizes of a new one')
        if start is not None:
            return str(start)
        for key in values:
            if key not in KEYS:
                raise ConfigError(f"{self.place}: [model] has no size {key!r}{nearest(key, KEYS)}")
        try:
            given = {} if vocab_size is None else {"vocab_size": vocab_size}
            return SqueezeBertConfig.from_dict({**given, **values})
        except ConfigError as error:
            raise ConfigError(f"{self.place}: [model] {error}") from error


def _without_lengths(values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Values without the length of the run, where another one stands over it, which may have another unit."""
    replaced = UNITS if overrides.keys() & {*UNITS} else ()
    return {name: value for name, value in values.items() if name not in replaced}


def parse_assignments(texts: Sequence[str]) -> dict[str, Any]:
    """Parse ``name=value``, values as in TOML; a word without quotes is a string.

    Raises:
        OptionError: A text has another form.
    """
    values = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not (name.strip() and sign):
            raise OptionError(f"{text!r} is not of the form NAME=VALUE")
        try:
            values[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except ValueError:
            values[name.strip()] = value
    return values


def _frozen(value: Any) -> Any:
    """The value, with lists as tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value

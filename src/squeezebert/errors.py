"""The errors that a user of this package can meet.

Every message names the offending input, the place and the remedy, so that the command line can print it as
it stands, without a traceback.
"""

from __future__ import annotations


class SqueezeBertError(Exception):
    """Base of all errors raised on purpose by this package."""


class ConfigError(SqueezeBertError, ValueError):
    """A model configuration has a value of a wrong type or values that contradict each other."""


class CheckpointError(SqueezeBertError, ValueError):
    """A checkpoint is missing, unreadable, unsafe, or does not fit the model that should load it."""


class TokenizerError(SqueezeBertError, ValueError):
    """Text, vocabulary or options that cannot be tokenised."""


class DataError(SqueezeBertError, ValueError):
    """A data file, row or column that cannot be read or does not fit the task."""


class OptionError(SqueezeBertError, ValueError):
    """An option or argument whose value makes no sense here."""


class TrainingError(SqueezeBertError, RuntimeError):
    """A training run that cannot go on: its loss is not finite, or its state cannot be written or read."""


class MissingExtraError(SqueezeBertError, ImportError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the '{extra}' extra: pip install 'squeezebert[{extra}]'")

"""The errors that a user of this package can meet.

Every message names the offending input, the place and the remedy, so that the command line can print it as
it stands, without a traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral


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


class LostProcessError(TrainingError):
    """Another process of the same training run has ended before its time."""


class NoSplitError(DataError):
    """A data set lacks the split that was asked for.

    Args:
        place: The data set.
        split: What was asked for.
        splits: What there is.
    """

    def __init__(self, place: object, split: str, splits: Sequence[str]) -> None:
        super().__init__(f"{place}: has no split {split!r}; it has {', '.join(splits)}")
        self.splits = splits


class MissingExtraError(SqueezeBertError, ImportError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the '{extra}' extra: pip install 'squeezebert[{extra}]'")


def nearest(name: str, known: Sequence[str], *, cutoff: float = 0.6) -> str:
    """Give `` (nearest: 'x')`` for a message about an unknown name, or nothing where none is so near.

    Args:
        name: What is not known.
        known: What could be meant.
        cutoff: How alike they must be, from 0 to 1, as :func:`difflib.get_close_matches` counts it.
    """
    # Imported here: a process without errors does without.
    import difflib

    close = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    return f" (nearest: {close[0]!r})" if close else ""


def listed(names: Sequence[str], most: int) -> str:
    """Names with commas between them; of many the first ``most``, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, also one of numpy's; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_whole(**values: object) -> None:
    """See that values are whole numbers.

    Raises:
        OptionError: One is not; the message names it.
    """
    for name, value in values.items():
        if not is_whole(value):
            raise OptionError(f"{name} is {value!r}; expected a whole number")

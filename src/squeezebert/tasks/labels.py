"""Labels in data and labels of a model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import DataError, listed, nearest

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_WITH_DECIMALS = re.compile(r"[.,]|e-", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_SHOWN = 12
_MOST_CLASSES = 20
"""Up to so many different whole numbers are taken for classes without asking, however few rows there are."""


def label_index(label: str | int | float, config: SqueezeBertConfig, where: str) -> int:
    """Find the output of the head that stands for a label.

    A label is a name of the config or, where no name is a number, an index into it, as many data sets have
    it, or a name in other letters ("Positive" for "positive"), if that fits one alone.

    Raises:
        DataError: It is none of these.
    """
    name = str(label)
    known = config.label2id
    if name in known:
        return known[name]
    labels = list(known)
    if is_index(label, config):
        return int(name)
    same = [one for one in labels if one.strip().casefold() == name.strip().casefold()]
    if len(same) == 1:
        return known[same[0]]
    raise DataError(
        f"{where}: unknown label {name!r}{nearest(name, labels)}; the model knows {listed(labels, _SHOWN)}"
    )


def is_index(label: object, config: SqueezeBertConfig) -> bool:
    """Whether a label is taken for a place among the model's labels, whose names are no numbers."""
    name = str(label)
    return bool(
        _INTEGER.fullmatch(name)
        and 0 <= int(name) < config.num_labels
        and not any(map(_INTEGER.fullmatch, config.label2id))
    )


def ordered(labels: Iterable[Any]) -> list[str]:
    """Each label once: in numeric order where all are integers, else in alphabetical order."""
    names = {str(label) for label in labels}
    if all(map(_INTEGER.fullmatch, names)):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def refuse_missing(label: object, where: str) -> None:
    """See that a row has a label.

    Raises:
        DataError: It is null, an empty cell, the NaN that tables have where one is missing, or no text.
    """
    if label is None or label == "":
        raise DataError(
            f"{where}: label is {label!r}; expected a name, a number or a list of names; leave out rows "
            "without a label"
        )
    if isinstance(label, float) and not math.isfinite(label):
        raise DataError(
            f"{where}: label is {label!r}, as tables have it where one is missing; leave out the row"
        )
    if not str(label).isascii():
        try:
            str(label).encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"{where}: label {label!r} has an unpaired surrogate, which no file holds"
            ) from error


def as_number(label: object) -> float | None:
    """The finite number that a label is or spells, also with a decimal comma, else None."""
    # Python would read 18_25, which is no number in any table, as 1825.
    if not isinstance(label, (str, int, float)) or "_" in str(label):
        return None
    if isinstance(label, str) and _DECIMAL_COMMA.fullmatch(label.strip()):
        label = label.replace(",", ".")
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_not_finite(label: object) -> bool:
    """Whether a label is, or spells, a number that is none on any scale: NaN or infinity."""
    try:
        return isinstance(label, (str, float)) and not math.isfinite(float(label))
    except ValueError:
        return False


def may_be_measurements(labels: Iterable[Any]) -> bool:
    """Whether labels are whole numbers of which most rows have one to themselves, as prices or years have."""
    values = [str(label).strip() for label in labels]
    distinct = {*values}
    many = len(distinct) > max(_MOST_CLASSES, len(values) / 2)
    return many and all(map(_INTEGER.fullmatch, distinct))


def check_commas(labels: Mapping[str, Any]) -> None:
    """See that numbers with commas, by the places of their rows, are not ambiguous: 1,234.

    Raises:
        DataError: Each of the commas may be one of thousands as well as a decimal one.
    """
    commas = {where: label for where, label in labels.items() if isinstance(label, str) and "," in label}
    if commas and all(_THOUSANDS.fullmatch(label.strip()) for label in commas.values()):
        where, label = next(iter(commas.items()))
        raise DataError(
            f"{where}: label {label!r} has a comma of thousands or of decimals; write "
            f"{label.replace(',', '')} or {label.replace(',', '.')}"
        )


def are_measurements(labels: Iterable[Any]) -> bool:
    """Whether labels are numbers on a scale, which makes it regression: all are numbers, one has decimals."""
    values = list(labels)
    if any(as_number(label) is None for label in values):
        return False
    return any(isinstance(label, float) or _WITH_DECIMALS.search(str(label)) for label in values)

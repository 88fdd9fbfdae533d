"""Entities as annotation tools export them: a text, and spans of its characters with labels."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from squeezebert.data.spans import CharacterSpan
from squeezebert.errors import DataError
from squeezebert.tasks.columns import parsed
from squeezebert.tasks.tags import split_tag

_STARTS = ("start", "start_offset")
_ENDS = ("end", "end_offset")
_SHOWN = 100
_WITHIN = ("I-", "E-", "L-", "M-")
"""Prefixes of tags of words that continue an entity."""
_LABELS = ("label", "labels", "entity_group", "entity", "type", "tag")


def are_spans(value: object) -> bool:
    """Whether a column holds spans, and not a tag for each of the words."""
    if isinstance(value, str):
        return value.startswith("[")
    return isinstance(value, (list, tuple)) and not any(isinstance(item, (str, int)) for item in value)


def read_spans(value: object, text: str, where: str) -> list[CharacterSpan]:
    """Read the spans of a text, in the order of its characters.

    A span is a mapping with ``start``, ``end`` and ``label`` (as of Prodigy, spaCy, Label Studio and this
    package's answers; ``start_offset`` and ``end_offset`` as of doccano), or a list of these three. Where it
    has its own ``text``, that tells whether characters beyond U+FFFF count twice, as they do in JavaScript
    (https://github.com/HumanSignal/label-studio/issues/1347).

    Args:
        value: A list of spans, or one as a cell of a table has it, in JSON or as Python writes it.
        text: The text.
        where: Its place, for errors.

    Raises:
        DataError: A span is something else, lies outside of the text, overlaps another one, or is not where
            its own text is.
    """
    if isinstance(value, str) and isinstance(value := parsed(value), str):
        raise DataError(f"{where}: spans are {value[:_SHOWN]!r}; expected JSON, a list of spans")
    if not isinstance(value, (list, tuple)):
        raise DataError(f"{where}: spans are {value!r}; expected a list of spans")
    spans = sorted(_span(item, text, f"{where}: span {number}") for number, item in enumerate(value))
    for one, other in pairwise(spans):
        if other.start < one.end:
            raise DataError(
                f"{where}: the spans {text[one.start : one.end]!r} and {text[other.start : other.end]!r} "
                "overlap; a word has one tag, so keep one of them"
            )
    labels = {span.label for span in spans}
    for label in labels:
        if label[:2] in _WITHIN and (begin := f"B-{label[2:]}") in labels:
            raise DataError(
                f"{where}: spans have the labels {begin!r} and {label!r}, the tags of words; spans are whole "
                "entities: join them"
            )
    return spans


def _span(item: Any, text: str, where: str) -> CharacterSpan:
    start, end, label = _parts(item)
    if not (isinstance(start, int) and isinstance(end, int) and isinstance(label, str) and label):
        raise DataError(f'{where} is {item!r}; expected {{"start": 0, "end": 4, "label": "PER"}}')
    tag = str(item.get("entity", "")) if isinstance(item, Mapping) else ""
    if split_tag(tag)[1] != tag:
        raise DataError(
            f"{where} has {tag!r}, the tag of a word; spans are whole entities, as predict gives them "
            "without --aggregation word or none"
        )
    said = item.get("text") if isinstance(item, Mapping) else None
    if isinstance(said, str) and not _same(text[start:end], said):
        first, last = _characters(text, start), _characters(text, end)
        if not _same(text[first:last], said):
            raise DataError(
                f"{where} is {said!r}, and from {start} to {end} the text has {text[start:end]!r}; correct "
                "the numbers, or leave out the text of the span"
            )
        start, end = first, last
    if not 0 <= start < end <= len(text):
        raise DataError(f"{where} goes from {start} to {end}, and the text has {len(text)} characters")
    return CharacterSpan(start, end, label)


def _same(one: str, other: str) -> bool:
    return one.split() == other.split()


def _characters(text: str, units: int) -> int:
    """How many characters the first ``units`` of UTF-16 are."""
    return len(text.encode("utf-16-le", "surrogatepass")[: 2 * max(units, 0)].decode("utf-16-le", "ignore"))


def _parts(item: Any) -> tuple[Any, Any, Any]:
    if isinstance(item, (list, tuple)) and len(item) == 3:
        return item[0], item[1], item[2]
    if not isinstance(item, Mapping):
        return None, None, None
    start, end, label = (_first(item, names) for names in (_STARTS, _ENDS, _LABELS))
    return start, end, label[0] if isinstance(label, list) and len(label) == 1 else label


def _first(item: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((item[name] for name in names if name in item), None)

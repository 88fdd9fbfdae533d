"""Tags of words and the entities that they spell: IO, IOB1, IOB2 (BIO), BIOES and BILOU.

A tag is ``O``, a type alone (``PER``), or a prefix and a type (``B-PER``). All schemes are read alike and
leniently, as conlleval and seqeval's default mode do: an entity begins at ``B``, ``S`` or ``U``, after ``O``,
where the type changes, and after a tag that ends one (``E``, ``L``, ``S``, ``U``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from squeezebert.tasks.metrics import f1

OUTSIDE = "O"
_PREFIXES = "BIESLU"
_BEGINS = "BSU"
_ENDS = "ESLU"


@dataclass(frozen=True)
class Span:
    """An entity.

    Attributes:
        start: First word.
        end: The word after its last one.
        kind: Its type.
    """

    start: int
    end: int
    kind: str


def split_tag(tag: str) -> tuple[str, str]:
    """``B-PER`` -> ``("B", "PER")``; a type alone counts as inside: ``PER`` -> ``("I", "PER")``."""
    if len(tag) > 2 and tag[1] == "-" and tag[0] in _PREFIXES:
        return tag[0], tag[2:]
    return ("O", "") if tag == OUTSIDE else ("I", tag)


def spans(tags: Sequence[str]) -> list[Span]:
    """The entities of a sequence of tags, in order."""
    found: list[Span] = []
    start, before = 0, (OUTSIDE, "")
    for index, tag in enumerate([*tags, OUTSIDE]):
        here = split_tag(tag)
        begins = here[0] in _BEGINS or before[0] in _ENDS or here[1] != before[1]
        if begins:
            if before[0] != OUTSIDE:
                found.append(Span(start, index, before[1]))
            start = index
        before = here
    return found


def have_entities(labels: Sequence[str]) -> bool:
    """Whether labels spell entities; without prefix and ``O`` each stands for itself (part of speech)."""
    return OUTSIDE in labels or any(split_tag(label)[1] != label for label in labels)


def entity_scores(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, float]:
    """Micro-averaged ``f1``, ``precision`` and ``recall`` of entities that agree in span and type."""
    hits = found = there = 0
    for truth, guess in zip(true, predicted, strict=True):
        right, mine = set(spans(truth)), set(spans(guess))
        hits, found, there = hits + len(right & mine), found + len(mine), there + len(right)
    return {
        "f1": f1(hits, found, there),
        "precision": hits / found if found else 0.0,
        "recall": hits / there if there else 0.0,
    }

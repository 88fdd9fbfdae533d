"""Tags of words and the entities that they spell: IO, IOB1, IOB2 (BIO), BIOES, BMES and BILOU.

A tag is ``O``, a type alone (``PER``), or a prefix and a type (``B-PER``). All schemes are read alike and
leniently, as conlleval and seqeval's default mode do: an entity begins at ``B``, ``S`` or ``U``, after ``O``,
where the type changes, and after a tag that ends one (``E``, ``L``, ``S``, ``U``).

Of a model that learnt from tags whose entities all begin as they should (IOB2, BIOES, BILOU), the likeliest
tags are those that together spell such entities: an ``I-PER`` after ``O`` is none of them. This is decoding
under constraints, as CRF taggers do it, without anything learnt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from squeezebert.tasks.metrics import f1

OUTSIDE = "O"
STRICT_KEY = "strict_tags"
"""In ``config.json``: whether all entities that the model learnt from begin as they should."""
_PREFIXES = "BIESLUM"
_BEGINS = "BSU"
_ENDS = "ESLU"
_CONTINUES = "IEL"


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
    """``B-PER`` -> ``("B", "PER")``; a bare type is inside, as ``M`` does: ``PER`` -> ``("I", "PER")``."""
    if len(tag) > 2 and tag[1] == "-" and tag[0] in _PREFIXES:
        return tag[0].replace("M", "I"), tag[2:]
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


def may_follow(tag: str, before: str) -> bool:
    """Whether a tag may stand after another: one that continues an entity needs one of its type there."""
    here, there = split_tag(tag), split_tag(before)
    return here[0] not in _CONTINUES or (there[0] in "BI" and there[1] == here[1])


def inside_of(before: str, after: str, labels: Iterable[str]) -> str | None:
    """The tag of what stands inside of one entity, between words of these tags; None between two others."""
    prefix, kind = split_tag(after)
    if prefix in _CONTINUES and may_follow(after, before):
        return next((label for label in labels if split_tag(label) == ("I", kind)), None)
    return None


def are_strict(sequences: Iterable[Sequence[str]]) -> bool:
    """Whether all entities begin as IOB2, BIOES and BILOU ask, and none as IOB1 and IO allow."""
    return all(may_follow(tag, before) for tags in sequences for before, tag in pairwise([OUTSIDE, *tags]))


def likeliest(scores: NDArray[np.float64], labels: Sequence[str], *, strict: bool) -> NDArray[np.intp]:
    """The labels of words, each the likeliest for itself or, if ``strict``, all of them together.

    Args:
        scores: Probabilities ``[words, labels]``.
        labels: The tags, one of which is no continuation.
        strict: Whether a continuation has to follow what it continues.

    Returns:
        Index of each word's label ``[words]``.
    """
    best: NDArray[np.intp] = scores.argmax(axis=1)
    if not strict or are_strict([[labels[index] for index in best]]):
        return best
    cost = _costs(tuple(labels))
    losses = -np.log(np.maximum(scores, np.finfo(np.float64).tiny))
    total = cost[0] + losses[0]
    backward = np.empty(scores.shape, dtype=np.intp)
    for word in range(1, len(scores)):
        through = total[:, None] + cost[1:]  # [labels before, labels]
        backward[word] = through.argmin(axis=0)
        total = through.min(axis=0) + losses[word]
    best[-1] = total.argmin()
    for word in range(len(scores) - 1, 0, -1):
        best[word - 1] = backward[word, best[word]]
    return best


@lru_cache
def _costs(labels: tuple[str, ...]) -> NDArray[np.float64]:
    """0 where a label may follow, else infinity: ``[1 + labels, labels]``, at the start and after each."""
    follows = np.array([[may_follow(tag, before) for tag in labels] for before in (OUTSIDE, *labels)])
    return np.where(follows, 0.0, np.inf)


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

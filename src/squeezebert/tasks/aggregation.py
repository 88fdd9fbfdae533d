"""From the tokens of windows to those of the text, to words, to entities: the aggregation strategies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.config import SqueezeBertConfig
from squeezebert.engine.backend import Outputs
from squeezebert.tasks.base import Window
from squeezebert.tasks.characters import after_marks
from squeezebert.tasks.merging import best_places
from squeezebert.tasks.scores import softmax
from squeezebert.tasks.tags import OUTSIDE, Span, inside_of, likeliest, spans


@dataclass(frozen=True)
class Unit:
    """A token or word with its scores.

    Attributes:
        start: First character in the text.
        end: Character after its last.
        word: Index of the word.
        index: Position of the token in its window.
        piece: The token as a string.
        scores: Probabilities ``[labels]``.
    """

    start: int
    end: int
    word: int
    index: int
    piece: str
    scores: NDArray[np.float64]


def tokens_of(
    words: Sequence[str] | None, windows: Sequence[Window], outputs: Sequence[Outputs], stride: int
) -> list[Unit]:
    """Give every token of a text once, with the scores from where it has most context.

    Args:
        words: The words, where the text was given so.
        windows: Those of the text.
        outputs: ``logits`` ``[tokens, labels]``, float32, for each window.
        stride: Tokens that neighbouring windows share.
    """
    starts = _word_starts(words)
    scores = [softmax(output["logits"]) for output in outputs]
    units = []
    for index, position in best_places(windows, stride):
        encoding = windows[index].encoding
        word = encoding.word_ids[position]
        shift = starts[word] if starts and word is not None else 0
        start, end = encoding.offsets[position]
        units.append(
            Unit(
                start + shift,
                end + shift,
                -1 if word is None else word,
                position,
                encoding.tokens[position],
                scores[index][position],
            )
        )
    return units


def _word_starts(words: Sequence[str] | None) -> list[int]:
    """Where each word begins in the words joined by spaces."""
    if words is None:
        return []
    starts, at = [], 0
    for word in words:
        starts.append(at)
        at += len(word) + 1
    return starts


def joined_to_words(
    tokens: Sequence[Unit], strategy: str, text: str, words: Sequence[str] | None
) -> list[Unit]:
    """Join the tokens of each word: "average" their scores, or take the surest ("max") or the first one's.

    Args:
        tokens: From :func:`tokens_of`.
        strategy: See above.
        text: What they are of.
        words: The words, where the text was given so; each is the whole of it then.
    """
    joined = [_joined(list(group), strategy) for _, group in groupby(tokens, key=lambda unit: unit.word)]
    if words is None:
        return [replace(unit, end=after_marks(text, unit.end)) for unit in joined]
    starts = _word_starts(words)
    return [
        replace(unit, start=starts[unit.word], end=starts[unit.word] + len(words[unit.word]))
        for unit in joined
    ]


def _joined(tokens: Sequence[Unit], strategy: str) -> Unit:
    first, last = tokens[0], tokens[-1]
    scores = first.scores
    if strategy == "average":
        scores = np.mean([token.scores for token in tokens], axis=0)
    elif strategy == "max":
        scores = max(tokens, key=lambda token: float(token.scores.max())).scores
    return Unit(first.start, last.end, first.word, first.index, first.piece, scores)


def labelled(
    units: Sequence[Unit], labels: Mapping[int, str], *, strict: bool = False
) -> list[dict[str, Any]]:
    """Give each unit's likeliest label as ``entity``, its ``score``, ``start`` and ``end``.

    Strict labels fit together: an entity begins with ``B-``.
    """
    if not units:
        return []
    scores = np.stack([unit.scores for unit in units])
    best = likeliest(scores, [labels[index] for index in range(len(labels))], strict=strict)
    return [
        {
            "entity": labels[int(label)],
            "score": float(unit.scores[label]),
            "start": unit.start,
            "end": unit.end,
        }
        for unit, label in zip(units, best, strict=True)
    ]


def completed(
    entries: Sequence[dict[str, Any]], units: Sequence[Unit], words: Sequence[str], config: SqueezeBertConfig
) -> list[dict[str, Any]]:
    """Add the words without tokens (control characters alone), so that every word has an entry.

    They take no part in labelling the others. They are outside, or inside of the entity around them.

    Args:
        entries: From :func:`labelled`, of the words that have tokens.
        units: These words.
        words: All words.
        config: Has the labels.
    """
    known = {unit.word: entry for unit, entry in zip(units, entries, strict=True)}
    labels = list(config.id2label.values())
    outside = OUTSIDE if OUTSIDE in labels else labels[0]
    found: list[dict[str, Any]] = []
    for word, (start, text) in enumerate(zip(_word_starts(words), words, strict=True)):
        entry = known.get(word)
        if entry is None:
            before = found[-1]["entity"] if found else OUTSIDE
            after = next((known[later]["entity"] for later in known if later > word), OUTSIDE)
            tag = inside_of(before, after, labels) or outside
            entry = {"entity": tag, "score": 1.0, "start": start, "end": start + len(text)}
        found.append(entry)
    return found


def joined_to_entities(units: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give the entities that labelled units spell, and what is between, with the mean of their scores."""
    groups, at = [], 0
    for span in spans([unit["entity"] for unit in units]):
        groups += [Span(at, span.start, OUTSIDE), span]
        at = span.end
    groups.append(Span(at, len(units), OUTSIDE))
    return [
        {
            "entity_group": span.kind,
            "score": float(np.mean([unit["score"] for unit in units[span.start : span.end]])),
            "start": units[span.start]["start"],
            "end": units[span.end - 1]["end"],
        }
        for span in groups
        if span.start < span.end
    ]

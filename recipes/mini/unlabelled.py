"""Text without labels for the teachers of the heads to answer.

The labelled rows of a head are few, or are phrases where whole sentences will be asked about. New texts are
made of them, by the means of TinyBERT's data augmentation (Jiao et al., 2020, algorithm 1): words are
replaced by words whose embeddings lie near. A neighbour may well turn the meaning round ("good" and "bad" are
neighbours), which does no harm, as the teacher reads the new text.

Everything is a pure function of its arguments and the seed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from squeezebert.checkpoints import read_checkpoint
from squeezebert.checkpoints.names import WORD_EMBEDDINGS
from squeezebert.data import Row
from squeezebert.tokenization import SqueezeBertTokenizerFast

Texts = dict[str, str]

_NEIGHBOURS = 12
_REPLACED = 0.3
"""Share of the words that are replaced, of those that have neighbours."""
_LONG = 8
"""Words of a text that is worth varying: sentences are asked about, and most labelled rows are phrases."""
_JOINED = 0.25
"""Share of the texts that are two joined by one of `_JOINTS`."""
_JOINTS = (", but ", " but ", " and ", " , and ", " , though ", " , yet ", " . ", " , ", " even though ")
_WORD = re.compile(r"[a-z]{3,}")


class Thesaurus:
    """The words whose embeddings lie nearest to a word's.

    Args:
        model: Folder with word embeddings and vocabulary.
    """

    def __init__(self, model: Path) -> None:
        table = read_checkpoint(model).arrays[WORD_EMBEDDINGS]
        vocabulary = SqueezeBertTokenizerFast.from_pretrained(model).get_vocab()
        # Whole words only; what begins with ## is none.
        self._words = [word for word in vocabulary if _WORD.fullmatch(word)]
        self._places = {word: place for place, word in enumerate(self._words)}
        rows = table[[vocabulary[word] for word in self._words]]
        self._vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        self._known: dict[int, NDArray[np.int64]] = {}

    def vary(self, text: str, rng: np.random.Generator) -> str:
        """Replace some of the words of a text that is split at blanks."""
        words = text.split()
        for index, word in enumerate(words):
            place = self._places.get(word.lower())
            if place is not None and rng.random() < _REPLACED:
                words[index] = self._words[rng.choice(self._near(place))]
        return " ".join(words)

    def _near(self, place: int) -> NDArray[np.int64]:
        if place not in self._known:
            cosines = self._vectors @ self._vectors[place]
            cosines[place] = -1
            self._known[place] = np.argpartition(-cosines, _NEIGHBOURS)[:_NEIGHBOURS]
        return self._known[place]


def sentences_varied(
    rows: Sequence[Row], count: int, thesaurus: Thesaurus, rng: np.random.Generator
) -> Iterator[Texts]:
    """Vary the longer texts of some rows, and join two of any length where that makes a sentence."""
    texts = [str(row.values["text"]).strip() for row in rows]
    longer = [text for text in texts if len(text.split()) >= _LONG] or texts
    for _ in range(count):
        if rng.random() < _JOINED:
            first, second = (texts[index] for index in rng.integers(len(texts), size=2))
            text = first + str(rng.choice(_JOINTS)) + second
        else:
            text = longer[rng.integers(len(longer))]
        yield {"text": thesaurus.vary(text, rng)}


def pairs_varied(
    rows: Sequence[Row], count: int, thesaurus: Thesaurus, rng: np.random.Generator
) -> Iterator[Texts]:
    """Pair texts of some rows anew: those of one premise with each other, varied, and sometimes any two."""
    by_premise: dict[str, list[str]] = {}
    for row in rows:
        by_premise.setdefault(str(row.values["text"]), []).append(str(row.values["text_pair"]))
    premises = list(by_premise)
    for _ in range(count):
        premise = premises[rng.integers(len(premises))]
        known = by_premise[premise]
        kind = rng.random()
        if kind < 0.6:
            text, pair = premise, known[rng.integers(len(known))]
        elif kind < 0.85:
            text, pair = (str(part) for part in rng.choice([premise, *known], size=2, replace=False))
        else:
            text, pair = premise, by_premise[premises[rng.integers(len(premises))]][0]
        yield {
            "text": text if rng.random() < 0.5 else thesaurus.vary(text, rng),
            "text_pair": thesaurus.vary(pair, rng),
        }

"""Documents packed into sequences of two segments that follow each other, or were swapped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.corpus import Corpus
from squeezebert.corpus.reader import Ids, Spans
from squeezebert.corpus.shards import ShardPart

SPECIALS = 3
SHORTEST = 2


@dataclass(frozen=True)
class Segments:
    """Two stretches of text, as the model reads them.

    Attributes:
        first: Ids of the segment that stands first ``[tokens]``.
        second: Ids of the other ``[tokens]``.
        swapped: Whether ``second`` comes before ``first`` in the document: the class 1 of the published
            sentence-order head.
    """

    first: NDArray[Any]
    second: NDArray[Any]
    swapped: bool


class Sequences:
    """A corpus cut into sequences of at most ``max_length`` tokens.

    A sequence has as many whole sentences of one document as fit; a sentence that is too long by itself is
    cut. Nothing is left out but a last single token.

    Args:
        corpus: The text.
        max_length: Tokens of a sequence at most, its three special tokens included.
    """

    def __init__(self, corpus: Corpus, max_length: int) -> None:
        self._corpus = corpus
        bounds = [pack(part, max_length - SPECIALS) for part in corpus.shards]
        shards = np.repeat(np.arange(len(bounds)), [len(starts) for starts, _ in bounds])
        starts, ends = (np.concatenate([pair[side] for pair in bounds]) for side in (0, 1))
        self._spans = Spans(shards, starts, ends)

    def __len__(self) -> int:
        return len(self._spans.starts)

    def tokens(self, index: int) -> NDArray[Any]:
        """Ids of a sequence in the order of the document ``[tokens]``."""
        return self._corpus.read(self._spans, index)

    def segments(self, index: int, rng: np.random.Generator) -> Segments:
        """Part a sequence at the end of a sentence, in the middle if it has but one; swap every other one."""
        ids = self.tokens(index)
        part = self._corpus.shards[self._spans.shards[index]]
        start, end = self._spans.starts[index], self._spans.ends[index]
        low, high = np.searchsorted(part.sentences, [start + 1, end])
        place = part.sentences[rng.integers(low, high)] - start if low < high else len(ids) // 2
        swapped = bool(rng.random() < 0.5)
        before, after = ids[:place], ids[place:]
        return Segments(after, before, True) if swapped else Segments(before, after, False)


def pack(part: ShardPart, room: int) -> tuple[Ids, Ids]:
    """Cut a shard into stretches of whole sentences of one document, ``room`` tokens at most.

    Returns:
        First tokens and ends ``[sequences]``, of at least two tokens each.
    """
    sentences = part.sentences
    # The sentence after the last that fits, for a stretch that begins with each sentence.
    fitting = np.searchsorted(sentences, sentences[:-1] + room, side="right") - 1
    documents = np.repeat(part.documents[1:], np.diff(part.documents))
    following = np.minimum(fitting, documents).tolist()
    bounds: list[tuple[int, int]] = []
    sentence = 0
    while sentence < len(following):
        start = int(sentences[sentence])
        after = max(following[sentence], sentence + 1)
        end = int(sentences[after])
        bounds.extend((cut, min(cut + room, end)) for cut in range(start, end, room))
        sentence = after
    array = np.array(bounds, dtype=np.int64).reshape(-1, 2)
    array = array[array[:, 1] - array[:, 0] >= SHORTEST]
    return array[:, 0], array[:, 1]

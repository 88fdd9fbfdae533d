"""A built corpus: any sentence or document of it at once, whatever its size."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.corpus.build import INDEX_NAME
from squeezebert.corpus.shards import TRAINING, ShardPart, ids_dtype
from squeezebert.errors import DataError

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Spans:
    """Stretches of tokens in a corpus.

    Attributes:
        shards: Number of the shard of each ``[n]``.
        starts: Its first token in the shard ``[n]``.
        ends: The token after its last ``[n]``.
    """

    shards: Ids
    starts: Ids
    ends: Ids

    @property
    def lengths(self) -> Ids:
        """Tokens of each ``[n]``."""
        return self.ends - self.starts


def nothing_held_out(corpora: Sequence[Corpus]) -> DataError:
    """What to raise where all documents of some corpora are to learn from, and none to measure on."""
    places = ", ".join(str(corpus.folder) for corpus in corpora)
    if sum(corpus.documents for corpus in corpora) == 1:
        return DataError(
            f"{places}: holds a single document, and another one is needed to measure on; divide it into "
            "several files, or rows of a .jsonl"
        )
    return DataError(f"{places}: holds out no document to measure on; build it with a smaller --hold-out")


class Corpus:
    """The documents of one part of a corpus, in the order of its sources.

    Args:
        folder: As :func:`squeezebert.corpus.build_corpus` made it.
        part: "training" or "held_out".

    Attributes:
        folder: The same.
        vocab_size: Pieces of its tokenizer; every id is less.
        tokenizer: Digest of its tokenizer.
        shards: The parts of its shards.

    Raises:
        DataError: It is not a corpus, or damaged.
    """

    def __init__(self, folder: str | Path, part: str = TRAINING) -> None:
        self.folder = Path(folder)
        try:
            index = json.loads((self.folder / INDEX_NAME).read_text(encoding="utf-8"))
            self.vocab_size: int = index["vocab_size"]
            self.tokenizer: str = index["tokenizer"]
            self._names = [shard["folder"] for shard in index["shards"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{folder}: is no corpus; make one with `squeezebert corpus`") from error
        dtype = ids_dtype(self.vocab_size)
        self.shards = [ShardPart.open(self.folder / name, part, dtype) for name in self._names]
        self._sentence_ends = np.cumsum([len(shard.sentences) - 1 for shard in self.shards])
        self._document_ends = np.cumsum([len(shard.documents) - 1 for shard in self.shards])

    @property
    def documents(self) -> int:
        """Number of documents."""
        return int(self._document_ends[-1])

    @property
    def sentences(self) -> int:
        """Number of sentences."""
        return int(self._sentence_ends[-1])

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return sum(len(shard.ids) for shard in self.shards)

    @property
    def fingerprint(self) -> str:
        """A digest by which a resumed run knows that its corpus is the same."""
        return hashlib.sha256("\n".join(self._names).encode()).hexdigest()

    def report(self) -> dict[str, Any]:
        """What a run says of it: name, digest and size, for JSON."""
        return {"name": self.folder.name, "sha256": self.fingerprint, "tokens": self.tokens}

    def sentence_spans(self, indices: Ids, longest: int) -> Spans:
        """Where sentences are; of one that is longer than ``longest`` tokens, its beginning."""
        return self._spans(indices, np.full_like(indices, longest), _sentence_ends)

    def passage_spans(self, indices: Ids, longest: int | Ids) -> Spans:
        """Where the passages are that begin with sentences and have as many of their document as fit.

        A passage has one sentence at least; of one that is longer than ``longest`` tokens, the beginning.
        ``longest`` may be one for each passage ``[n]``.
        """
        return self._spans(indices, np.broadcast_to(longest, indices.shape), _passage_ends)

    def read(self, spans: Spans, index: int) -> NDArray[Any]:
        """Ids of one of some spans ``[tokens]``."""
        ids: NDArray[Any] = self.shards[spans.shards[index]].ids
        return ids[spans.starts[index] : spans.ends[index]]

    def _spans(self, indices: Ids, longest: Ids, ends: Callable[[ShardPart, Ids, Ids], Ids]) -> Spans:
        shards = np.searchsorted(self._sentence_ends, indices, side="right")
        spans = Spans(shards, np.empty_like(shards), np.empty_like(shards))
        for number in np.unique(shards):
            here = shards == number
            part = self.shards[number]
            local = indices[here] - (self._sentence_ends[number] - len(part.sentences) + 1)
            spans.starts[here] = part.sentences[local]
            fitting = ends(part, local, longest[here])
            spans.ends[here] = np.minimum(fitting, part.sentences[local] + longest[here])
        return spans


def _sentence_ends(part: ShardPart, local: Ids, _: Ids) -> Ids:
    return part.sentences[local + 1]


def _passage_ends(part: ShardPart, local: Ids, longest: Ids) -> Ids:
    document = np.searchsorted(part.documents, local, side="right")
    fitting = np.searchsorted(part.sentences, part.sentences[local] + longest, side="right") - 1
    return part.sentences[np.minimum(np.maximum(fitting, local + 1), part.documents[document])]

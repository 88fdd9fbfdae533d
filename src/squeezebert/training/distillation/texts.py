"""Which texts a step of distillation reads: a pure function of the seed, the epoch and the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.corpus import Corpus
from squeezebert.corpus.drawing import divide, draw
from squeezebert.corpus.reader import Ids, Spans
from squeezebert.training.distillation.settings import DistillationSettings
from squeezebert.training.lazy import LazyBatches

SHORTEST = 4
_SPECIALS = 2


@dataclass(frozen=True)
class Text:
    """An item of a batch.

    Attributes:
        ids: Piece ids, without special tokens ``[tokens]``.
        mask_seed: Seed of the tokens to be hidden, for masked language modelling; None for a text that the
            teacher reads too.
    """

    ids: NDArray[Any]
    mask_seed: tuple[int, ...] | None


class Texts(LazyBatches[Text]):
    """The batches of an epoch, each of texts of nearly one length; texts are read when a batch is asked for.

    Args:
        corpora: Where texts are taken from.
        shares: Share of the texts that come from each.
        settings: Sizes and seed.
        epoch: Number of the epoch.
    """

    def __init__(
        self, corpora: Sequence[Corpus], shares: Sequence[float], settings: DistillationSettings, epoch: int
    ) -> None:
        self._corpora = corpora
        self._seed = (settings.seed, epoch)
        rng = np.random.default_rng([*self._seed, 0])
        counts = divide(settings.epoch_texts, shares)
        spans: list[Spans] = []
        for number, (corpus, count) in enumerate(zip(corpora, counts, strict=True)):
            drawn = draw(corpus.sentences, count, epoch, [settings.seed, number])
            passages = rng.random(count) < settings.passages
            spans.append(corpus.sentence_spans(drawn[~passages], settings.longest - _SPECIALS))
            # Of all lengths: who reads sentences and full passages alone knows little of what is between.
            least = max(settings.longest // 4, SHORTEST + _SPECIALS)
            longest = rng.integers(least, settings.longest, passages.sum(), endpoint=True)
            spans.append(corpus.passage_spans(drawn[passages], longest - _SPECIALS))
        self._owners = np.concatenate(
            [np.full(len(part.starts), index // 2) for index, part in enumerate(spans)]
        )
        self._spans = Spans(
            *(
                np.concatenate([getattr(part, name) for part in spans])
                for name in ("shards", "starts", "ends")
            )
        )
        batches = cut_by_length(self._spans.lengths + _SPECIALS, settings.batch_tokens, rng)
        self._batches = [batches[index] for index in rng.permutation(len(batches))]
        self._masked = rng.random(len(batches)) < settings.mlm_share

    def __len__(self) -> int:
        return len(self._batches)

    def batch(self, index: int) -> list[Text]:
        """Read a batch."""
        return [self._text(int(item), bool(self._masked[index])) for item in self._batches[index]]

    def _text(self, item: int, masked: bool) -> Text:
        ids = self._corpora[self._owners[item]].read(self._spans, item)
        return Text(ids, (*self._seed, 1, item) if masked else None)


def cut_by_length(lengths: Ids, batch_tokens: int, rng: np.random.Generator) -> list[Ids]:
    """Cut texts into batches of ``batch_tokens`` tokens at most, those of one length together.

    Texts of fewer than ``SHORTEST`` pieces are left out. A text that is longer is a batch of its own.
    """
    order = rng.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    order = order[lengths[order] >= SHORTEST + _SPECIALS]
    batches, start = [], 0
    while start < len(order):
        # Sorted, so the last of a batch sets its padded length: the batch grows while the product fits.
        following = lengths[order[start : start + batch_tokens]]
        reach = following * np.arange(1, len(following) + 1)
        size = max(1, int(np.searchsorted(reach, batch_tokens, side="right")))
        batches.append(order[start : start + size])
        start += size
    return batches

"""Masked language modelling and sentence order: the objective of the published model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from squeezebert.corpus import Corpus
from squeezebert.corpus.drawing import divide, draw
from squeezebert.corpus.reader import nothing_held_out
from squeezebert.corpus.shards import HELD_OUT
from squeezebert.errors import DataError
from squeezebert.modeling import SqueezeBertForPreTraining
from squeezebert.tasks.base import NO_LOSS
from squeezebert.tasks.masking import mask_tokens, mask_words
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.training.lazy import LazyBatches
from squeezebert.training.objective import MicroBatch, Objective
from squeezebert.training.padding import padded
from squeezebert.training.pretraining.sequences import Segments, Sequences
from squeezebert.training.pretraining.settings import PretrainingSettings


@dataclass(frozen=True)
class Draw:
    """An item of a batch: a sequence, and the seed of what is drawn for it.

    Attributes:
        corpus: Number of its corpus.
        index: Number of the sequence in it.
        seed: Decides parting, order and masks.
    """

    corpus: int
    index: int
    seed: tuple[int, ...]


class Draws(LazyBatches[Draw]):
    """The batches of an epoch: a pure function of the seed, the epoch and the place of the batch.

    Args:
        owners: Corpus of each sequence ``[sequences]``.
        indices: Its number there ``[sequences]``.
        seed: Seed and epoch.
        batch_size: Sequences of a batch; those that fill none are left out.
    """

    def __init__(
        self, owners: NDArray[np.int64], indices: NDArray[np.int64], seed: tuple[int, int], batch_size: int
    ) -> None:
        self._owners, self._indices, self._seed, self._size = owners, indices, seed, batch_size

    def __len__(self) -> int:
        return len(self._owners) // self._size

    def batch(self, index: int) -> list[Draw]:
        """Draw a batch."""
        places = range(index * self._size, (index + 1) * self._size)
        return [
            Draw(int(self._owners[place]), int(self._indices[place]), (*self._seed, place))
            for place in places
        ]


class Pretraining(Objective[Draw]):
    """Learns to fill in hidden pieces (``mlm``) and to tell whether two segments were swapped (``order``).

    Args:
        model: Learns, in place.
        tokenizer: That of the corpora.
        corpora: Text to read, by folder, with the share of sequences to take from each.
        settings: How.
        about: What identity and report say of the model.

    Raises:
        DataError: A corpus is too small, or holds no document to measure on, or nothing that can be hidden.
    """

    module: SqueezeBertForPreTraining
    parts = {"mlm": 1.0, "order": 1.0}  # noqa: RUF012

    def __init__(
        self,
        model: SqueezeBertForPreTraining,
        tokenizer: SqueezeBertTokenizerFast,
        corpora: Mapping[str, float],
        settings: PretrainingSettings,
        about: Mapping[str, Any],
    ) -> None:
        self.module = model.train()
        self._tokenizer = tokenizer
        self._settings = settings
        self._about = about
        self._corpora = [Corpus(folder) for folder in corpora]
        self._shares = list(corpora.values())
        self._sequences = [Sequences(corpus, settings.max_length) for corpus in self._corpora]
        self._held_out = [Sequences(Corpus(folder, HELD_OUT), settings.max_length) for folder in corpora]
        for corpus, sequences in zip(self._corpora, self._sequences, strict=True):
            if not len(sequences):
                raise DataError(f"{corpus.folder}: has no text to learn from")
        if not any(map(len, self._held_out)):
            raise nothing_held_out(self._corpora)
        pieces = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        self._special = frozenset(tokenizer.all_special_ids)
        self._continues = np.array([piece.startswith("##") for piece in pieces])
        if all(self._special.issuperset(read.tokens(at).tolist()) for read, at, _ in self._evaluation()):
            raise DataError(
                f"{self._corpora[0].folder}: held-out documents hold nothing but unknown pieces; "
                "build it with the --tokenizer of a model of that language"
            )

    def identity(self) -> Mapping[str, Any]:
        """Model and corpora."""
        corpora = [corpus.fingerprint for corpus in self._corpora]
        return {**self._about, "corpora": corpora, "shares": self._shares}

    def epoch(self, epoch: int) -> Sequence[Sequence[Draw]]:
        """Sequences in random order; over the epochs each comes once before any comes twice."""
        settings = self._settings
        owners, indices = [], []
        for number, count in enumerate(divide(settings.epoch_sequences, self._shares)):
            size = len(self._sequences[number])
            owners.append(np.full(count, number, dtype=np.int64))
            indices.append(draw(size, count, epoch, [settings.seed, number]))
        order = np.random.default_rng([settings.seed, epoch, 0]).permutation(settings.epoch_sequences)
        return Draws(
            np.concatenate(owners)[order],
            np.concatenate(indices)[order],
            (settings.seed, epoch),
            settings.batch_size,
        )

    def collate(self, items: Sequence[Draw]) -> MicroBatch:
        """Part, swap and mask the sequences, and pad them."""
        return self._collate([(self._sequences[item.corpus], item.index, item.seed) for item in items])

    def losses(self, batch: MicroBatch) -> Mapping[str, Tensor]:
        """Cross-entropies, summed; the vocabulary is scored at hidden pieces only."""
        scores, order = self._scores(batch)
        hidden = batch.inputs["labels"] != NO_LOSS
        return {
            "mlm": F.cross_entropy(scores.float(), batch.inputs["labels"][hidden], reduction="sum"),
            "order": F.cross_entropy(order.float(), batch.inputs["order"], reduction="sum"),
        }

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """On held-out documents: the mean log-likelihood of a hidden piece, its perplexity, and accuracies.

        The choice of hidden pieces is the same each time, so that figures of a run can be compared.
        """
        self.module.eval()
        nll = correct = masked = ordered = count = 0.0
        size = self._settings.micro_batch_size or 32
        drawn = self._evaluation()
        for start in self.watched("measuring", range(0, len(drawn), size)):
            batch = self._collate(drawn[start : start + size]).to(self.module.device)
            scores, order = self._scores(batch)
            labels = batch.inputs["labels"][batch.inputs["labels"] != NO_LOSS]
            allowed = scores.float()[:, : len(self._tokenizer)]
            nll += float(F.cross_entropy(allowed, labels, reduction="sum"))
            correct += float((allowed.argmax(1) == labels).sum())
            ordered += float((order.argmax(1) == batch.inputs["order"]).sum())
            masked, count = masked + len(labels), count + len(order)
        self.module.train()
        return {
            "log_likelihood": -nll / masked,
            "perplexity": math.exp(min(nll / masked, 700.0)),
            "accuracy": correct / masked,
            "order_accuracy": ordered / count,
        }

    def save(self, folder: Path) -> None:
        """Write the model with both heads, and the tokenizer."""
        self._tokenizer.save_pretrained(folder)
        self.module.save_pretrained(folder)

    def report(self) -> dict[str, Any]:
        """Model and corpora."""
        pairs = zip(self._corpora, self._shares, strict=True)
        corpora = [{**corpus.report(), "share": share} for corpus, share in pairs]
        return {"task": "pre-training", **self._about, "corpora": corpora}

    def _scores(self, batch: MicroBatch) -> tuple[Tensor, Tensor]:
        """Scores of the vocabulary at hidden pieces ``[hidden, vocabulary]``, of the order ``[batch, 2]``."""
        inputs = batch.inputs
        output = self.module.encode(inputs["input_ids"], inputs["attention_mask"], inputs["token_type_ids"])
        hidden = output.last_hidden_state[inputs["labels"] != NO_LOSS]
        return self.module.cls(hidden), self.module.cls.seq_relationship(output.pooler_output)

    def _evaluation(self) -> list[tuple[Sequences, int, tuple[int, ...]]]:
        """Held-out sequences, spread evenly over the documents."""
        drawn: list[tuple[Sequences, int, tuple[int, ...]]] = []
        for number, sequences in enumerate(self._held_out):
            wanted = min(len(sequences), self._settings.evaluation_sequences)
            places = np.linspace(0, len(sequences) - 1, wanted).astype(int).tolist()
            drawn += [(sequences, place, (number, place)) for place in places]
        return drawn

    def _collate(self, drawn: Sequence[tuple[Sequences, int, tuple[int, ...]]]) -> MicroBatch:
        rows = []
        for sequences, index, seed in drawn:
            rng = np.random.default_rng(seed)
            rows.append(self._row(sequences.segments(index, rng), rng))
        ids, types, labels, order = zip(*rows, strict=True)
        inputs = {
            "input_ids": padded(ids, self.module.config.pad_token_id),
            "token_type_ids": padded(types, 0),
            "attention_mask": padded([[1] * len(row) for row in ids], 0),
            "labels": padded(labels, NO_LOSS),
            "order": torch.tensor(order),
        }
        masked = float((inputs["labels"] != NO_LOSS).sum())
        return MicroBatch(inputs, {"mlm": masked, "order": float(len(rows))}, sum(map(len, ids)))

    def _row(
        self, segments: Segments, rng: np.random.Generator
    ) -> tuple[list[int], list[int], list[int], int]:
        """Ids with hidden pieces, segments, labels, and whether the segments were swapped."""
        tokenizer = self._tokenizer
        first, second = segments.first.tolist(), segments.second.tolist()
        ids = [tokenizer.cls_token_id, *first, tokenizer.sep_token_id, *second, tokenizer.sep_token_id]
        # The text may hold special tokens too, where it speaks of them.
        special = [int(piece in self._special) for piece in ids]
        types = [0] * (len(first) + 2) + [1] * (len(second) + 1)
        drawing = {"mask_id": tokenizer.mask_token_id, "vocab_size": len(tokenizer), "rng": rng}
        if self._settings.masking == "words":
            hidden, chosen = mask_words(ids, special, self._continues, **drawing)
        else:
            hidden, chosen = mask_tokens(ids, special, **drawing)
        labels = [NO_LOSS] * len(ids)
        for place in chosen:
            labels[place] = ids[place]
        return hidden, types, labels, int(segments.swapped)

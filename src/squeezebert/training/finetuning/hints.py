"""Hints for learning to mark answers: what stands where, told for every token of the text.

An answer is one place of many, and its place alone is little to learn from: a small model that has read
little finds out what kinds of words answer which questions, and stays there. What it misses is to compare the
text with the question. So it is told, of each token of the text, whether the question has it too; how many
such tokens are near; and whether it stands in the sentence with the answer. Each is read off a block by a
linear layer that is not saved, from an early block to the last one, so that one can build on the other.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from squeezebert.errors import OptionError
from squeezebert.tasks.base import Feature
from squeezebert.training.finetuning.data import TrainingData
from squeezebert.training.finetuning.objective import TaskObjective
from squeezebert.training.finetuning.settings import TrainingSettings
from squeezebert.training.objective import MicroBatch

REACHES = (2, 6, 16)
"""How many tokens to each side are near."""
_QUESTIONS = 5000
"""So many are counted, to know which tokens are common."""
HINTS = ("text", "rarity", "overlap", "density", "answered", "sentence")
"""What :func:`hints_of` gives."""
_WIDTHS = {"overlap": 1, "density": len(REACHES), "sentence": 1}


class HintedAnswers(TaskObjective):
    """Learns question answering with hints; parts of the loss beside the head's are means over tokens.

    Arguments and errors are those of :class:`TaskObjective`.

    Raises:
        OptionError: The task is another one, or the tokenizer has no full stop.
    """

    # That of the density is about one over its variance, which is 0.15 in SQuAD: parts start out alike.
    parts: Mapping[str, float] = {"loss": 1.0, "overlap": 1.0, "density": 8.0, "sentence": 1.0}

    def __init__(self, data: TrainingData, start: str, settings: TrainingSettings) -> None:
        if data.task.name != "question-answering":
            raise OptionError(f"hints are for question-answering, not for {data.task.name}")
        super().__init__(data, start, settings)
        config = self.setup.config
        layers = config.num_hidden_layers
        self._blocks = {"overlap": max(1, layers - 2), "density": max(1, layers - 1), "sentence": layers}
        self._readers = nn.ModuleDict(
            {name: nn.Linear(config.hidden_size, width) for name, width in _WIDTHS.items()}
        )
        self.module = nn.ModuleDict({"model": self.model, "readers": self._readers})
        stop = self.setup.tokenizer.get_vocab().get(".")
        if stop is None:
            raise OptionError(f"{start}: hints need a vocabulary with a full stop, which ends sentences")
        self._stop = stop
        self._rarity = self._rarities(config.vocab_size)

    def _rarities(self, size: int) -> Tensor:
        questions = [example.question for example in self.data.training[:_QUESTIONS]]
        return rarities(self.setup.tokenizer.piece_ids(questions), size)

    def collate(self, items: Sequence[Feature]) -> MicroBatch:
        """The arguments of the head, and the hints."""
        batch = super().collate(items)
        hints = hints_of(batch.inputs, self._rarity, self._stop)
        weights = {
            "overlap": hints["rarity"].sum().item(),
            "density": hints["text"].sum().item(),
            "sentence": hints["answered"].sum().item(),
        }
        return dataclasses.replace(
            batch, inputs={**batch.inputs, **hints}, weights={**batch.weights, **weights}
        )

    def losses(self, batch: MicroBatch) -> Mapping[str, Tensor]:
        """The head's loss and those of the hints, summed."""
        arguments = {name: value for name, value in batch.inputs.items() if name not in HINTS}
        output: Any = self.model(**arguments, output_hidden_states=True)
        losses = {"loss": self._task_loss(output, batch, batch.weights["loss"])}
        with torch.autocast(self.model.device.type, enabled=False):
            read = {
                name: self._readers[name](output.hidden_states[block].float())
                for name, block in self._blocks.items()
            }
            hints = batch.inputs
            losses["overlap"] = _distances(read["overlap"][..., 0], hints["overlap"], hints["rarity"])
            errors = (read["density"] - hints["density"]).square().mean(-1)
            losses["density"] = (errors * hints["text"]).sum()
            losses["sentence"] = _distances(read["sentence"][..., 0], hints["sentence"], hints["answered"])
        return losses


def _distances(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, targets, weights, reduction="sum")


def rarities(questions: Sequence[Sequence[int]], size: int) -> Tensor:
    """How much it tells that a token is in a question, by how many questions have it.

    Args:
        questions: Token ids of each.
        size: Of the vocabulary.

    Returns:
        ``[size]`` float32 in [0, 1]: 0 for what all questions have, 1 for what at most the cube root of their
        number have, and between these by the logarithm of how many have it.
    """
    counts = Counter(token for ids in questions for token in set(ids))
    out = torch.ones(size)
    for token, count in counts.items():
        share = math.log(len(questions) / count) / max(1.0, math.log(len(questions)))
        out[token] = min(1.0, 1.5 * share)
    return out


def hints_of(inputs: Mapping[str, Tensor], rarity: Tensor, stop: int) -> dict[str, Tensor]:
    """The hints of a batch, all float32 ``[batch, tokens]`` but the density.

    Args:
        inputs: ``input_ids``, ``token_type_ids``, ``attention_mask`` ``[batch, tokens]`` and
            ``start_positions`` ``[batch]``, 0 where a window has no answer.
        rarity: That of each token of the vocabulary.
        stop: Token that ends a sentence.

    Returns:
        ``text``: 1 in the text, 0 in question, closing token and padding; ``rarity``: that of tokens of the
        text; ``overlap``: 1 where the question has the same token; ``density`` ``[batch, tokens, reaches]``:
        rarity of such tokens, summed over those within reach, over the square root of their number;
        ``answered``: as ``text``, but 0 in windows without an answer; ``sentence``: 1 in the sentence where
        the answer starts.
    """
    ids, types, mask = (inputs[name] for name in ("input_ids", "token_type_ids", "attention_mask"))
    # What closes a window is no text, or it would be a rare token that the question has, too.
    inner = F.pad(mask[:, 1:], (0, 1))
    question, text = (types == 0) & (mask == 1), ((types == 1) & (inner == 1)).float()
    overlap = ((ids[:, :, None] == ids[:, None, :]) & question[:, None, :]).any(-1) * text
    weighed = (overlap * rarity[ids])[:, None]
    density = [
        F.avg_pool1d(weighed, 2 * reach + 1, 1, reach)[:, 0] * math.sqrt(2 * reach + 1) for reach in REACHES
    ]
    ends = ids == stop
    sentences = ends.cumsum(1) - ends.long()
    start = inputs["start_positions"][:, None]
    return {
        "text": text,
        "rarity": text * rarity[ids],
        "overlap": overlap,
        "density": torch.stack(density, -1),
        "answered": text * (start > 0),
        "sentence": (sentences == sentences.gather(1, start)) * text,
    }

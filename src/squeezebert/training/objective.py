"""The seam of the training loop: what is learnt (fine-tuning, distillation, pre-training), apart from how.

The way of one step; the loop does what stands beside the arrows::

    epoch(2) ─▶ [batch, batch, …]          batch = the items of one optimizer step, over all processes
                  │ this process's share of the items, cut into micro-batches
                  └─ collate(items) ─▶ MicroBatch ─ losses() ─▶ {"mlm": sum, "order": sum}
                                                                  │ × parts[name] / weight of the whole batch
                                                                  └─▶ backward, sum over processes, clip, step

What an objective has to keep, so that a run which is killed at any moment and resumed ends with the same
bits, and one on several processes has the same loss curve as one on a single process:

- :meth:`Objective.epoch` is a function of its argument and of what the objective was made of (its seed).
  What is remembered from epoch to epoch changes nothing; an epoch may be asked for again, and entered in the
  middle.
  A batch may read its items when they are indexed, so an epoch can be longer than memory.
- :meth:`Objective.losses` gives *sums* over the items of a micro-batch, and :meth:`Objective.collate` says by
  ``weights`` how many things each sum is over (rows, labelled tokens). The loop divides by the weight of the
  whole batch, on all processes. What is no sum over items (the similarities within a batch) is computed
  within a micro-batch, times its weight; it alone then depends on how a batch is cut.
- Random numbers of torch (dropout) may be drawn in ``losses``: the loop seeds them for each step and process.
  Draws that belong to the data (masks) are made in ``epoch`` or ``collate``, from a generator seeded there.
- All that is trained is a parameter of :attr:`Objective.module`; the loop saves and restores its state.
  Teachers and the like stay outside of it, and follow in :meth:`Objective.to`.
- :meth:`Objective.identity` names what else decides the run. A run is not resumed where it differs.

:func:`squeezebert.training.run.run` is the loop from here to a finished folder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from squeezebert.training.result import TrainingResult

ItemT = TypeVar("ItemT")
AnyT = TypeVar("AnyT")


@dataclass(frozen=True)
class MicroBatch:
    """What is computed at once.

    Attributes:
        inputs: Tensors by name, among them ``input_ids`` ``[..., tokens]``; most are the model's arguments.
        weights: What the sum of each part of the loss is over, such as the number of its masked tokens; a
            micro-batch whose weights are all 0 is not computed.
        tokens: Tokens in it, without padding.
    """

    inputs: Mapping[str, Tensor]
    weights: Mapping[str, float]
    tokens: int

    def to(self, device: torch.device) -> MicroBatch:
        """The same on a device."""
        moved = {name: tensor.to(device, non_blocking=True) for name, tensor in self.inputs.items()}
        return replace(self, inputs=moved)


class Objective(ABC, Generic[ItemT]):
    """What a run learns; see the contract above.

    Attributes:
        module: Everything that is trained, on the CPU in training mode when the objective is made: the model,
            or a ``ModuleDict`` of it and its helpers.
        parts: Factor of each part of the loss; the loss is the sum of factor × mean.
        watcher: Is told how far long work other than steps is: what, how much is done, and of how much. The
            loop sets it.
    """

    module: nn.Module
    parts: Mapping[str, float]
    watcher: Callable[[str, int, int], None] | None = None

    def watched(self, what: str, items: Sequence[AnyT]) -> Iterator[AnyT]:
        """Pass on the items of long work, and tell the watcher how far it is."""
        for done, item in enumerate(items):
            if self.watcher is not None:
                self.watcher(what, done, len(items))
            yield item
        if self.watcher is not None:
            self.watcher(what, len(items), len(items))

    def to(self, device: torch.device) -> None:
        """Move the module, and whatever else computes, to where the run computes."""
        self.module.to(device)

    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """What decides the run beside its settings, in plain values: data (a digest), checkpoint, task."""

    @abstractmethod
    def epoch(self, epoch: int) -> Sequence[Sequence[ItemT]]:
        """Give the batches of an epoch, from 0: at least one, each with at least one item.

        Raises:
            DataError: There is nothing to learn from.
        """

    @abstractmethod
    def collate(self, items: Sequence[ItemT]) -> MicroBatch:
        """Make the tensors of some items, on the CPU."""

    @abstractmethod
    def losses(self, batch: MicroBatch) -> Mapping[str, Tensor]:
        """Compute each part of the loss, summed over the micro-batch: scalars, by the names of ``parts``.

        Called under autocast where the run computes in bf16.
        """

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """Measure the model, in full precision and without dropout; called by the first process alone.

        Returns:
            Metrics by name. The first is the headline, of which more is better: it decides which weights are
            kept. Empty where nothing is measured; then the latest weights are kept.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model as a checkpoint with its tokenizer; called where these weights are to be kept."""

    @abstractmethod
    def report(self) -> dict[str, Any]:
        """What ``training.json`` says of the run beside settings, result and versions, for JSON."""

    def finish(self, result: TrainingResult) -> None:
        """Write what only a finished run has, such as the model card, into ``result.folder``."""

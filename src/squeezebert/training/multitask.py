"""Several objectives on one encoder, all of them in every step.

As in MT-DNN (Liu et al. 2019), where they take turns instead: then every step of an adaptive optimizer moves
the encoder as far as the learning rate allows for one objective alone, and away from the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from squeezebert.errors import OptionError
from squeezebert.modeling import SqueezeBertModel
from squeezebert.training.lazy import LazyBatches
from squeezebert.training.objective import MicroBatch, Objective

_PASSES = 1000
"""More than the passes of a member over its data in one epoch."""

Portion = tuple[str, Sequence[Any]]
"""An item: a member's name and one of its batches, which is computed at once."""


@dataclass(frozen=True)
class Member:
    """One of the objectives.

    Attributes:
        objective: What is learnt.
        batches: How many of its batches are in a step.
    """

    objective: Objective[Any]
    batches: int = 1


class MultiTask(Objective[Portion]):
    """Learns several things with one encoder: each has its own head and pooler, all share the rest.

    An item is a whole batch of one member, and ``micro_batch_size`` has to be 1; the loss of a step is the
    sum of the members' losses. A member whose batches are used up before the epoch ends starts over.

    Args:
        members: By name. All others take the embeddings and the encoder of the first.
        steps: Of an epoch.

    Raises:
        OptionError: The encoders differ in size.
    """

    def __init__(self, members: Mapping[str, Member], steps: int) -> None:
        self.members = dict(members)
        self.parts = {
            _part(name, part): factor
            for name, member in members.items()
            for part, factor in member.objective.parts.items()
        }
        first, *others = (_encoder(member.objective) for member in members.values())
        for name, other in zip([*members][1:], others, strict=True):
            if _sizes(other) != _sizes(first):
                raise OptionError(f"{name} starts from a model of other sizes than {next(iter(members))}")
            other.embeddings, other.encoder = first.embeddings, first.encoder
        self.module = torch.nn.ModuleDict({name: member.objective.module for name, member in members.items()})
        self._steps = steps

    def to(self, device: torch.device) -> None:
        """Move every member."""
        for member in self.members.values():
            member.objective.to(device)

    def identity(self) -> Mapping[str, Any]:
        """Members with their batches, and the steps of an epoch."""
        members = {
            name: {**member.objective.identity(), "batches": member.batches}
            for name, member in self.members.items()
        }
        return {"members": members, "epoch_steps": self._steps}

    def epoch(self, epoch: int) -> Sequence[Sequence[Portion]]:
        """Steps with the batches of all members."""
        return _Steps([self._turns(name, epoch) for name in self.members], self._steps)

    def _turns(self, name: str, epoch: int) -> list[_Turn]:
        member, turns = self.members[name], list[_Turn]()
        wanted, number = self._steps * member.batches, epoch * _PASSES
        while len(turns) < wanted:
            batches = member.objective.epoch(number)
            turns += [_Turn(name, batches, index) for index in range(len(batches))]
            number += 1
        return turns[:wanted]

    def collate(self, items: Sequence[Portion]) -> MicroBatch:
        """What the member of this batch makes of it; the weights of the others are 0.

        Raises:
            OptionError: There is more than one item.
        """
        if len(items) != 1:
            raise OptionError("several objectives are learnt with micro_batch_size 1")
        name, batch = items[0]
        made = self.members[name].objective.collate(batch)
        weights = dict.fromkeys(self.parts, 0.0)
        weights |= {_part(name, part): weight for part, weight in made.weights.items()}
        return replace(made, weights=weights)

    def losses(self, batch: MicroBatch) -> Mapping[str, Tensor]:
        """Those of the member that the batch belongs to."""
        name = next(part for part, weight in batch.weights.items() if weight).split("/")[0]
        parts = {part: _part(name, part) for part in self.members[name].objective.parts}
        own = replace(batch, weights={part: batch.weights[whole] for part, whole in parts.items()})
        losses = self.members[name].objective.losses(own)
        none = dict.fromkeys(self.parts, torch.zeros((), device=next(iter(losses.values())).device))
        return none | {parts[part]: loss for part, loss in losses.items()}

    def evaluate(self) -> dict[str, float]:
        """The mean of the headlines of those members that measure something, and each of them."""
        metrics = {name: member.objective.evaluate() for name, member in self.members.items()}
        headlines = {
            f"{name} {metric}": value
            for name, found in metrics.items()
            for metric, value in [*found.items()][:1]
        }
        mean = {"mean": float(np.mean([*headlines.values()]))} if headlines else {}
        return mean | headlines

    def save(self, folder: Path) -> None:
        """Write the model of each member into a folder of its name."""
        for name, member in self.members.items():
            (folder / name).mkdir(exist_ok=True)
            member.objective.save(folder / name)

    def report(self) -> dict[str, Any]:
        """What each member says."""
        return {
            "task": "multi-task",
            "members": {
                name: {**member.objective.report(), "batches": member.batches}
                for name, member in self.members.items()
            },
        }


@dataclass(frozen=True)
class _Turn:
    name: str
    batches: Sequence[Sequence[Any]]
    index: int


class _Steps(LazyBatches[Portion]):
    """The steps of an epoch."""

    def __init__(self, turns: Sequence[Sequence[_Turn]], steps: int) -> None:
        self._turns = turns
        self._steps = steps

    def __len__(self) -> int:
        return self._steps

    def batch(self, index: int) -> list[Portion]:
        return [
            (turn.name, turn.batches[turn.index])
            for turns in self._turns
            for turn in turns[index :: self._steps]
        ]


def _part(name: str, part: str) -> str:
    return f"{name}/{part}"


def _encoder(objective: Objective[Any]) -> SqueezeBertModel:
    return next(module for module in objective.module.modules() if isinstance(module, SqueezeBertModel))


def _sizes(model: SqueezeBertModel) -> dict[str, torch.Size]:
    return {name: parameter.shape for name, parameter in model.named_parameters()}

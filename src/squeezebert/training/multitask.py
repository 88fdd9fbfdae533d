"""Several objectives on one encoder, which take turns step by step (Liu et al. 2019, MT-DNN, algorithm 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from squeezebert.errors import OptionError
from squeezebert.modeling import SqueezeBertModel
from squeezebert.training.objective import MicroBatch, Objective

_PASSES = 1000
"""More than the passes of a member over its data in one epoch."""


@dataclass(frozen=True)
class Member:
    """One of the objectives.

    Attributes:
        objective: What is learnt.
        batches: How many of its batches an epoch has.
    """

    objective: Objective[Any]
    batches: int


class MultiTask(Objective[tuple[str, Any]]):
    """Learns several things with one encoder: each has its own head and pooler, all share the rest.

    A batch belongs to one member. An epoch is so many batches of each member as it asks for, in random order;
    one with fewer batches than that starts over.

    Args:
        members: By name. All others take the embeddings and the encoder of the first.
        seed: Of the order.

    Raises:
        OptionError: The encoders differ in size.
    """

    def __init__(self, members: Mapping[str, Member], seed: int) -> None:
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
        self._seed = seed

    def to(self, device: torch.device) -> None:
        """Move every member."""
        for member in self.members.values():
            member.objective.to(device)

    def identity(self) -> Mapping[str, Any]:
        """Members and their shares."""
        return {
            name: {**member.objective.identity(), "batches": member.batches}
            for name, member in self.members.items()
        }

    def epoch(self, epoch: int) -> Sequence[Sequence[tuple[str, Any]]]:
        """Batches of all members, in random order."""
        turns = [turn for name in self.members for turn in self._turns(name, epoch)]
        order = np.random.default_rng([self._seed, epoch]).permutation(len(turns))
        return _Turns([turns[index] for index in order])

    def _turns(self, name: str, epoch: int) -> list[_Turn]:
        member, turns = self.members[name], list[_Turn]()
        for number in count(epoch * _PASSES):
            batches = member.objective.epoch(number)
            turns += [_Turn(name, batches, index) for index in range(len(batches))]
            if len(turns) >= member.batches:
                return turns[: member.batches]
        raise AssertionError("unreachable")

    def collate(self, items: Sequence[tuple[str, Any]]) -> MicroBatch:
        """What the member of these items makes of them; the weights of the others are 0."""
        name = items[0][0]
        batch = self.members[name].objective.collate([item for _, item in items])
        weights = dict.fromkeys(self.parts, 0.0)
        weights |= {_part(name, part): weight for part, weight in batch.weights.items()}
        return replace(batch, weights=weights)

    def losses(self, batch: MicroBatch) -> Mapping[str, Tensor]:
        """Those of the member that the batch belongs to."""
        name = next(part for part, weight in batch.weights.items() if weight).split("/")[0]
        parts = {part: _part(name, part) for part in self.members[name].objective.parts}
        own = replace(batch, weights={part: batch.weights[whole] for part, whole in parts.items()})
        losses = self.members[name].objective.losses(own)
        return {parts[part]: loss for part, loss in losses.items()}

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


class _Turns(Sequence[Sequence[tuple[str, Any]]]):
    """Batches with their member's name at each item; read when they are asked for."""

    def __init__(self, turns: Sequence[_Turn]) -> None:
        self._turns = turns

    def __len__(self) -> int:
        return len(self._turns)

    @overload
    def __getitem__(self, index: int) -> list[tuple[str, Any]]: ...

    @overload
    def __getitem__(self, index: slice) -> list[list[tuple[str, Any]]]: ...

    def __getitem__(self, index: int | slice) -> list[tuple[str, Any]] | list[list[tuple[str, Any]]]:
        if isinstance(index, slice):
            return [self[item] for item in range(*index.indices(len(self)))]
        turn = self._turns[index]
        return [(turn.name, item) for item in turn.batches[turn.index]]


def _part(name: str, part: str) -> str:
    return f"{name}/{part}"


def _encoder(objective: Objective[Any]) -> SqueezeBertModel:
    return next(module for module in objective.module.modules() if isinstance(module, SqueezeBertModel))


def _sizes(model: SqueezeBertModel) -> dict[str, torch.Size]:
    return {name: parameter.shape for name, parameter in model.named_parameters()}

"""Distillation for a task: a student learns labels and, beside them, a teacher's answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from squeezebert.tasks.base import ASKED, Feature
from squeezebert.training.finetuning.data import TrainingData, unlabelled_features
from squeezebert.training.finetuning.objective import TaskObjective
from squeezebert.training.finetuning.settings import TrainingSettings
from squeezebert.training.finetuning.teaching.settings import Teaching
from squeezebert.training.finetuning.teaching.soft import soft_loss
from squeezebert.training.finetuning.teaching.teacher import (
    TaughtOutput,
    check_pair,
    label_order,
    load_task_teacher,
)
from squeezebert.training.layers import cosine_distances, projection
from squeezebert.training.objective import MicroBatch
from squeezebert.training.origin import digest_of

_READ = {"input_ids", "attention_mask", "token_type_ids"}


class TaskDistillation(TaskObjective):
    """Learns a task from labelled rows and a teacher, from unlabelled rows by the teacher alone.

    Parts of the loss, each a mean over rows or over labelled tokens: the distance to the teacher's answers
    (``soft``), the head's own loss on labelled rows (``hard``); and over tokens the cosine distance of the
    mapped layers (``hidden``). A batch is either of labelled or of unlabelled rows. Where teacher and student
    differ in size, a learned projection takes the student's layers to the teacher's; it is not saved.

    Args:
        data: Its labels make the head.
        start: Folder, embedded name or hub name of the checkpoint to start from.
        settings: How to train.
        teaching: The teacher, and how much of it.

    Attributes:
        teacher: Is learnt from.

    Raises:
        CheckpointError: ``start`` or the teacher cannot be read, or the teacher was not trained for the task.
        DataError: As :class:`TaskObjective`.
        OptionError: As :class:`TaskObjective`; also where the teacher does not fit task, labels or student.
    """

    def __init__(
        self, data: TrainingData, start: str, settings: TrainingSettings, teaching: Teaching
    ) -> None:
        super().__init__(data, start, settings)
        self.parts = teaching.factors
        self.teacher = load_task_teacher(teaching, data.task, settings.threads)
        check_pair(teaching, data.task, self.setup, self.teacher.config)
        self._order = label_order(teaching, data.task, self.setup.config, self.teacher.config)
        self._teaching = teaching
        self._unlabelled: list[Feature] = []
        self._digest = digest_of(teaching.teacher)
        self._projections = nn.ModuleDict(
            {
                f"layer{mine}": projection(self.setup.config, self.teacher.config)
                for mine, _ in teaching.layer_map
            }
        )
        self.module = nn.ModuleDict({"student": self.model, "projections": self._projections})

    def to(self, device: torch.device) -> None:
        """Move student and teacher."""
        super().to(device)
        self.teacher.to(device)

    def identity(self) -> Mapping[str, Any]:
        """Task, checkpoint, data, and the teacher with its weights and what is learnt of it."""
        teaching = dataclasses.asdict(self._teaching)
        return {**super().identity(), **teaching, "teacher_sha256": self._digest}

    def epoch(self, epoch: int) -> Sequence[Sequence[Feature]]:
        """Batches of labelled rows, and among them batches of unlabelled ones."""
        batches = [*super().epoch(epoch)]
        if not self.data.unlabelled:
            return batches
        if not self._unlabelled or self._settings.swap_pairs:
            self._unlabelled = []  # Memory for those of the last epoch is free now.
            rows = self.in_order_of(epoch, self.data.unlabelled)
            found = self.watched("tokenising unlabelled rows", rows)
            self._unlabelled = unlabelled_features(self.data.task, found, self.setup)
        rng = np.random.default_rng([self._settings.seed, epoch, 2])
        batches += self._batches(self._unlabelled, rng)
        return [batches[index] for index in rng.permutation(len(batches))]

    def collate(self, items: Sequence[Feature]) -> MicroBatch:
        """The arguments of the head; the weights of the parts."""
        batch = super().collate(items)
        count = batch.weights["loss"]
        labelled = bool({*batch.inputs} - _READ - {ASKED})
        weights = {"soft": count, "hard": count if labelled else 0.0, "hidden": float(batch.tokens)}
        return dataclasses.replace(batch, weights={name: weights[name] for name in self.parts})

    def losses(self, batch: MicroBatch) -> Mapping[str, Tensor]:
        """The parts of the loss, summed."""
        target = self.teacher.read(batch.inputs)
        arguments = {name: tensor for name, tensor in batch.inputs.items() if name != ASKED}
        output: Any = self.model(**arguments, output_hidden_states=bool(self._teaching.layer_map))
        losses = {"hard": torch.zeros((), device=self.model.device)}
        if count := batch.weights.get("hard"):
            losses["hard"] = self._task_loss(output, batch, count)
        # In full precision: distances near 0 are what it is about.
        with torch.autocast(self.model.device.type, enabled=False):
            losses["soft"] = self._soft_loss(output, target, batch)
            losses["hidden"] = self._hidden_loss(output, target, batch)
        return {name: losses[name] for name in self.parts}

    def _soft_loss(self, output: Any, target: TaughtOutput, batch: MicroBatch) -> Tensor:
        answers = dict(target.answers)
        if self._order is not None:
            answers["logits"] = answers["logits"][..., self._order]
        if self._scale is not None:
            answers["logits"] = self._scale.scaled(answers["logits"])
        return soft_loss(
            self.data.task.name, dict(output.items()), answers, batch.inputs, self.setup.config,
            self._teaching.temperature,
        )  # fmt: skip

    def _hidden_loss(self, output: Any, target: TaughtOutput, batch: MicroBatch) -> Tensor:
        here = batch.inputs["attention_mask"].flatten(0, -2).bool()
        # Not the first tokens of what pads choices, which are seen.
        real = here.sum(-1, keepdim=True).expand_as(here)[here] > 1
        total = torch.zeros((), device=here.device)
        for (mine, _), theirs in zip(self._teaching.layer_map, target.layers, strict=True):
            states = output.hidden_states[mine][here].float()
            distances = cosine_distances(self._projections[f"layer{mine}"](states), theirs)
            total = total + distances[real].sum()
        return total

    def report(self) -> dict[str, Any]:
        """Task, checkpoint, data and teacher."""
        report = super().report()
        if self.data.unlabelled:
            report["data"]["unlabelled"] = {"rows": len(self.data.unlabelled)}
        return {**report, "teaching": {**dataclasses.asdict(self._teaching), "sha256": self._digest}}

    def _taught(self) -> Mapping[str, Any]:
        values = dataclasses.asdict(self._teaching)
        if blocks := values.pop("layer_map"):
            return {**values, "layers": ", ".join(f"{mine}={theirs}" for mine, theirs in blocks)}
        del values["hidden_factor"]
        return values

    def _origin(self) -> str:
        return f"{super()._origin()} with the teacher `{self._teaching.teacher}`"

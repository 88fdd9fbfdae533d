"""Fine-tuning as an objective: a task's labelled rows, its head and its metric."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from squeezebert import modeling
from squeezebert.checkpoints import Checkpoint, read_checkpoint
from squeezebert.errors import DataError, OptionError
from squeezebert.files import write_text
from squeezebert.modeling.backend import TorchBackend
from squeezebert.modeling.pretrained import SqueezeBertPreTrainedModel
from squeezebert.pipelines import Pipeline
from squeezebert.tasks.base import NO_LOSS, Feature, Setup
from squeezebert.tasks.collate import collate
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.training.finetuning.batches import plan_batches, tokens_of
from squeezebert.training.finetuning.card import CARD_NAME, model_card
from squeezebert.training.finetuning.class_weights import ClassWeights
from squeezebert.training.finetuning.data import TrainingData, epoch_features
from squeezebert.training.finetuning.deploy import draw_answers
from squeezebert.training.finetuning.label_order import with_labels_in_order
from squeezebert.training.finetuning.label_scale import LabelScale
from squeezebert.training.finetuning.settings import TrainingSettings
from squeezebert.training.finetuning.unrounding import unround
from squeezebert.training.finetuning.window import learnt_window
from squeezebert.training.freezing import freeze
from squeezebert.training.objective import MicroBatch, Objective
from squeezebert.training.origin import digest_of
from squeezebert.training.plots import plots_are_possible
from squeezebert.training.result import TrainingResult

_FEW = 64
"""Rows that show which metrics there are, and in which units a head answers."""
_MOST_DEVIATIONS = 3
"""Of the labels, by which the answers of a head in their units may be wrong before it is trained."""


class TaskObjective(Objective[Feature]):
    """Learns a task from a checkpoint.

    Numbers are learnt in standard deviations from their mean, which the loss of a regression is in, too; what
    is measured and saved answers in their own units.

    Args:
        data: Its labels make the head.
        start: Folder, embedded name or hub name of the checkpoint to start from.
        settings: How to train.

    Attributes:
        data: What it learns from and is measured on.
        model: The model, all that is trained.
        setup: Its side of the task.

    Raises:
        CheckpointError: ``start`` cannot be read, or has fewer blocks than ``settings.blocks``.
        DataError: The labels do not make a task, or validation rows have labels that no training row has.
        OptionError: ``settings.max_length``, ``freeze_blocks``, ``class_weights``, ``metric`` or
            ``swap_pairs`` do not fit.
    """

    parts: Mapping[str, float] = {"loss": 1.0}

    def __init__(self, data: TrainingData, start: str, settings: TrainingSettings) -> None:
        torch.manual_seed(settings.seed)
        checkpoint = read_checkpoint(start)
        if settings.blocks is not None:
            checkpoint = checkpoint.first_blocks(settings.blocks)
        # The rows decide, and not what the checkpoint was trained for before.
        if settings.problem_type is not None and data.task.name != "text-classification":
            raise OptionError(f"problem_type is for text-classification, not for {data.task.name}")
        start_config = checkpoint.config.replace(problem_type=settings.problem_type)
        config = data.task.configure(start_config, data.labelled)
        if settings.dropout is not None:
            config = config.replace(
                hidden_dropout_prob=settings.dropout, attention_probs_dropout_prob=settings.dropout
            )
        checkpoint = with_labels_in_order(checkpoint, config)
        head: type[SqueezeBertPreTrainedModel] = getattr(modeling, data.task.head)
        self.model = head.from_checkpoint(checkpoint, config, ignore_mismatched_sizes=True).train()
        self.module = self.model
        embeddings = self.model.get_input_embeddings().weight
        if settings.freeze_embeddings:
            embeddings.requires_grad_(False)
        freeze(self.model, settings.freeze_blocks)
        if embeddings.requires_grad:
            unround(embeddings, start, settings.seed)
        tokenizer = SqueezeBertTokenizerFast.from_pretrained(start)
        self.setup = Setup.of(config, tokenizer, max_length=settings.max_length)
        if settings.max_length is None:
            self.setup = Setup.of(config, tokenizer, max_length=learnt_window(data, self.setup))
        # What it was measured with is what it shall be used with.
        tokenizer.model_max_length = self.setup.max_length
        self.data = data
        self._features: list[Feature] = []
        self._start = start
        self._digest_of_start = digest_of(start)
        self._settings = settings
        self._scale: LabelScale | None = None
        scale = LabelScale.of(data, config)
        if scale is not None and _answers_with_one_number(checkpoint):
            if self._answers_in_units_of(scale):
                scale.scale(self._numbers())
            else:
                self._begin_anew()
        self._scale = scale
        data.check_validation(self.setup)
        if settings.swap_pairs and not any(example.swapped() for example in data.training):
            raise OptionError(f"swap_pairs is for pairs of texts to classify, and {data.name} has none")
        if settings.metric is not None:
            self._check_metric(data.validation)
        self._class_weights = ClassWeights.of(data, config, settings.class_weights)

    def _answers_in_units_of(self, scale: LabelScale) -> bool:
        """Whether the head that was there answers about what the rows say, before it is trained on them.

        One of other units, or of another task, would begin so far off that it never comes back.
        """
        few = self.data.training[:: math.ceil(len(self.data.training) / _FEW)]
        return self._pipeline().measure(few)["mse"] < (_MOST_DEVIATIONS * scale.deviation) ** 2

    @torch.no_grad()
    def _begin_anew(self) -> None:
        """Make a new head that answers with numbers."""
        head = self._numbers()
        head.weight.normal_(std=self.setup.config.initializer_range)
        head.bias.zero_()

    def _check_metric(self, validation: Sequence[Any]) -> None:
        """See that there is such a metric now, and not after the first epoch."""
        few = validation[:: math.ceil(len(validation) / _FEW)]
        try:
            self._measured(few)
        except (DataError, OptionError):
            if len(few) == len(validation):
                raise
            # Some metrics are of few rows, such as those without answers, and some rows are empty.
            self._measured(validation)

    def identity(self) -> Mapping[str, Any]:
        """Task, checkpoint and data; that there is no teacher."""
        data = self.data
        known: dict[str, Any] = {
            "task": data.task.name, "model": self._start, "model_sha256": self._digest_of_start,
            "data": data.fingerprint(), "teacher": None,
        }  # fmt: skip
        # Older versions scaled no labels and read all that the model can; their states lack these keys.
        if self._scale is not None:
            known["labels"] = dataclasses.asdict(self._scale)
        if data.task.judges_places and self._settings.max_length is None:
            known["window"] = self.setup.max_length
        return known

    def epoch(self, epoch: int) -> Sequence[Sequence[Feature]]:
        """Windows of the training rows, those of similar length together."""
        if not self._features or self.data.task.draws or self._settings.swap_pairs:
            self._features = []  # Memory for those of the last epoch is free now.
            self._features = self._drawn(epoch)
        return self._batches(self._features, np.random.default_rng([self._settings.seed, epoch, 1]))

    def _drawn(self, epoch: int) -> list[Feature]:
        """Windows of the training rows, as they are drawn for an epoch."""
        found = self.watched("tokenising", self.in_order_of(epoch, self.data.training))
        return epoch_features(self.data.task, found, self.setup, seed=self._settings.seed, epoch=epoch)

    def in_order_of(self, epoch: int, examples: Sequence[Any]) -> Sequence[Any]:
        """Examples whose pairs are swapped as it is drawn for an epoch, where the settings say so."""
        if not self._settings.swap_pairs:
            return examples
        chosen = np.random.default_rng([self._settings.seed, epoch, 3]).random(len(examples)) < 0.5
        return [(s and example.swapped()) or example for example, s in zip(examples, chosen, strict=True)]

    def _batches(self, features: Sequence[Feature], rng: np.random.Generator) -> list[list[Feature]]:
        batches = plan_batches([tokens_of(feature) for feature in features], self._settings, rng)
        return [[features[index] for index in batch] for batch in batches]

    def collate(self, items: Sequence[Feature]) -> MicroBatch:
        """The arguments of the head; its loss is a mean over rows or over labelled tokens."""
        arrays = collate(items, self.setup.config.pad_token_id)
        labelled = [target for item in items for target in item.token_targets.values()]
        count = sum(int(np.sum(target != NO_LOSS)) for target in labelled) if labelled else len(items)
        inputs = {name: torch.from_numpy(array) for name, array in arrays.items()}
        if self._scale is not None and "labels" in inputs:
            inputs["labels"] = self._scale.scaled(inputs["labels"])
        return MicroBatch(
            inputs,
            {"loss": float(count)},
            sum(len(text.ids) for item in items for text in item.inputs),
        )

    def losses(self, batch: MicroBatch) -> Mapping[str, Tensor]:
        """The head's loss, with the weights of its classes."""
        return {"loss": self._task_loss(self.model(**batch.inputs), batch, batch.weights["loss"])}

    def _task_loss(self, output: Any, batch: MicroBatch, count: float) -> Tensor:
        """Sum of the loss, over ``count`` rows or tokens, for what the head gave, its mean loss among it."""
        if self._class_weights is not None:
            return self._class_weights.loss(output.logits, batch.inputs["labels"])
        loss: Tensor = output.loss * count
        return loss

    def evaluate(self) -> dict[str, float]:
        """The task's metrics on the validation rows, first the one that decides."""
        return self._measured(self.watched("measuring", self.data.validation))

    def _measured(self, examples: Iterable[Any]) -> dict[str, float]:
        with self._in_units_of_labels():
            return self.data.task.headed(self._pipeline().measure(examples), self._settings.metric)

    def _pipeline(self) -> Pipeline:
        return Pipeline(
            self.data.task,
            TorchBackend(self.model),
            self.setup.tokenizer,
            max_length=self.setup.max_length,
            stride=self.setup.stride,
        )

    def save(self, folder: Path) -> None:
        """Write the model and its tokenizer."""
        self.setup.tokenizer.save_pretrained(folder)
        with self._in_units_of_labels():
            self.model.save_pretrained(folder)

    def _in_units_of_labels(self) -> AbstractContextManager[None]:
        return nullcontext() if self._scale is None else self._scale.undone(self._numbers())

    def _numbers(self) -> nn.Linear:
        """The layer that answers with numbers."""
        return cast("modeling.SqueezeBertForSequenceClassification", self.model).classifier

    def report(self) -> dict[str, Any]:
        """Task, checkpoint and data."""
        data = self.data
        return {
            "task": data.task.name,
            "from": self._start,
            "max_length": self.setup.max_length,
            "data": {
                "training": {"name": data.name, "rows": len(data.training)},
                "validation": {"name": data.validation_name, "rows": len(data.validation)},
                "sha256": data.fingerprint(),
            },
        }

    def finish(self, result: TrainingResult) -> None:
        """Write the model card, with what can be drawn."""
        if plots_are_possible():
            draw_answers(result.folder, self.data, max_length=self._settings.max_length)
        card = model_card(
            self.data, self._origin(), self._settings, result, self.setup.config, taught=self._taught()
        )
        write_text(result.folder / CARD_NAME, card)

    def _taught(self) -> Mapping[str, Any]:
        """How much is learnt of a teacher, for the model card."""
        return {}

    def _origin(self) -> str:
        """What the model card says it was fine-tuned from."""
        return f"`{self._start}`"


def _answers_with_one_number(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint has a head of one output: for numbers, or to choose."""
    weight = checkpoint.arrays.get("classifier.weight")
    return weight is not None and len(weight) == 1

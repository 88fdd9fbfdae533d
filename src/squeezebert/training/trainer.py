"""A model in training: what one step does to it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from squeezebert import modeling
from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import TrainingError
from squeezebert.modeling.pretrained import SqueezeBertPreTrainedModel
from squeezebert.tasks.base import Feature, Setup
from squeezebert.tasks.collate import collate
from squeezebert.threads import check_threads
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.training.data import TrainingData
from squeezebert.training.optimizer import learning_rate, make_optimizer
from squeezebert.training.precision import choose_precision, forward_context
from squeezebert.training.settings import TrainingSettings


@dataclass(frozen=True)
class Step:
    """What one step was like.

    Attributes:
        step: Its number, from 1.
        epoch: Epochs done, as a fraction.
        loss: Mean over the batch.
        learning_rate: As used.
        tokens: Tokens read, without padding.
        seconds: Time taken.
    """

    step: int
    epoch: float
    loss: float
    learning_rate: float
    tokens: int
    seconds: float


class Trainer:
    """Model, optimizer and tokenizer of a run.

    Args:
        data: Its labels make the head.
        start: Folder, embedded name or hub name of the checkpoint to start from.
        settings: How to train.

    Attributes:
        setup: The model's side of the task.
        model: In training mode.
        optimizer: AdamW.
        precision: "bf16" or "fp32".

    Raises:
        CheckpointError: ``start`` cannot be read.
        DataError: The labels do not make a task.
        OptionError: ``settings.max_length`` does not fit the model.
    """

    def __init__(self, data: TrainingData, start: str, settings: TrainingSettings) -> None:
        torch.set_num_threads(check_threads(settings.threads))
        torch.manual_seed(settings.seed)
        config = data.task.configure(SqueezeBertConfig.from_pretrained(start), data.labelled)
        if settings.dropout is not None:
            config = config.replace(
                hidden_dropout_prob=settings.dropout, attention_probs_dropout_prob=settings.dropout
            )
        head: type[SqueezeBertPreTrainedModel] = getattr(modeling, data.task.head)
        self.settings = settings
        self.model = head.from_pretrained(start, config=config, ignore_mismatched_sizes=True).train()
        if settings.freeze_embeddings:
            self.model.get_input_embeddings().weight.requires_grad_(False)
        tokenizer = SqueezeBertTokenizerFast.from_pretrained(start)
        self.setup = Setup.of(config, tokenizer, max_length=settings.max_length)
        self.optimizer = make_optimizer(self.model, settings)
        self.precision = choose_precision(settings.precision)

    def step(self, batch: Sequence[Feature], *, number: int, epoch: float) -> Step:
        """Learn from one batch.

        Args:
            batch: The features.
            number: Of the step, from 1.
            epoch: Where the step stands in the run, in epochs.

        Raises:
            TrainingError: The loss is not finite; the weights are those of the step before.
        """
        began = time.perf_counter()
        rate = learning_rate(epoch / self.settings.epochs, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        arrays = collate(batch, self.setup.config.pad_token_id)
        inputs = {name: torch.from_numpy(array) for name, array in arrays.items()}
        with forward_context(self.precision, inputs["input_ids"].shape[-1]):
            loss = self.model(**inputs).loss
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(f"the loss of step {number} is {value}")
        loss.backward()
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        norm = torch.nn.utils.clip_grad_norm_(trained, self.settings.max_grad_norm).item()
        if not math.isfinite(norm):
            raise TrainingError(f"the gradient of step {number} has the norm {norm}")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        tokens = sum(len(text.ids) for feature in batch for text in feature.inputs)
        return Step(number, epoch, value, rate, tokens, time.perf_counter() - began)

    def save(self, folder: Path) -> None:
        """Write the model and its tokenizer.

        Raises:
            TrainingError: They cannot be written, for example because the disk is full.
        """
        try:
            self.setup.tokenizer.save_pretrained(folder)
            self.model.save_pretrained(folder)
        except OSError as error:
            raise TrainingError(
                f"{folder}: cannot be written ({error}); free the disk and go on with --resume"
            ) from error

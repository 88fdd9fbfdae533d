"""The teacher of a task: a checkpoint with the task's head, on the compiled engine or in torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from squeezebert.config import SqueezeBertConfig
from squeezebert.corpus.build import tokenizer_digest
from squeezebert.engine import Engine
from squeezebert.errors import OptionError, listed
from squeezebert.modeling.backend import TorchBackend
from squeezebert.tasks.base import Setup, Task
from squeezebert.tasks.text_classification import REGRESSION, TextClassification, problem_type
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.training.finetuning.teaching.settings import Teaching
from squeezebert.training.finetuning.teaching.soft import Answers
from squeezebert.training.layers import check_layers

# Multiple choice is classification without names: choices have none, and questions have other ones each.
_BY_LABEL = ("text-classification", "token-classification")
TAUGHT_TASKS = (*_BY_LABEL, "question-answering", "multiple-choice")


@dataclass(frozen=True)
class TaughtOutput:
    """What a teacher says of a padded batch.

    Attributes:
        answers: As its head gives them.
        layers: Outputs of the wanted blocks, without padding, each ``[T, hidden]``.
    """

    answers: Answers
    layers: Sequence[Tensor] = ()


class TaskTeacher(Protocol):
    """Answers."""

    config: SqueezeBertConfig

    def to(self, device: torch.device) -> None:
        """Move to where the run computes."""

    def read(self, inputs: Mapping[str, Tensor]) -> TaughtOutput:
        """Answer what the head's arguments ask; targets among them are not looked at."""


class EngineTaskTeacher:
    """A teacher on the compiled engine: the same bits in any batch, on the processor, several times faster.

    Args:
        name_or_path: Folder, embedded name or hub name.
        head: Class name of its model.
        precision: "int8" or "fp32".
        threads: Threads to compute with; None for those that the process may use.
    """

    def __init__(self, name_or_path: str, head: str, precision: str, threads: int | None) -> None:
        self._engine = Engine.from_pretrained(name_or_path, head=head, precision=precision, threads=threads)
        self.config = self._engine.config

    def to(self, device: torch.device) -> None:
        """It stays on the processor; its outputs move."""

    def read(self, inputs: Mapping[str, Tensor]) -> TaughtOutput:
        """Give the answers; see :class:`TaskTeacher`."""
        ids, mask, segments = (
            inputs[name].cpu() for name in ("input_ids", "attention_mask", "token_type_ids")
        )
        # Choices that only fill up a batch have no tokens, and the engine reads no text without any.
        mask = mask.clone()
        mask[..., 0] = 1
        output = self._engine(ids.numpy(), mask.numpy(), segments.numpy())
        device = inputs["input_ids"].device
        return TaughtOutput(
            {name: torch.from_numpy(np.asarray(values)).to(device) for name, values in output.items()}
        )


class TorchTaskTeacher:
    """A teacher in torch, in full precision: any layer, any device.

    Args:
        name_or_path: Folder, embedded name or hub name.
        head: Class name of its model.
        layers: Blocks whose outputs are wanted, counted from 1.
        threads: Threads of torch; None for those that the process may use.
    """

    def __init__(self, name_or_path: str, head: str, layers: Sequence[int], threads: int | None) -> None:
        self._model = TorchBackend.load(name_or_path, head, threads=threads).model.eval()
        self.config: SqueezeBertConfig = self._model.config
        self._layers = layers

    def to(self, device: torch.device) -> None:
        """Move."""
        self._model.to(device)

    @torch.no_grad()
    def read(self, inputs: Mapping[str, Tensor]) -> TaughtOutput:
        """Give the answers and the outputs of the wanted blocks; see :class:`TaskTeacher`."""
        mask = inputs["attention_mask"]
        with torch.autocast(mask.device.type, enabled=False):
            output: Any = self._model(
                inputs["input_ids"], mask, inputs["token_type_ids"], output_hidden_states=bool(self._layers)
            )
        here = mask.flatten(0, -2).bool()
        answers = {name: values for name, values in output.items() if name.endswith("logits")}
        return TaughtOutput(answers, [output.hidden_states[layer][here] for layer in self._layers])


def load_task_teacher(teaching: Teaching, task: Task[Any, Any], threads: int | None) -> TaskTeacher:
    """Load the teacher.

    Raises:
        CheckpointError: It cannot be read, or was not trained for the task.
        OptionError: The task cannot be learnt from a teacher's answers.
    """
    if task.name not in TAUGHT_TASKS:
        raise OptionError(
            f"{task.name} is not learnt from a teacher's answers, only {', '.join(TAUGHT_TASKS)}; "
            "for a model without a task there is `squeezebert distill`"
        )
    if teaching.teacher_precision == "torch":
        layers = [theirs for _, theirs in teaching.layer_map]
        return TorchTaskTeacher(teaching.teacher, task.head, layers, threads)
    return EngineTaskTeacher(teaching.teacher, task.head, teaching.teacher_precision, threads)


def check_pair(teaching: Teaching, task: Task[Any, Any], setup: Setup, teacher: SqueezeBertConfig) -> None:
    """See that a teacher can teach the student of ``setup``.

    Raises:
        OptionError: They have different tokenizers, windows or kinds of answers, or a layer is not there.
    """
    name = teaching.teacher
    theirs = SqueezeBertTokenizerFast.from_pretrained(name)
    assert isinstance(setup.tokenizer, SqueezeBertTokenizerFast)
    if tokenizer_digest(theirs) != tokenizer_digest(setup.tokenizer):
        raise OptionError(f"{name}: has another tokenizer than the student; a teacher has to share it")
    if setup.max_length > teacher.max_position_embeddings:
        raise OptionError(
            f"{name}: reads {teacher.max_position_embeddings} tokens, and the student's windows have "
            f"{setup.max_length}; give --max-length {teacher.max_position_embeddings}"
        )
    check_layers(teaching.layer_map, setup.config, teacher)
    if isinstance(task, TextClassification):
        mine, kind = problem_type(setup.config), problem_type(teacher)
        if mine == REGRESSION and teacher.num_labels == 1 and teacher.problem_type is None:
            kind = REGRESSION
        if mine != kind:
            raise OptionError(f"{name}: was trained for {kind}, and the rows make it {mine}")


def label_order(
    teaching: Teaching, task: Task[Any, Any], student: SqueezeBertConfig, teacher: SqueezeBertConfig
) -> list[int] | None:
    """The teacher's index of each of the student's labels; None where a head has no named labels.

    Raises:
        OptionError: One has labels that the other lacks.
    """
    if task.name not in _BY_LABEL or student.num_labels == teacher.num_labels == 1:
        return None
    mine, theirs = student.label2id, teacher.label2id
    if set(mine) != set(theirs):
        alone = [
            f"only the {who} {_shown(names)}"
            for who, names in (
                ("teacher has", set(theirs) - set(mine)),
                ("rows have", set(mine) - set(theirs)),
            )
            if names
        ]
        raise OptionError(
            f"{teaching.teacher}: its labels are not those of the training rows: {'; '.join(alone)}; "
            "rename the labels of the rows, or choose another teacher"
        )
    return [theirs[name] for name in sorted(mine, key=mine.__getitem__)]


def _shown(labels: set[str]) -> str:
    return listed([*map(repr, sorted(labels))], 5)

"""The teacher: any SqueezeBERT or BERT checkpoint, on the compiled engine or in torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from squeezebert.config import SqueezeBertConfig
from squeezebert.engine import Engine
from squeezebert.engine.backend import BASE
from squeezebert.engine.packing import PackedBatch
from squeezebert.modeling import SqueezeBertModel

_AT_ONCE = 2048


@dataclass(frozen=True)
class TeacherOutput:
    """What a teacher says of texts, without padding.

    Attributes:
        last: Last hidden states of all tokens ``[T, hidden]``.
        layers: Outputs of the wanted blocks, each ``[T, hidden]``.
    """

    last: Tensor
    layers: Sequence[Tensor] = ()


class Teacher(Protocol):
    """Reads texts."""

    config: SqueezeBertConfig

    def to(self, device: torch.device) -> None:
        """Move to where the run computes."""

    def read(self, input_ids: Tensor, here: Tensor) -> TeacherOutput:
        """Give the outputs for padded ids and which places are tokens, both ``[batch, tokens]``."""


class EngineTeacher:
    """A teacher on the compiled engine: the last layer only, on the processor, several times faster.

    Args:
        name_or_path: Folder, embedded name or hub name.
        precision: "int8" or "fp32".
        threads: Threads to compute with; None for those that the process may use.
    """

    def __init__(self, name_or_path: str, precision: str, threads: int | None) -> None:
        self._engine = Engine.from_pretrained(name_or_path, head=BASE, precision=precision, threads=threads)
        self.config = self._engine.config

    def to(self, device: torch.device) -> None:
        """It stays on the processor; its outputs move."""

    def read(self, input_ids: Tensor, here: Tensor) -> TeacherOutput:
        """Give the last hidden states; see :class:`Teacher`."""
        ids = input_ids[here].to("cpu", torch.int32).numpy()
        starts = np.concatenate([[0], here.sum(1).cumsum(0).cpu().numpy()]).astype(np.int32)
        outputs = self._engine.run(PackedBatch(ids, np.zeros_like(ids), starts))
        last = np.concatenate([output["last_hidden_state"] for output in outputs])
        return TeacherOutput(torch.from_numpy(last).to(input_ids.device))


class TorchTeacher:
    """A teacher in torch, in the precision of the run: any layer, any device.

    Args:
        name_or_path: Folder, embedded name or hub name.
        layers: Blocks whose outputs are wanted, counted from 1.
    """

    def __init__(self, name_or_path: str, layers: Sequence[int]) -> None:
        self._model = SqueezeBertModel.from_pretrained(name_or_path)
        self.config: SqueezeBertConfig = self._model.config
        self._layers = layers

    def to(self, device: torch.device) -> None:
        """Move."""
        self._model.to(device)

    @torch.no_grad()
    def read(self, input_ids: Tensor, here: Tensor) -> TeacherOutput:
        """Give the last hidden states and those of the wanted blocks; see :class:`Teacher`."""
        output = self._model(input_ids, here.long(), output_hidden_states=bool(self._layers))
        states = output.hidden_states or ()
        return TeacherOutput(output.last_hidden_state[here], [states[layer][here] for layer in self._layers])


def piece_vectors(teacher: Teacher, pieces: int, *, cls_id: int, sep_id: int) -> Tensor:
    """Mean of the teacher's output for ``[CLS] piece [SEP]``, of each piece ``[pieces, hidden]``.

    A start for word embeddings that is far better than random ones: by itself, mean-pooled, the table of a
    teacher of sentence vectors ranks sentences nearly as well as trained word vectors do.
    """
    rows = []
    for ids in torch.split(torch.arange(pieces), _AT_ONCE):
        texts = torch.stack([torch.full_like(ids, cls_id), ids, torch.full_like(ids, sep_id)], 1)
        rows.append(teacher.read(texts, torch.ones_like(texts).bool()).last.view(len(ids), 3, -1).mean(1))
    return torch.cat(rows)

"""The torch model as a backend of the pipeline."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from squeezebert import modeling
from squeezebert.checkpoints import read_checkpoint
from squeezebert.config import OUTPUT_KEYS, SqueezeBertConfig
from squeezebert.engine.backend import POOLED_HEADS, Outputs, require_head
from squeezebert.engine.packing import PackedBatch
from squeezebert.engine.weights import POOLER
from squeezebert.errors import OptionError
from squeezebert.modeling.masked_lm import SqueezeBertForMaskedLM
from squeezebert.modeling.pretrained import SqueezeBertPreTrainedModel
from squeezebert.threads import check_threads

PRECISION = "fp32"


_ONE_AT_A_TIME = threading.RLock()
"""While a model's parts are in eval mode that were in training mode: another thread would find them so."""


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Within the block, all parts of a model are in eval mode; then each is in its own again."""
    with _ONE_AT_A_TIME:
        training = [module for module in model.modules() if module.training]
        if training:
            model.eval()
            try:
                yield
            finally:
                for module in training:
                    module.training = True
            return
    yield


class TorchBackend:
    """Runs a model in torch; pads inside.

    Args:
        model: Any of the models. It is put into eval mode for each run, and each of its parts left in the
            mode it had, so that a model in training can be measured.
        pooler: Whether the pooler was trained; of a model without head, its output is left out if not.

    Attributes:
        model: The same.
    """

    pads = True

    def __init__(self, model: SqueezeBertPreTrainedModel, *, pooler: bool = True) -> None:
        self.model = model
        self._pooler = pooler

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        head: str,
        *,
        revision: str | None = None,
        local_files_only: bool = False,
        threads: int | None = None,
        precision: str = PRECISION,
    ) -> TorchBackend:
        """Load a checkpoint that was trained with a head.

        Args:
            name_or_path: Folder, embedded name or hub name.
            head: Class name of the model.
            revision: Branch, tag or commit on the hub.
            local_files_only: Use only what the hub's cache on this machine holds.
            threads: Threads of torch, which all torch code of the process shares; None for those that the
                process may use.
            precision: "fp32".

        Raises:
            CheckpointError: It cannot be read, has another head, or does not fit the model.
            OptionError: ``threads`` is not positive, or there is no such precision.
        """
        if precision != PRECISION:
            raise OptionError(f"precision {precision!r}: the torch backend has {PRECISION} only")
        torch.set_num_threads(check_threads(threads))
        checkpoint = read_checkpoint(name_or_path, revision=revision, local_files_only=local_files_only)
        require_head(checkpoint, head)
        model_class = cast("type[SqueezeBertPreTrainedModel]", getattr(modeling, head))
        model = model_class.from_checkpoint(checkpoint, checkpoint.config)
        return cls(model, pooler=f"{POOLER}.weight" in checkpoint.arrays)

    @property
    def config(self) -> SqueezeBertConfig:
        """Sizes and labels; the architecture is that of the model, whatever checkpoint it started from."""
        return self.model.config.replace(architectures=(self.head,))

    @property
    def head(self) -> str:
        """Class name of the model."""
        return type(self.model).__name__

    @property
    def description(self) -> str:
        """What computes, in a few words."""
        return f"torch {PRECISION}"

    @torch.inference_mode()
    def run(self, batch: PackedBatch, wanted: Sequence[Sequence[int]] | None = None) -> list[Outputs]:
        """Compute the outputs of each text; see :class:`squeezebert.engine.backend.Backend`."""
        with _evaluating(self.model):
            if wanted is not None and isinstance(self.model, SqueezeBertForMaskedLM):
                return self._run_wanted(self.model, batch, wanted)
            return self._run_all(batch)

    def _run_all(self, batch: PackedBatch) -> list[Outputs]:
        inputs = self._padded(batch)
        if self.head == "SqueezeBertForMultipleChoice":
            inputs = tuple(part[:, None] for part in inputs)
        outputs: list[dict[str, Tensor]] = [{} for _ in range(len(batch))]
        # Whatever the config says: states and attentions are no outputs of a text.
        given = self.model(*inputs, **dict.fromkeys(OUTPUT_KEYS, False))
        for name, values in given.items():
            if name == "pooler_output" and not self._pooler:
                continue
            of_text = self.head in POOLED_HEADS or name == "pooler_output"
            for output, value, length in zip(outputs, values.float().cpu(), batch.lengths, strict=True):
                output[name] = value if of_text else value[:length]
        return [{name: value.numpy() for name, value in output.items()} for output in outputs]

    def _run_wanted(
        self, model: SqueezeBertForMaskedLM, batch: PackedBatch, wanted: Sequence[Sequence[int]]
    ) -> list[Outputs]:
        hidden = model.encode(*self._padded(batch)).last_hidden_state
        rows = [row for row, positions in enumerate(wanted) for _ in positions]
        columns = [position for positions in wanted for position in positions]
        # [wanted of all texts, vocabulary]
        logits = model.cls(hidden[rows, columns]).float().cpu()
        parts = logits.split([len(positions) for positions in wanted])
        return [{"logits": part.numpy()} for part in parts]

    def _padded(self, batch: PackedBatch) -> tuple[Tensor, ...]:
        """``input_ids``, ``attention_mask`` and ``token_type_ids``, each ``[batch, tokens]``."""
        input_ids, token_type_ids, mask = batch.padded(self.config.pad_token_id)
        device = self.model.device
        return tuple(torch.from_numpy(part).to(device) for part in (input_ids, mask, token_type_ids))

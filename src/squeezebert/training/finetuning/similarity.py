"""Fine-tuning vectors of texts, so that their cosines rank pairs as people do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from squeezebert.errors import DataError, OptionError
from squeezebert.tasks.base import Feature
from squeezebert.training.distributed import process_count
from squeezebert.training.finetuning.data import TrainingData
from squeezebert.training.finetuning.objective import TaskObjective
from squeezebert.training.finetuning.settings import TrainingSettings
from squeezebert.training.objective import MicroBatch

_SHARPNESS = 20.0


class SimilarityObjective(TaskObjective):
    """Learns vectors, the mean over tokens, from pairs of texts and how alike they are.

    The loss compares the pairs that are computed at once, so a step of several micro-batches, or processes,
    compares fewer.
    Arguments and errors are those of :class:`TaskObjective`.

    Raises:
        OptionError: There is but one pair to compare at once, or in each process; or nothing is trained.
    """

    def __init__(self, data: TrainingData, start: str, settings: TrainingSettings) -> None:
        alone = settings.batch_tokens is None and settings.batch_size == 1
        if alone or settings.micro_batch_size == 1:
            name = "batch_size" if alone else "micro_batch_size"
            raise OptionError(f"{name} 1: pairs of texts are compared with each other; give 2 or more")
        self._least = 2 * process_count()
        if settings.batch_tokens is None and settings.batch_size < self._least:
            raise OptionError(
                f"batch_size {settings.batch_size}: each of {process_count()} processes compares its own "
                f"pairs of texts; give {self._least} or more"
            )
        super().__init__(data, start, settings)
        if settings.freeze_blocks == self.setup.config.num_hidden_layers:
            raise OptionError(f"freeze_blocks {settings.freeze_blocks} leaves nothing to train")

    def epoch(self, epoch: int) -> Sequence[Sequence[Feature]]:
        """As :meth:`TaskObjective.epoch`.

        Raises:
            DataError: There are not two pairs for each process.
            OptionError: No batch has two pairs for each process.
        """
        batches = super().epoch(epoch)
        if max(map(len, batches)) < self._least:
            if self._settings.batch_tokens is None:
                raise DataError(
                    f"{self.data.name}: leaves {len(self.data.training)} pairs of texts to learn from, which "
                    f"are compared with each other; {self._least} or more are needed"
                )
            where = "" if self._least == 2 else " in each process"
            raise OptionError(
                f"batch_tokens {self._settings.batch_tokens} has no room for two pairs of texts{where}, "
                "which are compared with each other; give more"
            )
        return batches

    def losses(self, batch: MicroBatch) -> Mapping[str, Tensor]:
        """Sum of the loss over pairs: ids, mask and segments ``[pairs, 2, tokens]``, labels ``[pairs]``."""
        ids, mask, types = (
            batch.inputs[name].flatten(0, 1) for name in ("input_ids", "attention_mask", "token_type_ids")
        )
        states = self.model(ids, mask, types).last_hidden_state
        # In full precision: cosines of similar texts differ little.
        with torch.autocast(ids.device.type, enabled=False):
            here = mask[..., None].float()
            # Not divided by the number of tokens, which a cosine does not see.
            pairs = (states.float() * here).sum(1).unflatten(0, (-1, 2))
            cosines = F.cosine_similarity(pairs[:, 0], pairs[:, 1], dim=-1)
            return {"loss": ranking_loss(cosines, batch.inputs["labels"]) * batch.weights["loss"]}


def ranking_loss(cosines: Tensor, labels: Tensor) -> Tensor:
    """CoSENT: the logarithm of 1 + the sum of exp(20 × (cosine of a pair - cosine of one more alike)).

    It asks for the order of the labels alone, whatever their scale. Pairs with equal labels are not compared.
    From Jianlin Su, https://kexue.fm/archives/8847 (2022); `CoSENTLoss` in sentence-transformers.

    Args:
        cosines: ``[pairs]``.
        labels: How alike the texts of each pair are ``[pairs]``.

    Returns:
        A scalar; 0 where no two labels differ.
    """
    # [i, j] holds pair j against pair i, which is more alike.
    differences = _SHARPNESS * (cosines[None, :] - cosines[:, None])
    wrong = differences[labels[:, None] > labels[None, :]]
    return torch.logsumexp(torch.cat([wrong.new_zeros(1), wrong]), dim=0)

"""Fine-tuning of masked language modelling: the vocabulary is scored where a token is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from squeezebert.modeling import SqueezeBertForMaskedLM
from squeezebert.tasks.base import NO_LOSS
from squeezebert.training.finetuning.objective import TaskObjective
from squeezebert.training.objective import MicroBatch


class MaskedObjective(TaskObjective):
    """Learns to fill masks.

    The model's own loss is the same, but comes from scores at all tokens, of which few are hidden. Arguments
    and errors are those of :class:`TaskObjective`.
    """

    def losses(self, batch: MicroBatch) -> Mapping[str, Tensor]:
        """Sum of the loss over hidden tokens: ids, mask, segments and labels ``[batch, tokens]``."""
        model = cast("SqueezeBertForMaskedLM", self.model)
        arguments = {**batch.inputs}
        labels = arguments.pop("labels")
        hidden = labels != NO_LOSS
        scores = model.cls(model.encode(**arguments).last_hidden_state[hidden])
        return {"loss": F.cross_entropy(scores.float(), labels[hidden], reduction="sum")}

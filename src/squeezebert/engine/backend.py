"""What runs a network: the interface that the torch model and the compiled engine share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from squeezebert.config import SqueezeBertConfig
from squeezebert.engine.packing import PackedBatch

Outputs = Mapping[str, NDArray[np.float32]]


class Backend(Protocol):
    """A loaded model that runs ragged batches.

    Attributes:
        config: Sizes and labels of the model.
        head: Class name of the published model that it computes, such as
            ``"SqueezeBertForTokenClassification"``.
    """

    @property
    def config(self) -> SqueezeBertConfig: ...  # noqa: D102

    @property
    def head(self) -> str: ...  # noqa: D102

    def run(self, batch: PackedBatch, wanted: Sequence[Sequence[int]] | None = None) -> list[Outputs]:
        """Compute the outputs of each text.

        Args:
            batch: The texts.
            wanted: For each text the token positions, counted within the text, whose ``logits`` are needed
                from a masked-LM head, which would else give ``[tokens, vocabulary]``. None for all.

        Returns:
            Per text the arrays that the published head names, float32, without padding and without the
            batch dimension: ``logits`` ``[labels]`` (one text a choice: ``[1]``), ``[tokens, labels]`` or
            ``[wanted, vocabulary]``; ``start_logits`` and ``end_logits`` ``[tokens]``;
            ``last_hidden_state`` ``[tokens, hidden]`` of a model without head.
        """

"""What the engine returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from squeezebert.outputs import ModelOutput

Result = NDArray[np.float32] | Sequence[NDArray[np.float32]]
"""A padded array where padded arrays came in, with zeros at masked tokens; else one array a text."""


@dataclass
class EngineOutput(ModelOutput):
    """The outputs of a head, under the names that the torch models give them; all others are None.

    Shapes are those for padded arrays. For lists, each is a list of one array a text, without ``batch``.

    Attributes:
        last_hidden_state: Of a model without head: ``[batch, tokens, hidden]``.
        pooler_output: Of a model without head that has a pooler: ``[batch, hidden]``.
        logits: ``[batch, labels]`` of text classification; ``[batch, choices]`` of multiple choice;
            ``[batch, tokens, labels]`` of token classification; ``[batch, tokens, vocabulary]`` of masked
            language modelling.
        start_logits: Of question answering: ``[batch, tokens]``.
        end_logits: The same.
    """

    last_hidden_state: Result | None = None
    pooler_output: Result | None = None
    logits: Result | None = None
    start_logits: Result | None = None
    end_logits: Result | None = None

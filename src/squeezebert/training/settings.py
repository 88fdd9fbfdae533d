"""What a training run is asked to do."""

from __future__ import annotations

import math
from dataclasses import dataclass

from squeezebert.errors import OptionError

PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of a fine-tuning run; the defaults suit the embedded trunk.

    Attributes:
        epochs: Passes over the training rows; may be a fraction.
        batch_size: Sentences (question answering: windows; multiple choice: questions) a step.
        batch_tokens: Tokens a step, with padding, in place of ``batch_size``.
        learning_rate: Peak. 1e-4 suits the embedded trunk, 3e-5 models of base size.
        warmup: Share of the run in which the learning rate rises from 0; it falls to 0 in the rest.
        weight_decay: Of AdamW, on everything but biases and norms.
        max_grad_norm: The gradient is scaled down to this norm.
        dropout: Of hidden states and attention probabilities; None for what the checkpoint's config says.
        precision: "bf16" for autocast, "fp32", or "auto": bf16 where the processor computes it fast.
        freeze_embeddings: Leave the word embeddings as they are, so that several models can share one table.
        evaluate_every: Steps between evaluations; None for one after each epoch.
        save_every: Steps between the states that a run can be resumed from.
        max_length: Longest window in tokens; None for the longest that the model reads.
        threads: Threads of torch, which all torch code of the process shares; None for those that the process
            may use. The weights depend on their number in the last digits.
        seed: Of the new head, dropout, the order of rows, masks and the held-out split.

    Raises:
        OptionError: A value makes no sense.
    """

    epochs: float = 3.0
    batch_size: int = 32
    batch_tokens: int | None = None
    learning_rate: float = 1e-4
    warmup: float = 0.06
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    dropout: float | None = None
    precision: str = "auto"
    freeze_embeddings: bool = False
    evaluate_every: int | None = None
    save_every: int = 200
    max_length: int | None = None
    threads: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        positive = ("epochs", "batch_size", "learning_rate", "max_grad_norm", "save_every")
        optional = ("batch_tokens", "evaluate_every", "max_length")
        for name in (*positive, *(item for item in optional if getattr(self, item) is not None)):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise OptionError(f"{name} {value} is not positive")
        if not 0 <= self.warmup < 1:
            raise OptionError(f"warmup {self.warmup} is not a share in [0, 1)")
        if not 0 <= self.weight_decay < math.inf:
            raise OptionError(f"weight_decay {self.weight_decay} is negative")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise OptionError(f"dropout {self.dropout} is not a share in [0, 1)")
        if self.precision not in PRECISIONS:
            raise OptionError(f"precision {self.precision!r} is not one of {', '.join(PRECISIONS)}")
        if self.seed < 0:
            raise OptionError(f"seed {self.seed} is negative")

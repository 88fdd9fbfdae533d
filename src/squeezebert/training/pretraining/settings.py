"""What a phase of pre-training is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from squeezebert.errors import OptionError
from squeezebert.training.settings import LoopSettings

MASKING = ("pieces", "words")


@dataclass(frozen=True, kw_only=True)
class PretrainingSettings(LoopSettings):
    """Settings of one phase; the defaults of optimizer and rate are the paper's, the batch is smaller.

    Attributes:
        max_length: Tokens of a sequence at most, special tokens included.
        batch_size: Sequences a step, over all processes.
        epoch_sequences: Sequences of an epoch.
        masking: "pieces" hides single pieces, "words" whole words.
        evaluation_sequences: Held-out sequences to measure on.

    Raises:
        OptionError: A value makes no sense.
    """

    max_length: int = 128
    batch_size: int = 256
    epoch_sequences: int = 1 << 17
    masking: str = "pieces"
    evaluation_sequences: int = 1024
    optimizer: str = "lamb"
    learning_rate: float = 2.5e-3
    warmup: float = 0.28

    def __post_init__(self) -> None:
        super().__post_init__()
        self._positive("batch_size", "epoch_sequences", "evaluation_sequences")
        self._of_an_epoch("epoch_sequences")
        self._one_of("masking", MASKING)
        if self.max_length < 8:
            raise OptionError(f"max_length {self.max_length} is less than 8")
        if self.epoch_sequences < self.batch_size:
            raise OptionError(
                f"epoch_sequences {self.epoch_sequences} is less than batch_size {self.batch_size}"
            )

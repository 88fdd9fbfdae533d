"""What a training run is asked to do."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any

import numpy as np

from squeezebert.errors import OptionError
from squeezebert.tasks.options import check_value

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PRECISIONS = ("auto", "fp32", "tf32", "bf16")
OPTIMIZERS = ("adamw", "lamb")
LAMB_DIALECTS = ("paper", "nvidia")
SCHEDULES = ("linear", "cosine", "constant")
UNITS = ("epochs", "steps", "tokens")
"""Of how long a run is; one is given."""
DEFAULT_EPOCHS = 3.0
_PLAIN = {"int": int, "float": float, "str": str, "bool": bool, "None": NoneType}
MOST_OF_AN_EPOCH = 100_000_000

# What changes neither what is computed nor how long; a run may be resumed with other values.
FREE = ("save_every", "stop_after", "threads", "device", "compile", "checkpoint_activations")


def check_plain(settings: DataclassInstance) -> None:
    """See that numbers, strings and truth values of settings are such, and make numpy's plain.

    Args:
        settings: A dataclass; what it says to be of any other type is left alone.

    Raises:
        OptionError: One is not; the message names it and what is expected.
    """
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        kinds = [_PLAIN.get(name) for name in str(item.type).split(" | ")]
        if None not in kinds:
            check_value(item.name, value, kinds)
        if isinstance(value, np.generic):
            # The report of a run, at its end, is JSON.
            object.__setattr__(settings, item.name, value.item())


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """Settings of any training run.

    Attributes:
        epochs: Passes over the data; may be a fraction. 3 where nothing else bounds the run.
        steps: Optimizer steps, in place of ``epochs``.
        tokens: Tokens read, without padding, in place of ``epochs``.
        micro_batch_size: Items that are computed at once; the gradient of a batch is accumulated over them.
            None for all items of the batch that this process has.
        optimizer: "adamw" or "lamb".
        lamb_dialect: "paper" (arXiv 1904.00962 v3) or "nvidia" (as NVIDIA's and timm's).
        learning_rate: Peak.
        schedule: How it falls after the warm-up: "linear" or "cosine" to 0, or "constant".
        warmup: Share of the run in which the learning rate rises from 0.
        layer_decay: Factor of the learning rate from each block to the one before it; 1 for the same in all.
        weight_decay: On everything but biases and norms.
        beta2: Decay of the optimizer's mean of squared gradients.
        max_grad_norm: The gradient is scaled down to this norm.
        precision: "bf16" for autocast, "fp32", "tf32" on a GPU, or "auto": bf16 where the hardware computes
            it fast.
        device: "cpu", "cuda", "cuda:1"; None for a GPU if there is one.
        compile: Compile the encoder with ``torch.compile``.
        checkpoint_activations: Recompute each block in the backward pass instead of keeping its activations.
        evaluate_every: Steps between evaluations; None for one after each epoch. The run ends with one.
        patience: Evaluations without a better headline after which the run ends; None to go on.
        save_every: Minutes between the states that a run can be resumed from; 0 for one after every step.
        stop_after: Minutes after which this sitting saves its state and stops; None for no limit.
        threads: Threads of torch, which all torch code of the process shares; None for those that the process
            may use. The weights depend on their number in the last digits.
        seed: Decides everything that is random.

    Raises:
        OptionError: A value makes no sense.
    """

    epochs: float | None = None
    steps: int | None = None
    tokens: int | None = None
    micro_batch_size: int | None = None
    optimizer: str = "adamw"
    lamb_dialect: str = "paper"
    learning_rate: float = 1e-4
    schedule: str = "linear"
    warmup: float = 0.06
    layer_decay: float = 1.0
    weight_decay: float = 0.01
    beta2: float = 0.999
    max_grad_norm: float = 1.0
    precision: str = "auto"
    device: str | None = None
    compile: bool = False
    checkpoint_activations: bool = False
    evaluate_every: int | None = None
    patience: int | None = None
    save_every: float = 3.0
    stop_after: float | None = None
    threads: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_plain(self)
        self._positive("learning_rate", "max_grad_norm", "layer_decay")
        self._positive(
            *self._given(
                "epochs", "steps", "tokens", "micro_batch_size", "evaluate_every", "patience", "stop_after"
            )
        )
        if len(bounds := list(self._given(*UNITS))) > 1:
            raise OptionError(f"give {bounds[0]} or {bounds[1]}, not both")
        self._one_of("optimizer", OPTIMIZERS)
        self._one_of("lamb_dialect", LAMB_DIALECTS)
        if self.optimizer != "lamb" and self.lamb_dialect != LAMB_DIALECTS[0]:
            raise OptionError(f"lamb_dialect {self.lamb_dialect} is not for {self.optimizer}; take lamb")
        self._one_of("schedule", SCHEDULES)
        self._one_of("precision", PRECISIONS)
        self._share("warmup", "beta2")
        if self.layer_decay > 1:
            raise OptionError(f"layer_decay {self.layer_decay} is more than 1")
        if not 0 <= self.weight_decay < math.inf:
            raise OptionError(f"weight_decay {self.weight_decay} is negative")
        if not 0 <= self.save_every < math.inf:
            raise OptionError(f"save_every {self.save_every} is negative; 0 saves after every step")
        if not 0 <= self.seed < 2**63:
            raise OptionError(f"seed {self.seed} is not from 0 to 2^63 - 1")

    def identity(self) -> dict[str, Any]:
        """The settings that decide the weights a run ends with."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in FREE}

    def _given(self, *names: str) -> Iterable[str]:
        return (name for name in names if getattr(self, name) is not None)

    def _positive(self, *names: str) -> None:
        for name in names:
            if not 0 < getattr(self, name) < math.inf:
                raise OptionError(f"{name} {getattr(self, name)} is not positive")

    def _of_an_epoch(self, name: str) -> None:
        """Check how much an epoch draws, whose order is kept in memory."""
        if getattr(self, name) > MOST_OF_AN_EPOCH:
            raise OptionError(
                f"{name} {getattr(self, name)} is more than {MOST_OF_AN_EPOCH:,}; take more epochs"
            )

    def _share(self, *names: str) -> None:
        for name in names:
            if not 0 <= getattr(self, name) < 1:
                raise OptionError(f"{name} {getattr(self, name)} is not a share in [0, 1)")

    def _one_of(self, name: str, known: tuple[str, ...]) -> None:
        if getattr(self, name) not in known:
            raise OptionError(f"{name} {getattr(self, name)!r} is not one of {', '.join(known)}")

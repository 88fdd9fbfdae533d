"""What a run would take, without doing it; the processes of ``torchrun`` measure it together."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from squeezebert.training.distributed import joined
from squeezebert.training.length import Length
from squeezebert.training.objective import Objective
from squeezebert.training.observer import Step
from squeezebert.training.settings import LoopSettings
from squeezebert.training.state import Position
from squeezebert.training.trainer import Trainer

_PROBES = 4


@dataclass(frozen=True)
class RunPlan:
    """What a run of any objective would take.

    Attributes:
        steps: Steps of the run, about.
        tokens: Tokens of the run, without padding.
        trained_parameters: Those that change.
        precision: "bf16", "tf32" or "fp32".
        tokens_per_second: As measured on a few batches.
        hours: Time that the steps take at that rate; evaluations come on top.
        memory_bytes: Peak of this process while it was measured, None where the system does not tell.
    """

    steps: int
    tokens: int
    trained_parameters: int
    precision: str
    tokens_per_second: float
    hours: float
    memory_bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return dataclasses.asdict(self)


def measure(objective: Objective[Any], settings: LoopSettings) -> RunPlan:
    """Measure a few steps of an objective, which is spoilt for training; nothing is written.

    Raises:
        DataError, OptionError, TrainingError: As :func:`squeezebert.training.run.run`.
    """
    batches = objective.epoch(0)
    precision, probes = probed(objective, settings, batches)
    mean = sum(step.tokens for step in probes) / len(probes)
    rate = tokens_per_second(probes)
    length = Length.of(settings)
    steps = length.steps(Position(), len(batches))
    tokens = length.amount if steps is None else mean * steps
    return RunPlan(
        steps=math.ceil(tokens / mean) if steps is None else steps,
        tokens=round(tokens),
        trained_parameters=sum(p.numel() for p in objective.module.parameters() if p.requires_grad),
        precision=precision,
        tokens_per_second=round(rate, 1),
        hours=round(tokens / rate / 3600, 3),
        memory_bytes=_peak_memory(),
    )


def _peak_memory() -> int | None:
    # Not `ru_maxrss`, which a process takes over from the one that started it.
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return None if found is None else 1024 * int(found[1])


def tokens_per_second(probes: Sequence[Step]) -> float:
    """How fast steps were."""
    return sum(step.tokens for step in probes) / sum(step.seconds for step in probes)


def probed(
    objective: Objective[Any], settings: LoopSettings, batches: Sequence[Sequence[Any]]
) -> tuple[str, list[Step]]:
    """Do a few steps of an objective, which is spoilt for training; give the precision and the steps."""
    with joined() as world:
        trainer = Trainer(objective, settings, world)
        probes = [
            trainer.step(batch, number=number, epoch=0.0, rate=settings.learning_rate)
            for number, batch in enumerate(batches[: _PROBES + 1], 1)
        ]
    # The first step also allocates, so it is not counted where there are more.
    return trainer.precision, probes[1:] or probes

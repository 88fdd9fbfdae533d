"""The file that a run is resumed from: everything that decides its further course."""

from __future__ import annotations

import dataclasses
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from squeezebert.errors import TrainingError
from squeezebert.files import atomic_path

STATE_NAME = "training_state.pt"


@dataclass
class Position:
    """How far a run is.

    Attributes:
        step: Optimizer steps done.
        epoch: Epoch that the next step belongs to, from 0.
        batch: Batches of that epoch that are done.
        tokens: Tokens read, without padding.
        seconds: Time spent, evaluations included, over all sittings.
        best_step: Step of the best checkpoint, None before the first evaluation.
        best: Its metrics on the validation rows.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    tokens: int = 0
    seconds: float = 0.0
    best_step: int | None = None
    best: dict[str, float] = dataclasses.field(default_factory=dict)


def save_state(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    position: Position,
    identity: dict[str, Any],
) -> None:
    """Write the state, atomically.

    Args:
        path: The file.
        model: Its weights are kept.
        optimizer: Its moments are kept.
        position: How far the run is.
        identity: Settings and data; a run that has others must not go on from here.

    Raises:
        TrainingError: The file cannot be written, for example because the disk is full.
    """
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "position": dataclasses.asdict(position),
        "identity": identity,
        "rng": torch.get_rng_state(),
    }
    try:
        with atomic_path(path) as temporary:
            torch.save(state, temporary)
    # torch reports a full disk as RuntimeError.
    except (OSError, RuntimeError) as error:
        raise TrainingError(
            f"{path}: cannot be written ({error}); free the disk and go on with --resume"
        ) from error


def load_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, identity: dict[str, Any]
) -> Position:
    """Put model, optimizer and random numbers where the run stood.

    Raises:
        TrainingError: The file is damaged, or the run was started with other settings or data; the message
            names the first difference.
    """
    try:
        state = torch.load(path, weights_only=True)
        found = dict(state["identity"])
        position = Position(**state["position"])
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: is damaged ({error}); start anew in another folder") from error
    for name, value in identity.items():
        if found.get(name) != value:
            raise TrainingError(
                f"{path}: the run was started with {name} {found.get(name)!r}, not {value!r}; "
                "resume it as it was, or start anew in another folder"
            )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["rng"])
    return position

"""The file that a run is resumed from: everything that decides its further course.

Random numbers are not in it: the loop seeds them anew for each step.
"""

from __future__ import annotations

import dataclasses
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from squeezebert.errors import OptionError, TrainingError
from squeezebert.files import atomic_path

STATE_NAME = "training_state.pt"

_DAMAGED = (
    OSError,
    RuntimeError,
    EOFError,
    pickle.UnpicklingError,
    KeyError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
)


@dataclass
class Position:
    """How far a run is.

    Attributes:
        step: Optimizer steps done.
        epoch: Epoch that the next step belongs to, from 0.
        batch: Batches of that epoch that are done.
        tokens: Tokens read, without padding.
        seconds: Time spent, evaluations included, over all sittings.
        stale: Evaluations since the headline was last better than before.
        best_step: Step of the best checkpoint, None before the first evaluation.
        best: Its metrics on the validation rows.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    tokens: int = 0
    seconds: float = 0.0
    stale: int = 0
    best_step: int | None = None
    best: dict[str, float] = dataclasses.field(default_factory=dict)


def save_state(
    path: Path,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    position: Position,
    identity: Mapping[str, Any],
) -> None:
    """Write the state, atomically.

    Args:
        path: The file.
        module: Its weights are kept.
        optimizer: Its moments are kept.
        position: How far the run is.
        identity: Settings and data; a run that has others must not go on from here.

    Raises:
        TrainingError: The file cannot be written, for example because the disk is full.
    """
    state = {
        "model": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "position": dataclasses.asdict(position),
        "identity": dict(identity),
    }
    try:
        with atomic_path(path) as temporary:
            torch.save(state, temporary)
    # torch reports a full disk as RuntimeError.
    except (OSError, RuntimeError) as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: Exception) -> TrainingError:
    """What to raise where a file of a run cannot be written, most often because the disk is full."""
    if isinstance(error, OptionError):  # It says so already.
        return TrainingError(f"{error}; free the disk and go on with --resume")
    reason = getattr(error, "strerror", None) or error
    return TrainingError(f"{path}: cannot be written ({reason}); free the disk and go on with --resume")


def first_difference(found: Mapping[str, Any], identity: Mapping[str, Any]) -> str | None:
    """Name what two runs do not have in common; None where they are the same.

    Args:
        found: Settings and data of one; what is there alone is no difference.
        identity: Those of the other.
    """
    for name, value in identity.items():
        digest = identity.get(f"{name}_sha256")
        # What has moved, or goes by another path, is the same.
        is_same = digest is not None and found.get(f"{name}_sha256") == digest
        if found.get(name) != value and not is_same:
            return name
    return None


def load_state(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, identity: Mapping[str, Any]
) -> Position:
    """Put model and optimizer where the run stood.

    Raises:
        TrainingError: The file is damaged, or the run was started with other settings or data; the message
            names the first difference.
    """
    try:
        # torch does not look at the checksums of the file, which is a zip archive.
        with zipfile.ZipFile(path) as archive:
            if wrong := archive.testzip():
                raise zipfile.BadZipFile(f"the checksum of {wrong} is wrong")
        state = torch.load(path, weights_only=True, map_location="cpu")
        found = dict(state["identity"])
        position = Position(**state["position"])
        weights, moments = state["model"], state["optimizer"]
    except _DAMAGED as error:
        raise TrainingError(f"{path}: is damaged ({error}); start anew in another folder") from error
    name = first_difference(found, identity)
    if name is not None:
        raise TrainingError(
            f"{path}: the run was started with {name} {found.get(name)!r}, not {identity[name]!r}; "
            "resume it as it was, or start anew in another folder"
        )
    try:
        module.load_state_dict(weights)
        optimizer.load_state_dict(moments)
    except (RuntimeError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(
            f"{path}: does not fit the model ({reason}); resume it as it was, or start anew in another folder"
        ) from error
    return position

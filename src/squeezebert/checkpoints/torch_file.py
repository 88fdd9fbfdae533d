"""One ``pytorch_model.bin`` file to arrays: tensors only, no code is ever run."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

from squeezebert.checkpoints.arrays import Stored, is_parameter
from squeezebert.errors import CheckpointError, MissingExtraError


def read_torch_file(path: Path) -> Stored:
    """Read all weights of a state dict saved by ``torch.save`` as float32, under the file's names.

    Both the zip format and the older plain pickle are read. Integer buffers are left out.

    Raises:
        MissingExtraError: torch is not installed.
        CheckpointError: The file is missing, damaged, asks to run code, or is not a state dict.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("reading a .bin checkpoint", "train") from error
    state = _load(path)
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: holds a {type(state).__name__}, not a state dict")
    arrays: Stored = {}
    for name, tensor in state.items():
        if not isinstance(tensor, torch.Tensor):
            raise CheckpointError(f"{path}: entry {name!r} is a {type(tensor).__name__}, not a tensor")
        if tensor.is_floating_point():
            if tensor.layout != torch.strided or tensor.is_meta or tensor.itemsize < 2:
                kind = f"{tensor.dtype}, {tensor.layout}, on {tensor.device}"
                raise CheckpointError(f"{path}: {name} is a tensor of {kind}; only plain floats are read")
            try:
                # A copy: the tensor may be a view of the mapped file, which is closed with it.
                arrays[str(name)] = tensor.detach().to(torch.float32, copy=True).contiguous().numpy()
            except RuntimeError as error:  # It may claim any size.
                raise CheckpointError(f"{path}: {name} cannot be read ({error})") from error
        elif is_parameter(str(name)):
            raise CheckpointError(f"{path}: {name} holds {tensor.dtype}, not floats")
    return arrays


def _load(path: Path) -> Any:
    import torch

    try:
        # Only the zip format can be mapped.
        mapped = zipfile.is_zipfile(path)
        with warnings.catch_warnings():
            # About the pickle protocol of old files.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    except pickle.UnpicklingError as error:
        asked = re.search(r"GLOBAL (\S+)", str(error))
        if asked:
            raise CheckpointError(
                f"{path}: asks to run {asked[1]} on loading; only tensors are read, so nothing was run"
            ) from error
        raise CheckpointError(f"{path}: is damaged or not a PyTorch checkpoint") from error
    except Exception as error:
        # What torch raises for a damaged file depends on where the damage is.
        raise CheckpointError(f"{path}: is damaged or not a PyTorch checkpoint") from error

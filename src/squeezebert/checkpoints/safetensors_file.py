"""One ``.safetensors`` file to and from arrays, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import save_file

from squeezebert.checkpoints import quantized
from squeezebert.checkpoints.arrays import Arrays, is_parameter
from squeezebert.errors import CheckpointError

_FLOATS = ("F16", "F32", "F64", "BF16")
_INTEGERS = ("BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64")


def read_safetensors(path: Path) -> Arrays:
    """Read all weights of a file as float32, under the names the file gives them.

    Float16, bfloat16 and float64 are converted, int8 with row scales is dequantised, and integer buffers
    such as ``position_ids`` are left out.

    Raises:
        CheckpointError: The file is missing, truncated, corrupt, or holds weights of another type.
    """
    try:
        tensors = _read_tensors(path)
        restored = quantized.dequantize(tensors)
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: {_reason(path, error)}") from error
    # float64 beyond the range of float32 becomes infinite here, which the reader reports by name.
    with np.errstate(over="ignore"):
        floats = {name: array for name, array in restored.items() if array.dtype.kind == "f"}
        arrays = {name: array.astype(np.float32, copy=False) for name, array in floats.items()}
    for name in restored.keys() - floats.keys():
        if is_parameter(name):
            raise CheckpointError(f"{path}: {name} holds {restored[name].dtype} without a scale, not floats")
    return arrays


def write_safetensors(path: Path, tensors: dict[str, NDArray[Any]], metadata: dict[str, str]) -> None:
    """Write arrays to a file as they are; the caller sees to atomicity."""
    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path, metadata)


def _read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    with safetensors.safe_open(path, framework="np") as file:
        quantization = (file.metadata() or {}).get(quantized.METADATA_KEY, quantized.METADATA_VALUE)
        if quantization != quantized.METADATA_VALUE:
            raise CheckpointError(
                f"{path}: is quantised as {quantization!r}; only {quantized.METADATA_VALUE!r} can be read"
            )
        types = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
        for name, dtype in types.items():
            if dtype not in (*_FLOATS, *_INTEGERS):
                raise CheckpointError(f"{path}: {name} has the type {dtype}, which is not supported")
        tensors = {name: file.get_tensor(name) for name, dtype in types.items() if dtype != "BF16"}
    if "BF16" in types.values():
        tensors.update(_read_bfloat16(path))
    return tensors


def _read_bfloat16(path: Path) -> Arrays:
    # numpy has no bfloat16, so the raw bytes are needed: they are the upper half of a float32.
    return {
        name: (np.frombuffer(info["data"], np.uint16).astype(np.uint32) << 16)
        .view(np.float32)
        .reshape(info["shape"])
        for name, info in safetensors.deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
        if info["dtype"] == "BF16"
    }


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror or error})"
    if isinstance(error, ValueError):
        return str(error)
    with path.open("rb") as file:
        if file.read(19) == b"version https://git":
            return "is a Git LFS pointer; fetch the file itself with 'git lfs pull'"
    return f"is damaged or not a safetensors file ({error})"

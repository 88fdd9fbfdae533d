"""One ``.safetensors`` file to and from arrays, without torch and without copying what is read."""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from squeezebert.checkpoints import quantized
from squeezebert.checkpoints.arrays import Stored, is_parameter
from squeezebert.errors import CheckpointError

# bfloat16, which numpy lacks, is the upper half of a float32.
_FLOATS = {"F16": np.float16, "F32": np.float32, "F64": np.float64, "BF16": np.uint16}
_CODES = {"I8": np.int8}
# Buffers such as position_ids, which the network does without.
_BUFFERS = ("BOOL", "U8", "I16", "U16", "I32", "U32", "I64", "U64")

_LENGTH_BYTES = 8
_METADATA = "__metadata__"


def read_safetensors(path: Path) -> Stored:
    """Read all weights of a file, under the names the file gives them.

    Float32, float16 and int8 stay on disk until they are looked at: the arrays are read-only views of the
    mapped file, which must not be changed in place while they live (replacing it is fine). Bfloat16 and
    float64 are converted to float32, and integer buffers such as ``position_ids`` are left out.

    Raises:
        CheckpointError: The file is missing, truncated, corrupt, or holds weights of another type.
    """
    try:
        _check(path)
        return _read_arrays(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path}: {_reason(path, error)}") from error


def write_safetensors(path: Path, tensors: Stored, metadata: dict[str, str]) -> None:
    """Write arrays to a file as they are; the caller sees to atomicity."""
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path, metadata)


def release_pages(arrays: Iterable[NDArray[Any]]) -> None:
    """Give back the memory of what has been read of the files that arrays are views of.

    The arrays stay as they are: what is looked at again is read again. Where there is no madvise, nothing
    is done.
    """
    if not hasattr(mmap, "MADV_DONTNEED"):
        return
    files = {id(file): file for file in map(_mapped_file, arrays) if file is not None}
    for file in files.values():
        file.madvise(mmap.MADV_DONTNEED)


def _mapped_file(array: Any) -> mmap.mmap | None:
    """The file that an array is a view of."""
    while isinstance(array, np.ndarray):
        array = array.base
    owner = array.obj if isinstance(array, memoryview) else array
    return owner if isinstance(owner, mmap.mmap) else None


def _check(path: Path) -> None:
    """Let the library check the whole header: lengths, types, shapes, offsets, overlaps, gaps."""
    with safetensors.safe_open(path, framework="np") as file:
        quantization = (file.metadata() or {}).get(quantized.METADATA_KEY, quantized.METADATA_VALUE)
    if quantization != quantized.METADATA_VALUE:
        raise CheckpointError(
            f"{path}: is quantised as {quantization!r}; only {quantized.METADATA_VALUE!r} can be read"
        )


def _read_arrays(path: Path) -> Stored:
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    start = _LENGTH_BYTES + int.from_bytes(mapped[:_LENGTH_BYTES], "little")
    header: dict[str, Any] = json.loads(mapped[_LENGTH_BYTES:start])
    header.pop(_METADATA, None)
    arrays: Stored = {}
    for name, entry in header.items():
        dtype = entry["dtype"]
        if dtype in _BUFFERS:
            if is_parameter(name):
                raise CheckpointError(f"{path}: {name} holds {dtype}, not floats")
        elif dtype in _FLOATS or dtype in _CODES:
            try:
                arrays[name] = _view(mapped, start, entry)
            except ValueError as error:
                axes = len(entry["shape"])
                raise CheckpointError(f"{path}: {name} has {axes} axes, more than arrays can have") from error
        else:
            raise CheckpointError(f"{path}: {name} has the type {dtype}, which is not supported")
    return arrays


def _view(mapped: mmap.mmap, start: int, entry: dict[str, Any]) -> NDArray[Any]:
    """One tensor of the file, in place where its type and its alignment allow."""
    dtype, shape = entry["dtype"], entry["shape"]
    values: NDArray[Any] = np.frombuffer(
        mapped, {**_FLOATS, **_CODES}[dtype], math.prod(shape), start + entry["data_offsets"][0]
    ).reshape(shape)
    if dtype == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    if dtype == "F64":
        # Beyond the range of float32 it becomes infinite, which the reader reports by name.
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    # The format aligns the header and not each tensor.
    return values if values.flags.aligned else values.copy()


def _reason(path: Path, error: Exception) -> str:
    if path.is_dir():
        return "is a folder, and should be a file"
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror or error})"
    with path.open("rb") as file:
        if file.read(19) == b"version https://git":
            return "is a Git LFS pointer; fetch the file itself with 'git lfs pull'"
    return f"is damaged or not a safetensors file ({error})"

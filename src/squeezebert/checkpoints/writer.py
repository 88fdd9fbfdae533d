"""A config and arrays to a folder: nothing is half-written, and the weights come last."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from squeezebert.checkpoints import quantized
from squeezebert.checkpoints.arrays import Arrays, Stored, check_finite
from squeezebert.checkpoints.names import to_published
from squeezebert.checkpoints.reader import (
    INDEX_SUFFIX,
    SAFETENSORS_NAME,
    SAFETENSORS_SHARDS,
    bases_of,
    read_stored,
)
from squeezebert.checkpoints.safetensors_file import write_safetensors
from squeezebert.config import BASE_KEY, CONFIG_NAME, SqueezeBertConfig
from squeezebert.errors import CheckpointError, OptionError
from squeezebert.files import atomic_path, make_folder, removed_if_empty


def _as_float16(arrays: Arrays) -> Stored:
    with np.errstate(over="ignore"):
        return {name: array.astype(np.float16) for name, array in arrays.items()}


def _as_float32(arrays: Arrays) -> Stored:
    return dict(arrays)


_ENCODERS: dict[str, Callable[[Arrays], Stored]] = {
    "float32": _as_float32,
    "float16": _as_float16,
    "int8": quantized.quantize,
}
DTYPES = tuple(_ENCODERS)


def write_checkpoint(
    folder: str | Path,
    config: SqueezeBertConfig,
    arrays: Arrays,
    *,
    dtype: str = "float32",
    base: str | Path | None = None,
    extra_files: Mapping[str, str] | None = None,
) -> None:
    """Write ``config.json`` and ``model.safetensors``.

    All files are written under temporary names first and then renamed, the weights last, so that a failure
    leaves what was there before. Float32 and float16 are readable by transformers; int8 only by this package.

    Args:
        folder: Made if it is missing.
        config: Sizes and labels.
        arrays: Float32 arrays under published names; copies of tied tensors are left out.
        dtype: Storage type, one of ``DTYPES``.
        base: A checkpoint folder, named in the new config by a relative path, whose tensors are left
            out here where they are equal, exactly or after storing them as ``dtype``.
        extra_files: Text files to write with the others, by file name, such as a model card.

    Raises:
        OptionError: Unknown ``dtype``, or the folder cannot be written to.
        CheckpointError: A tensor is not finite, or not finite any more as float16; ``base`` cannot be read.
    """
    folder = Path(folder)
    if base is not None and not Path(base).is_dir():
        raise CheckpointError(f"{base}: is not a folder that can be the base of a checkpoint")
    if base is not None and folder.resolve() in bases_of(Path(base)):
        raise CheckpointError(f"{folder}: a checkpoint cannot be its own base, and {base} rests on it")
    if dtype not in _ENCODERS:
        raise OptionError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}")
    check_finite(arrays, "weights to be saved")
    published = to_published(dict(arrays), "weights to be saved")
    if base is not None:
        published = _without_base(published, Path(base), dtype)
    stored = _ENCODERS[dtype](published)
    check_finite(stored, f"weights as {dtype}")
    _write_files(folder, _config_of(config, folder, dtype, base), stored, extra_files or {})


def write_stored(
    folder: str | Path,
    config: SqueezeBertConfig,
    stored: Stored,
    *,
    extra_files: Mapping[str, str] | None = None,
) -> None:
    """Write weights as they are stored, without a loss; otherwise as :func:`write_checkpoint`.

    Args:
        folder: Made if it is missing.
        config: Sizes and labels.
        stored: Float32 and float16 arrays and int8 codes with their scales, under published names, as
            :func:`squeezebert.checkpoints.read_stored` gives them.
        extra_files: Text files to write with the others, by file name.

    Raises:
        OptionError: The folder cannot be written to.
    """
    # The names of numpy's types are those of the config; of mixed ones the smallest is named.
    dtype = min((array.dtype for array in stored.values()), key=lambda dtype: dtype.itemsize).name
    _write_files(Path(folder), _config_of(config, Path(folder), dtype, None), stored, extra_files or {})


def _config_of(
    config: SqueezeBertConfig, folder: Path, dtype: str, base: str | Path | None
) -> SqueezeBertConfig:
    """The config as it is written: its extra keys tell the storage type and the base of this folder."""
    # Of these the file written here speaks for itself; its decoder is always tied, which is the default.
    outdated = (BASE_KEY, "dtype", "torch_dtype", "tie_word_embeddings", "quantization_config")
    extra = {key: value for key, value in config.extra.items() if key not in outdated}
    if dtype == "int8":
        # Not a "quant_method": it would skip one it does not know, and take the codes for weights. Without
        # one, transformers stops and says that the model is quantised.
        extra["quantization_config"] = {"format": quantized.METADATA_VALUE}
    else:
        # transformers loads a model in this type.
        extra["dtype"] = dtype
    if base is not None:
        relative = os.path.relpath(Path(base).resolve(), folder.resolve())
        extra[BASE_KEY] = Path(relative).as_posix()
    return config.replace(extra=extra)


def _without_base(arrays: Arrays, base: Path, dtype: str) -> Arrays:
    base_stored = read_stored(base).arrays
    shared = quantized.dequantize(base_stored)
    candidates = {
        name: array
        for name, array in arrays.items()
        if name in shared
        and array.shape == shared[name].shape
        # What is smoothed together is shared together, or as here not at all.
        and quantized.smoothing_of(name) not in base_stored
    }
    stored = quantized.dequantize(_ENCODERS[dtype](candidates))
    equal = {
        name
        for name, array in candidates.items()
        if np.array_equal(array, shared[name]) or np.array_equal(stored[name], shared[name])
    }
    return {name: array for name, array in arrays.items() if name not in equal}


def _write_files(
    folder: Path, config: SqueezeBertConfig, stored: Stored, extra_files: Mapping[str, str]
) -> None:
    make_folder(folder)
    texts = {CONFIG_NAME: json.dumps(config.to_dict(), indent=2, sort_keys=True) + "\n", **extra_files}
    try:
        with removed_if_empty(folder), ExitStack() as stack:
            # Entered first, so renamed last: a folder with new weights has its new config too.
            weights = stack.enter_context(atomic_path(folder / SAFETENSORS_NAME))
            write_safetensors(weights, stored, _metadata(stored))
            for name, text in texts.items():
                path = stack.enter_context(atomic_path(folder / name))
                path.write_text(text, encoding="utf-8")
        # Of a model that was here before, whose weights were divided.
        for name in (SAFETENSORS_NAME + INDEX_SUFFIX, SAFETENSORS_SHARDS):
            for path in folder.glob(name):
                path.unlink()
    except (OSError, SafetensorError) as error:
        raise OptionError(f"{folder}: cannot be written ({error})") from error


def _metadata(stored: Stored) -> dict[str, str]:
    if any(array.dtype == np.int8 for array in stored.values()):
        return {quantized.METADATA_KEY: quantized.METADATA_VALUE}
    return {"format": "pt"}

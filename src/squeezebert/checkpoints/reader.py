"""A folder or hub name to a config and arrays under the published names, as stored or as float32."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar

import numpy as np

from squeezebert.checkpoints import quantized
from squeezebert.checkpoints.arrays import Arrays, Stored, check_finite, is_parameter
from squeezebert.checkpoints.names import block_of, to_published
from squeezebert.checkpoints.safetensors_file import read_safetensors
from squeezebert.config import BASE_KEY, CONFIG_NAME, SqueezeBertConfig
from squeezebert.errors import CheckpointError
from squeezebert.files import exists, locate

_Array = TypeVar("_Array")

SAFETENSORS_NAME = "model.safetensors"
SAFETENSORS_SHARDS = "model-*-of-*.safetensors"
TORCH_NAME = "pytorch_model.bin"
INDEX_SUFFIX = ".index.json"


def _read_torch_file(path: Path) -> Stored:
    # Seldom needed, and every start of the program would wait for it.
    from squeezebert.checkpoints.torch_file import read_torch_file

    return read_torch_file(path)


# The files of each format, and their wildcards on the hub. The first format that is there is taken.
_FORMATS: tuple[tuple[str, str, Callable[[Path], Stored]], ...] = (
    (SAFETENSORS_NAME, SAFETENSORS_SHARDS, read_safetensors),
    (TORCH_NAME, "pytorch_model-*-of-*.bin", _read_torch_file),
)


_SUFFIXES = tuple(Path(name).suffix for name, _, _ in _FORMATS)


class StoredCheckpoint(NamedTuple):
    """A model's weights as its files hold them, and what they mean.

    Attributes:
        config: Sizes and labels.
        arrays: Float32 and float16 arrays, and int8 codes with their scales under ``name.scale``; under the
            published SqueezeBERT names, with ``transformer.`` prefix. They may be read-only views of files.
        folder: Where they were read from; tokenizer files lie there too.
    """

    config: SqueezeBertConfig
    arrays: Stored
    folder: Path


class Checkpoint(NamedTuple):
    """A model's weights and what they mean.

    Attributes:
        config: Sizes and labels.
        arrays: Float32 arrays under the published SqueezeBERT names, with ``transformer.`` prefix.
        folder: Where they were read from; tokenizer files lie there too.
    """

    config: SqueezeBertConfig
    arrays: Arrays
    folder: Path

    def first_blocks(self, count: int) -> Checkpoint:
        """The same without the blocks above the first ones.

        Raises:
            CheckpointError: It has fewer blocks, or ``count`` is not positive.
        """
        there = self.config.num_hidden_layers
        if not 0 < count <= there:
            raise CheckpointError(f"{self.folder}: has {there} blocks, so the first {count} cannot be taken")
        return Checkpoint(
            self.config.replace(num_hidden_layers=count), _of_first_blocks(self.arrays, count), self.folder
        )


def read_checkpoint(
    name_or_path: str | Path, *, revision: str | None = None, local_files_only: bool = False
) -> Checkpoint:
    """Read a checkpoint as :func:`read_stored` does, into float32 arrays of its own."""
    stored = read_stored(name_or_path, revision=revision, local_files_only=local_files_only)
    restored = quantized.dequantize(stored.arrays)
    # A copy: the stored one may be a view of the file.
    arrays = {name: np.array(array, dtype=np.float32) for name, array in restored.items()}
    return Checkpoint(stored.config, arrays, stored.folder)


def read_stored(
    name_or_path: str | Path, *, revision: str | None = None, local_files_only: bool = False
) -> StoredCheckpoint:
    """Read a SqueezeBERT or BERT checkpoint in safetensors or PyTorch's ``.bin`` format, whole or sharded.

    A folder whose ``config.json`` has the key ``base_checkpoint``, a path relative to the folder, takes
    the tensors that it does not hold from there; the key is not in the config that is returned.

    Args:
        name_or_path: Folder, embedded name or hub name (``"owner/name"``).
        revision: Branch, tag or commit on the hub.
        local_files_only: Use only what the hub's cache on this machine holds.

    Raises:
        CheckpointError: There is no such checkpoint, or its files are missing, damaged, unsafe, or hold
            values that are not finite. The message names the file.
        ConfigError: ``config.json`` is missing or wrong.
        MissingExtraError: It is a ``.bin`` file and torch is not installed.
    """
    folder = _find(name_or_path, revision, local_files_only)
    return _read_folder(folder, children=())


def _find(name_or_path: str | Path, revision: str | None, local_files_only: bool) -> Path:
    for name, shards, _ in _FORMATS:
        wanted = (CONFIG_NAME, name, name + INDEX_SUFFIX, shards)
        folder = locate(name_or_path, wanted, revision=revision, local_files_only=local_files_only)
        if any((folder / file).exists() for file in (name, name + INDEX_SUFFIX)):
            return folder
    if not (folder / CONFIG_NAME).exists():
        raise CheckpointError(f"{folder}: is not a checkpoint: it has no {CONFIG_NAME}")
    raise CheckpointError(f"{folder}: holds neither {SAFETENSORS_NAME} nor {TORCH_NAME}")


def _read_folder(folder: Path, children: tuple[Path, ...]) -> StoredCheckpoint:
    config = SqueezeBertConfig.from_json_file(folder / CONFIG_NAME)
    extra = dict(config.extra)
    base = extra.pop(BASE_KEY, None)
    shared: Stored = {}
    if base is not None:
        base_folder = _base_folder(folder, base, children)
        shared = _read_folder(base_folder, (*children, folder.resolve())).arrays
    tied = extra.get("tie_word_embeddings") is not False
    own = to_published(_checked(_read_weights(folder), folder), folder, tied=tied)
    # A tensor comes with its scales and smoothing or without them; those of the base do not fit other codes.
    replaced = {name + quantized.SCALE_SUFFIX for name in own}
    replaced |= {smoothing for name in own if (smoothing := quantized.smoothing_of(name))}
    for name in shared.keys() - own.keys():
        smoothing = quantized.smoothing_of(name)
        if name + quantized.SCALE_SUFFIX in own or smoothing in own:
            raise CheckpointError(f"{folder}: lacks {name}, of which it holds the scale or the smoothing")
        if smoothing in shared and smoothing in replaced:
            raise CheckpointError(
                f"{folder}: lacks {name}, which its base smooths together with what it holds"
            )
    shared = {name: array for name, array in shared.items() if name not in replaced}
    shared = _of_first_blocks(shared, config.num_hidden_layers)
    return StoredCheckpoint(config.replace(extra=extra), {**shared, **own}, folder)


def _of_first_blocks(arrays: Mapping[str, _Array], count: int) -> dict[str, _Array]:
    """Those that are in no block above the first ones."""
    return {name: array for name, array in arrays.items() if (block_of(name) or 0) < count}


def _checked(stored: Stored, folder: Path) -> Stored:
    """The weights among what was read, all of them fit to be computed with."""
    try:
        quantized.check_scales(stored)
    except ValueError as error:
        raise CheckpointError(f"{folder}: {error}") from error
    check_finite(stored, folder)
    weights = {
        name: array
        for name, array in stored.items()
        if array.dtype.kind == "f" or name + quantized.SCALE_SUFFIX in stored
    }
    for name in stored.keys() - weights.keys():
        if is_parameter(name):
            raise CheckpointError(f"{folder}: {name} holds int8 without a scale, not floats")
    return weights


def bases_of(folder: Path) -> list[Path]:
    """A checkpoint's folder and those of the bases that it rests on, one after the other.

    Raises:
        CheckpointError: A base is no folder, or leads back to one that needs it.
        ConfigError: A config cannot be read.
    """
    found: list[Path] = [folder.resolve()]
    while base := SqueezeBertConfig.from_json_file(found[-1] / CONFIG_NAME).extra.get(BASE_KEY):
        found.append(_base_folder(found[-1], base, tuple(found)))
    return found


def _base_folder(folder: Path, base: object, children: tuple[Path, ...]) -> Path:
    place = f"{folder / CONFIG_NAME}: {BASE_KEY} {base!r}"
    if not isinstance(base, str) or PurePosixPath(base).is_absolute() or Path(base).is_absolute():
        raise CheckpointError(f"{place} is not a path relative to the folder")
    try:
        found = (folder / base).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{place} is not a folder") from error
    if not found.is_dir():
        raise CheckpointError(f"{place} is not a folder")
    if found == folder.resolve() or found in children:
        raise CheckpointError(f"{place} leads back to a checkpoint that needs this one")
    return found


def _read_weights(folder: Path) -> Stored:
    arrays: Stored = {}
    for path in weights_in(folder):
        read = next(read for name, _, read in _FORMATS if Path(name).suffix == path.suffix)
        arrays.update(read(path))
    return arrays


def weights_in(folder: Path) -> list[Path]:
    """The files that a folder's own weights are read from.

    Raises:
        CheckpointError: There are none.
    """
    for name, _, _ in _FORMATS:
        index = folder / (name + INDEX_SUFFIX)
        if (folder / name).exists():
            return [folder / name]
        if index.exists():
            return _shards(index)
    raise CheckpointError(f"{folder}: holds neither {SAFETENSORS_NAME} nor {TORCH_NAME}")


def _shards(index: Path) -> list[Path]:
    """The files that an index names, each once, in order."""
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except OSError as error:
        raise CheckpointError(f"{index}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        is_json = isinstance(error, (KeyError, TypeError, AttributeError))
        why = 'it has no "weight_map" of tensors to files' if is_json else error
        raise CheckpointError(f"{index}: is not an index of weights ({why})") from error
    for name in names:
        if not isinstance(name, str) or name != Path(name).name or name in ("", ".", ".."):
            raise CheckpointError(f"{index}: names the file {name!r}, which is not a plain file name")
        if Path(name).suffix not in _SUFFIXES:
            endings = " or ".join(_SUFFIXES)
            raise CheckpointError(f"{index}: names the file {name!r}, which does not end in {endings}")
        if not (exists(index.parent / name) and (index.parent / name).is_file()):
            raise CheckpointError(f"{index.parent / name}: is missing, but {index.name} names it")
    return [index.parent / name for name in sorted(names)]

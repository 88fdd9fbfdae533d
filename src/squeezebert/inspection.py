"""What is in a checkpoint: architecture, labels, parameters, files and what it costs to run; no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from squeezebert.checkpoints import Checkpoint, StoredCheckpoint, read_checkpoint
from squeezebert.checkpoints.reader import SAFETENSORS_NAME, bases_of, weights_in
from squeezebert.config import CONFIG_NAME, GROUP_KEYS, SqueezeBertConfig
from squeezebert.costs import encoder_operations, parameters_by_part, stored_bytes
from squeezebert.errors import OptionError
from squeezebert.files import check_folder, is_leftover
from squeezebert.tokenization.store import FILE_NAMES

USUAL_TOKENS = 128
DTYPES = ("float32", "float16", "int8")

_NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I8": "int8"}


@dataclass(frozen=True)
class WeightsFile:
    """A file that weights are read from.

    Attributes:
        path: Where it is.
        size: In bytes.
        dtypes: Types of the floating point weights in it, and int8; empty for a ``.bin`` file, which does
            not tell without being loaded.
    """

    path: Path
    size: int
    dtypes: tuple[str, ...]


@dataclass(frozen=True)
class Inspection:
    """What is in a checkpoint.

    Attributes:
        config: Sizes, groups and labels.
        folder: Where it was read from.
        parameters: Number of parameters of each part that is there; see :data:`squeezebert.costs.PARTS`.
        files: The files of its weights, those of a shared base included.
        sizes: Bytes that all weights take when stored as each of ``DTYPES``.
        tokens: Length that ``operations`` is counted for.
        operations: Floating point operations of the encoder by layer.
    """

    config: SqueezeBertConfig
    folder: Path
    parameters: dict[str, int]
    files: tuple[WeightsFile, ...]
    sizes: dict[str, int]
    tokens: int
    operations: dict[str, int]

    @property
    def groups(self) -> dict[str, int]:
        """Groups of each layer, without the ``_groups`` of the config's keys."""
        return {key.removesuffix("_groups"): getattr(self.config, key) for key in GROUP_KEYS}


def inspect_checkpoint(name_or_path: str | Path, *, tokens: int | None = None) -> Inspection:
    """Look into a checkpoint.

    Args:
        name_or_path: Folder, embedded name or hub name.
        tokens: Length of text to count the operations for; 128, or the most the model reads, if None.

    Raises:
        CheckpointError: It is missing or damaged.
        ConfigError: Its config is missing or wrong.
        OptionError: The model cannot read so many tokens.
    """
    checkpoint = read_checkpoint(name_or_path)
    config = checkpoint.config
    tokens = min(USUAL_TOKENS, config.max_position_embeddings) if tokens is None else tokens
    shapes = {name: array.shape for name, array in checkpoint.arrays.items()}
    return Inspection(
        config=config,
        folder=checkpoint.folder,
        parameters=parameters_by_part((name, array.size) for name, array in checkpoint.arrays.items()),
        files=tuple(weights_files(checkpoint)),
        sizes={dtype: stored_bytes(shapes, dtype) for dtype in DTYPES},
        tokens=tokens,
        operations=encoder_operations(config, tokens),
    )


def check_output(output: str | Path, checkpoint: Checkpoint | StoredCheckpoint) -> None:
    """Refuse to write a checkpoint where one is read, or among files of another kind.

    A model that is there is replaced.

    Raises:
        OptionError: ``output`` is empty, or no folder, or a folder that the checkpoint, or a base that it
            shares, was read from, or one that holds something else than a model. Or a link leads from one to
            the other.
    """
    check_folder(output)
    read = [file.path for file in weights_files(checkpoint)]
    folders = {place.resolve() for path in read for place in (path.parent, path.resolve().parent)}
    written = Path(output, SAFETENSORS_NAME).resolve()
    if Path(output).resolve() in folders or written in {path.resolve() for path in read}:
        raise OptionError(f"{output}: is what would be read; give another folder to write to")
    if _holds_something_else(Path(output)):
        raise OptionError(f"{output}: is not empty and holds no model to replace; give a new folder")


def _holds_something_else(folder: Path) -> bool:
    """Whether a folder holds what is neither a model nor left by a killed process that wrote one."""
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir() if not is_leftover(path)}
    if CONFIG_NAME not in names:
        return not names <= set(FILE_NAMES)
    try:
        config = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True
    return not isinstance(config, dict) or "model_type" not in config


def weights_files(checkpoint: Checkpoint | StoredCheckpoint) -> list[WeightsFile]:
    """The files that a checkpoint was read from, those of the bases that it shares included."""
    return [
        WeightsFile(path, path.stat().st_size, _dtypes(path))
        for folder in (checkpoint.folder, *bases_of(checkpoint.folder)[1:])
        for path in weights_in(folder)
    ]


def _dtypes(path: Path) -> tuple[str, ...]:
    if path.suffix != ".safetensors":
        return ()
    import safetensors

    with safetensors.safe_open(path, framework="np") as file:
        found = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    return tuple(name for code, name in _NAMES.items() if code in found)

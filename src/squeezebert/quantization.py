"""A checkpoint to one in int8, at about a quarter of the size; no torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from squeezebert.checkpoints import Checkpoint, read_checkpoint, read_stored, write_stored
from squeezebert.checkpoints.arrays import Arrays, Stored, bytes_of
from squeezebert.checkpoints.matching import check_tied
from squeezebert.checkpoints.quantized import SCALE_SUFFIX, dequantize, quantize
from squeezebert.costs import stored_bytes
from squeezebert.errors import TokenizerError
from squeezebert.files import locate
from squeezebert.inspection import check_output, weights_files
from squeezebert.smoothing import measure_smoothing
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.tokenization.store import (
    FILE_NAMES,
    TOKENIZER_NAME,
    VOCAB_NAME,
    files_of,
    remove_others,
)

_PREFIX = re.compile(r"^transformer\.(encoder\.layers\.\d+\.)?")


@dataclass(frozen=True)
class Quantization:
    """A checkpoint that is to be stored in int8.

    Attributes:
        checkpoint: What was read.
        smoothing: What input channels are divided by; see :mod:`squeezebert.smoothing`.
        stored: What to write of a checkpoint that is in int8 already, whose codes stay; None of any other.
        output: The folder to write.
        tokenizer_files: Content of the tokenizer files to write beside the weights, by name.
        bytes_before: Size of the files that the weights were read from.
        bytes_after: Size of the weights in int8, without the header of the file.
    """

    checkpoint: Checkpoint
    smoothing: Arrays
    stored: Stored | None
    output: Path
    tokenizer_files: dict[str, str]
    bytes_before: int
    bytes_after: int

    @classmethod
    def read(cls, name_or_path: str | Path, output: str | Path) -> Quantization:
        """Read a checkpoint and its tokenizer.

        Args:
            name_or_path: Folder, embedded name or hub name.
            output: The folder to write; it may exist.

        Raises:
            CheckpointError: The checkpoint is missing or damaged, or has output embeddings of its own, or its
                tokenizer is another model's.
            OptionError: ``output`` is a folder that the checkpoint is read from, or no kernel computes this.
            TokenizerError: A tokenizer file cannot be read.
        """
        checkpoint = read_checkpoint(name_or_path)
        check_tied(checkpoint.arrays, checkpoint.folder)
        check_output(output, checkpoint)
        # From the hub, these files are fetched apart from the weights.
        files = files_of(locate(name_or_path, FILE_NAMES))
        if files.keys() & {VOCAB_NAME, TOKENIZER_NAME}:
            tokenizer = SqueezeBertTokenizerFast.from_pretrained(name_or_path)
            tokenizer.check_embeddings(checkpoint.config.vocab_size, f"{checkpoint.folder}: ")
        arrays = read_stored(name_or_path).arrays
        matrices = [name for name, array in checkpoint.arrays.items() if array.ndim > 1]
        stored = arrays if all(name + SCALE_SUFFIX in arrays for name in matrices) else None
        # Of one that is in int8 it only finds out whether it fits.
        smoothing = measure_smoothing(checkpoint)
        return cls(
            checkpoint=checkpoint,
            smoothing=smoothing if stored is None else {},
            stored=stored,
            output=Path(output),
            tokenizer_files=_read_texts(files),
            bytes_before=sum(file.size for file in weights_files(checkpoint)),
            bytes_after=_bytes_of(checkpoint, smoothing) if stored is None else bytes_of(stored),
        )

    def errors(self) -> Iterator[tuple[str, float]]:
        """Quantise every matrix, and give its kind and how far it is from the original.

        The kind is the published name without number of the layer, such as ``attention.query``. The error is
        relative: the norm of the difference over the norm of the matrix.
        """
        for name, array in self.checkpoint.arrays.items():
            if array.ndim > 1:
                kind = _PREFIX.sub("", name).removesuffix(".weight")
                yield kind, 0.0 if self.stored is not None else _error_of(name, array, self.smoothing)

    def write(self) -> None:
        """Write the folder: nothing is half-written, and the weights come last.

        Raises:
            OptionError: The folder cannot be written to.
        """
        stored = self.stored
        if stored is None:
            stored = quantize(self.checkpoint.arrays, self.smoothing)
        write_stored(self.output, self.checkpoint.config, stored, extra_files=self.tokenizer_files)
        remove_others(self.output, self.tokenizer_files)


def _bytes_of(checkpoint: Checkpoint, smoothing: Arrays) -> int:
    shapes = {name: array.shape for name, array in checkpoint.arrays.items()}
    return stored_bytes(shapes, "int8") + bytes_of(smoothing)


def _error_of(name: str, array: NDArray[np.float32], smoothing: Arrays) -> float:
    difference = dequantize(quantize({name: array}, smoothing))[name] - array
    norm = _norm(array)
    return _norm(difference) / norm if norm else 0.0


def _norm(array: NDArray[np.float32]) -> float:
    """The norm, where squares would be too large or too small for float32, too."""
    largest = float(np.abs(array).max(initial=0.0))
    return largest * float(np.linalg.norm(array.ravel() / np.float32(largest))) if largest else 0.0


def _read_texts(files: Mapping[str, Path]) -> dict[str, str]:
    texts = {}
    for name, path in files.items():
        try:
            # Not read_text, which would change the ends of lines.
            texts[name] = path.read_bytes().decode("utf-8")
        except OSError as error:
            raise TokenizerError(f"{path}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise TokenizerError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    return texts

"""One source's token ids on disk: three flat files for each part, read by mapping them into memory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.errors import DataError

TRAINING, HELD_OUT = "training", "held_out"
_ENDS = np.dtype("<u8")


def ids_dtype(vocab_size: int) -> np.dtype[Any]:
    """The smallest type that holds the ids: little-endian, 2 or 4 bytes."""
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")


class PartWriter:
    """Appends documents to ``PART.ids``, ``PART.sentences`` and ``PART.documents`` of a folder.

    Args:
        folder: Where the files go.
        part: ``TRAINING`` or ``HELD_OUT``.
        dtype: That of the ids.

    Attributes:
        documents: Documents written.
        sentences: Sentences written.
        tokens: Tokens written.
    """

    def __init__(self, folder: Path, part: str, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._stack = ExitStack()
        self._ids, self._sentences, self._documents = (
            self._stack.enter_context((folder / f"{part}.{kind}").open("wb"))
            for kind in ("ids", "sentences", "documents")
        )
        self.documents = self.sentences = self.tokens = 0

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, sentences: Sequence[Sequence[int]]) -> None:
        """Append a document, given as the ids of its sentences; empty ones are left out."""
        sentences = [ids for ids in sentences if ids]
        if not sentences:
            return
        lengths = np.array([len(ids) for ids in sentences], dtype=_ENDS)
        self._ids.write(np.array([i for ids in sentences for i in ids], dtype=self._dtype).tobytes())
        self._sentences.write((self.tokens + np.cumsum(lengths)).astype(_ENDS).tobytes())
        self.documents += 1
        self.sentences += len(sentences)
        self.tokens += int(lengths.sum())
        self._documents.write(np.array([self.sentences], dtype=_ENDS).tobytes())


@dataclass(frozen=True)
class ShardPart:
    """A part of a shard.

    Attributes:
        ids: Tokens of all sentences one after the other ``[tokens]``.
        sentences: Sentence ``s`` has the tokens ``sentences[s]`` to ``sentences[s + 1]`` ``[sentences + 1]``.
        documents: Document ``d`` has the sentences ``documents[d]`` to ``documents[d + 1]``
            ``[documents + 1]``.
    """

    ids: NDArray[Any]
    sentences: NDArray[np.int64]
    documents: NDArray[np.int64]

    @classmethod
    def open(cls, folder: Path, part: str, dtype: np.dtype[Any]) -> ShardPart:
        """Map the ids and read the bounds.

        Raises:
            DataError: A file is missing, or they do not fit each other.
        """
        ids = _mapped(folder / f"{part}.ids", dtype)
        sentences = _bounds(folder / f"{part}.sentences")
        documents = _bounds(folder / f"{part}.documents")
        if sentences[-1] != len(ids) or documents[-1] != len(sentences) - 1:
            raise DataError(f"{folder}: the files of {part} do not fit each other; build the corpus anew")
        return cls(ids, sentences, documents)


def _mapped(path: Path, dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        size = path.stat().st_size
        # An empty file cannot be mapped.
        return np.memmap(path, dtype, mode="r") if size else np.empty(0, dtype)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); build the corpus anew") from error


def _bounds(path: Path) -> NDArray[np.int64]:
    return np.concatenate([[0], _mapped(path, _ENDS)]).astype(np.int64)

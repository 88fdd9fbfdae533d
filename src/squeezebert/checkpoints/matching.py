"""Whether a checkpoint fits a model, said in one line where it does not."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from squeezebert.checkpoints.arrays import Arrays
from squeezebert.checkpoints.names import TIED_COPIES
from squeezebert.errors import CheckpointError, listed, nearest

# What one model has and another lacks: these may be missing, and then start fresh, or be left over.
PARTS = ("transformer.pooler.", "cls.predictions.", "cls.seq_relationship.", "classifier.", "qa_outputs.")

_UNTIED = "its output embeddings are not tied to the word embeddings, as they are in this network"
_SHOWN = 3
_ALIKE = 0.8  # All names of tensors are somewhat alike.


class Match(NamedTuple):
    """What a model takes from a checkpoint.

    Attributes:
        arrays: The arrays the model has a place for, by published name.
        missing: Names that the checkpoint lacks, in the model's order; they are to be initialised.
    """

    arrays: Arrays
    missing: tuple[str, ...]

    @property
    def missing_parts(self) -> tuple[str, ...]:
        """The parts of the model that are to be initialised, such as "classifier"."""
        return tuple(dict.fromkeys(_part(name).rstrip(".") for name in self.missing))


def match(
    expected: Mapping[str, tuple[int, ...]],
    arrays: Arrays,
    *,
    place: object,
    ignore_mismatched_sizes: bool = False,
) -> Match:
    """Pair the tensors that a model expects with those of a checkpoint.

    Of the parts in ``PARTS``, one that the checkpoint lacks as a whole is reported as missing and one that
    the model lacks is ignored. Everything else must agree.

    Args:
        expected: Shape of each of the model's tensors, by published name.
        arrays: The checkpoint's, by published name.
        place: The checkpoint, to be named in an error.
        ignore_mismatched_sizes: Treat one of ``PARTS`` with a wrong shape as one that is missing.

    Raises:
        CheckpointError: Tensors are missing, unexpected or of another shape; the message names them, the
            nearest match, and the remedy where there is one.
    """
    wrong = _wrong_shapes(expected, arrays)
    if ignore_mismatched_sizes:
        started_fresh = {_part(name) for name in wrong} - {""}
        arrays = {name: array for name, array in arrays.items() if _part(name) not in started_fresh}
        wrong = _wrong_shapes(expected, arrays)
    absent = [name for name in expected if name not in arrays]
    parts_there = {"", *map(_part, arrays)}
    parts_wanted = {"", *map(_part, expected)}
    lacking = [name for name in absent if _part(name) in parts_there]
    unexpected = [name for name in arrays if name not in expected and _part(name) in parts_wanted]
    problems = [
        *_describe("missing", [name + nearest(name, unexpected, cutoff=_ALIKE) for name in lacking]),
        *_describe("unexpected", [name + nearest(name, lacking, cutoff=_ALIKE) for name in unexpected]),
        *_describe("wrong shape", [_shapes(name, expected, arrays) for name in wrong]),
    ]
    if problems:
        remedy = _remedy(wrong, unexpected)
        raise CheckpointError(f"{place}: does not fit the model: {'; '.join(problems)}{remedy}")
    taken = {name: arrays[name] for name in expected if name in arrays}
    return Match(taken, tuple(absent))


def check_tied(arrays: Container[str], place: object) -> None:
    """Refuse to store anew what could not be read again: the word embeddings would stand for what is lost.

    Args:
        arrays: Published names, or arrays by them.
        place: What to name in an error.

    Raises:
        CheckpointError: There are output embeddings of their own, which no network here computes.
    """
    if any(name in arrays for name in TIED_COPIES):
        raise CheckpointError(f"{place}: {_UNTIED}")


def _wrong_shapes(expected: Mapping[str, tuple[int, ...]], arrays: Arrays) -> list[str]:
    return [n for n, shape in expected.items() if n in arrays and arrays[n].shape != tuple(shape)]


def _part(name: str) -> str:
    return next((part for part in PARTS if name.startswith(part)), "")


def _describe(what: str, items: list[str]) -> Iterable[str]:
    if items:
        yield f"{what} {listed(items, _SHOWN)}"


def _shapes(name: str, expected: Mapping[str, tuple[int, ...]], arrays: Arrays) -> str:
    return f"{name} {list(arrays[name].shape)} instead of {list(expected[name])}"


def _remedy(wrong: list[str], unexpected: list[str]) -> str:
    if any(name in TIED_COPIES for name in unexpected):
        return f"; {_UNTIED}"
    if wrong and all(_part(name) for name in wrong):
        return (
            "; give the labels it was trained with, or ignore_mismatched_sizes=True to start that part fresh"
        )
    return ""

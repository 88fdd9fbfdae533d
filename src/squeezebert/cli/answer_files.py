"""What a file of answers holds, by its name: JSON, a table for spreadsheets, vectors, or what is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TextIO

from squeezebert.cli.table import one_by_one
from squeezebert.errors import DataError, OptionError

if TYPE_CHECKING:
    from squeezebert.cli.answering import Answered

Writer = Callable[[Iterable["Answered"], TextIO], None]

# The task whose answers are vectors, which are nothing to read.
VECTORS = "feature-extraction"
_END = "\r\n"
ANSWER = "predicted_"
"""Begins the names of the columns that a table has beside those of the rows."""


def writer_for(output: str | None, task: str, *, as_json: bool) -> Writer | None:
    """Choose how answers are written.

    Args:
        output: The file, which may end in .xz, .gz or .zst, too; None for the standard output.
        task: Name of the task.
        as_json: Whether JSON was asked for; a name that says something else is followed.

    Returns:
        What writes them; None where they are to be read, as on a screen.

    Raises:
        OptionError: The name ends in something else, or in what cannot hold answers of that task.
    """
    ending, is_compressed = ("", False) if output is None else _ending(output)
    if ending not in _WRITERS:
        raise OptionError(f"--output {output}: end the name in {', '.join(filter(None, _WRITERS))}")
    if ending == ".npy" and is_compressed:
        raise OptionError(f"--output {output}: an array is written uncompressed; end the name in .npy")
    if ending in (".csv", ".npy") and (ending == ".npy") != (task == VECTORS):
        fitting = ".npy" if task == VECTORS else ".csv"
        raise OptionError(
            f"--output {output}: answers of {task} do not fit; end the name in {fitting} or .jsonl"
        )
    return _WRITERS[ending] or (write_json_lines if as_json or task == VECTORS else None)


def _ending(output: str) -> tuple[str, bool]:
    """What a name says of the content, and whether that is compressed."""
    # Imported here: a process whose answers are shown does without.
    from squeezebert.data.opening import plain_name

    plain = plain_name(output)
    return PurePath(plain).suffix.lower(), plain != PurePath(output).name


def write_json_lines(answers: Iterable[Answered], stream: TextIO) -> None:
    """Write an object a line: the place of the row, its other columns, what was read of it, its answer."""
    for answered in answers:
        print(_json(answered.to_dict()), file=stream)


def write_json(answers: Iterable[Answered], stream: TextIO) -> None:
    """Write one list of such objects."""
    before = "[\n"
    for answered in answers:
        stream.write(before + _json(answered.to_dict()))
        before = ",\n"
    stream.write("\n]\n")


def write_csv(answers: Iterable[Answered], stream: TextIO) -> None:
    """Write all columns of the rows, and beside them the answers.

    A row with several answers has a line for each, one without any has a line, too. Of labels that were
    compared only the best is written; a guess at a mask says which one of its text, from 1. Lines are held
    back until there is an answer, which names its columns; those of an earlier table are written anew, or
    left out where there is no answer at all. A column ``row`` of the rows' own stays.

    Raises:
        DataError: A row has a column that the first one lacks.
    """
    # Imported here: most answers are shown.
    import csv

    lines = _lines(answers)
    held: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for line in lines:
        held.append(line)
        if line[1]:
            break
    empty = dict.fromkeys(held[-1][1])
    if not empty:
        held = [({n: v for n, v in own.items() if not n.startswith(ANSWER)}, {}) for own, _ in held]
    writer = csv.DictWriter(_Rows(stream), {**held[0][0], **empty}, lineterminator=_END)
    writer.writeheader()
    writer.writerows({**own, **empty, **answer} for own, answer in chain(held, lines))


class _Rows:
    """Takes rows as csv writes them; they end as lines do.

    It quotes only those ends of lines that it writes itself, and readers take each for the end of a row.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: str) -> int:
        return self._stream.write(row.removesuffix(_END) + "\n")


def _lines(answers: Iterable[Answered]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The cells of each line: those of its row, those of its answer."""
    known: set[str] = set()
    for answered in answers:
        own = _cells({"row": answered.number, **answered.row.values})
        known = known or set(own)
        if strange := own.keys() - known:
            raise DataError(
                f"{answered.row.where}: has {', '.join(sorted(strange))}, for which the first row has no "
                "column; end the name of the output in .jsonl"
            )
        for answer in _of_masks(answered.answer) or one_by_one(answered.answer) or [{}]:
            yield own, _cells(answer, ANSWER)


def _of_masks(answer: Any) -> list[dict[str, Any]]:
    """The guesses of fill-mask, each with the number of its mask; nothing of other tasks."""
    if not isinstance(answer, list) or not answer:
        return []
    masks = answer if isinstance(answer[0], list) else [answer]
    return [
        {"mask": number, **guess}
        for number, guesses in enumerate(masks, 1)
        for guess in guesses
        if "token_str" in guess
    ]


def _cells(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    return {
        prefix + name: _json(value) if isinstance(value, (list, tuple, dict)) else value
        for name, value in values.items()
    }


def write_vectors(answers: Iterable[Answered], stream: TextIO) -> None:
    """Write one array for ``numpy.load``: float32 ``[rows, hidden]``, without holding it in memory.

    Raises:
        OptionError: The output is a pipe.
    """
    from numpy.lib.format import write_array_header_1_0

    if not stream.seekable():
        raise OptionError("--output: .npy begins with the number of rows and cannot be piped; use .jsonl")
    file, shape = stream.buffer, (0, 0)
    for count, answered in enumerate(answers, 1):
        vector = answered.answer.astype("<f4")
        shape = (count, *vector.shape)
        if count == 1:
            # It has room for any number of rows, and is written again when they are counted.
            write_array_header_1_0(file, _header(shape))
        file.write(vector.tobytes())
    file.seek(0)
    write_array_header_1_0(file, _header(shape))


def _header(shape: tuple[int, ...]) -> dict[str, Any]:
    return {"descr": "<f4", "fortran_order": False, "shape": shape}


def _json(value: Any) -> str:
    # Parquet files hold dates and the like.
    try:
        return json.dumps(value, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        # A number that is none, as Python's json reads and writes it, is no JSON.
        plain = json.loads(json.dumps(value, default=str), parse_constant=lambda name: None)
        return json.dumps(plain, ensure_ascii=False)


_WRITERS: dict[str, Writer | None] = {
    "": None,
    ".txt": None,
    ".csv": write_csv,
    ".jsonl": write_json_lines,
    ".ndjson": write_json_lines,
    ".json": write_json,
    ".npy": write_vectors,
}

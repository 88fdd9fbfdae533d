"""Parquet in, the format of data sets on the Hugging Face hub; needs the extra ``parquet``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from squeezebert.data.opening import check_file, shown
from squeezebert.data.row import STDIN, Row
from squeezebert.errors import DataError, MissingExtraError

SUFFIX = ".parquet"

_ROWS = 1000
"""Read at once."""


def read_parquet(path: str | Path) -> Iterator[Row]:
    """Give the rows of a file, in bounded memory; nested values are lists and dictionaries.

    Files of the hub hold a label as a number, and its names in their schema, under the key ``huggingface``
    (as `datasets` 5.2 writes it): such numbers become names, and others (-1 where a label is withheld) None.

    Raises:
        DataError: The file is none of this format, is damaged, or is the standard input.
        MissingExtraError: The extra is not installed.
    """
    try:
        import pyarrow  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading .parquet files", "parquet") from error
    check_file(path)
    name = shown(path)
    if str(path) == STDIN:
        raise DataError(f"{name}: parquet cannot be read from a pipe; give the file")
    done = 0
    try:
        with parquet.ParquetFile(path) as file:
            labelled = _labelled(file.schema_arrow.metadata or {})
            for batch in file.iter_batches(_ROWS):
                for values in _without_times(batch).to_pylist():
                    done += 1
                    for column in labelled.keys() & values.keys():
                        values[column] = _named(values[column], labelled[column])
                    yield Row(values, f"{name}: row {done}")
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        place = f"{name}: row {done + 1}" if done else name
        reason = str(error).partition("\n")[0].rstrip(".")
        raise DataError(f"{place}: cannot be read as parquet ({reason}); fetch the file again") from error


def _without_times(batch: Any) -> Any:
    """A batch whose times are strings: Python's know no nanoseconds, no far years and not all zones."""
    import pyarrow

    columns = []
    for column in batch.columns:
        if pyarrow.types.is_temporal(column.type):
            try:
                column = column.cast(pyarrow.string())
            except pyarrow.ArrowInvalid:
                column = column.cast(pyarrow.int64())
        columns.append(column)
    return pyarrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _labelled(metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    """What the hub's schema says of columns with labels; nothing where there is no such schema."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {name: feature for name, feature in features.items() if "ClassLabel" in json.dumps(feature)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _named(value: Any, feature: Any) -> Any:
    """A value with the names of its labels: of lists and dictionaries, too."""
    if isinstance(feature, list) and len(feature) == 1:
        feature = {"feature": feature[0]}
    if value is None or not isinstance(feature, dict):
        return value
    if feature.get("_type") == "ClassLabel" and isinstance(value, int) and (names := feature.get("names")):
        return names[value] if 0 <= value < len(names) else None
    if isinstance(value, list):
        return [_named(item, feature.get("feature")) for item in value]
    if isinstance(value, dict):
        return {key: _named(item, feature.get(key)) for key, item in value.items()}
    return value

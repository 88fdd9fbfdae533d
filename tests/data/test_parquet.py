"""Parquet files become rows; the hub's label numbers become names; what is damaged is told with its place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from squeezebert.corpus import read_documents
from squeezebert.data import load_dataset_rows, read_rows
from squeezebert.data.row import Row
from squeezebert.errors import DataError

STRING = {"dtype": "string", "_type": "Value"}
KINDS = {"names": ["neg", "pos"], "_type": "ClassLabel"}


def write(path: Path, columns: dict[str, list[Any]], features: Any = None, *, rows: int = 1000) -> Path:
    """A file with the schema that `datasets` 5.2 writes, if there are features."""
    table = pa.table(columns)
    if features is not None:
        info = {"info": {"features": features}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    parquet.write_table(table, path, row_group_size=rows)
    return path


def rows(path: Path) -> list[Row]:
    return list(read_rows(path))


def test_rows_are_those_of_the_table(tmp_path: Path) -> None:
    count = 2503
    columns = {
        "text": [f"text {n} — ü" for n in range(count)],
        "tags": [["O"] * (n % 3) for n in range(count)],
        "answers": [{"text": ["a"], "start": [n]} for n in range(count)],
        "score": [None if n % 5 == 0 else n / 7 for n in range(count)],
    }
    found = rows(write(tmp_path / "a.parquet", columns, rows=701))
    assert [row.values for row in found] == [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    assert (found[0].where, found[-1].where) == (
        f"{tmp_path}/a.parquet: row 1",
        f"{tmp_path}/a.parquet: row {count}",
    )


def test_times_that_python_does_not_know_are_text(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "text": ["a"],
        "at": pa.array([1], pa.timestamp("ns")),
        "far": pa.array([10**9], pa.date32()),
        "time": pa.array([1], pa.time64("ns")),
        "long": pa.array([2**60], pa.duration("s")),
        "zone": pa.array([7], pa.timestamp("us", "Nowhere/X")),
    }
    [found] = rows(write(tmp_path / "a.parquet", columns))
    assert found.values["at"] == "1970-01-01 00:00:00.000000001"
    assert (found.values["text"], found.values["time"]) == ("a", "00:00:00.000000001")
    assert found.values["zone"] == 7


@pytest.mark.parametrize(
    ("feature", "stored", "named"),
    [
        (KINDS, [1, 0, -1, None], ["pos", "neg", None, None]),
        ({"feature": KINDS, "_type": "List"}, [[0, 1], [], None], [["neg", "pos"], [], None]),
        ([KINDS], [[1], [1, 1]], [["pos"], ["pos", "pos"]]),
        (KINDS, ["pos", "other"], ["pos", "other"]),
        (
            {"feature": {"kind": KINDS, "at": STRING}, "_type": "List"},
            [[{"kind": 1, "at": "x"}]],
            [[{"kind": "pos", "at": "x"}]],
        ),
        ({"kind": {"feature": KINDS, "_type": "List"}}, [{"kind": [0, 1]}], [{"kind": ["neg", "pos"]}]),
    ],
)
def test_labels_of_the_hub_have_their_names(feature: Any, stored: Any, named: Any, tmp_path: Path) -> None:
    columns = {"label": stored, "idx": list(range(len(stored)))}
    features = {"label": feature, "idx": {"dtype": "int64", "_type": "Value"}, "gone": KINDS}
    found = rows(write(tmp_path / "a.parquet", columns, features))
    assert [row.values["label"] for row in found] == named
    assert [row.values["idx"] for row in found] == columns["idx"]


@pytest.mark.parametrize("features", [None, [], "text", {"label": None}, {"label": {"_type": "ClassLabel"}}])
def test_a_schema_that_says_nothing_changes_nothing(features: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": ["a", "b"], "label": [0, 1]}, features)
    assert [row.values for row in rows(path)] == [{"text": "a", "label": 0}, {"text": "b", "label": 1}]


def test_splits_of_a_folder_of_the_hub(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for number in (1, 0, 2):
        write(data / f"train-0000{number}-of-00003.parquet", {"text": [f"{number}a", f"{number}b"]})
    write(data / "test-00000-of-00001.parquet", {"text": ["t"]})
    write(data / "unsupervised-00000-of-00001.parquet", {"text": ["u"]})
    (data / "notes.csv").write_text("text\nno\n")
    for folder in (tmp_path, data):
        found = load_dataset_rows(folder, split="train")
        assert [row.values["text"] for row in found] == ["0a", "0b", "1a", "1b", "2a", "2b"]
        for split in ("test", "unsupervised"):
            assert [row.values["text"] for row in load_dataset_rows(folder, split=split)] == [split[0]]
    with pytest.raises(DataError, match="say which with --split: train, test, unsupervised"):
        load_dataset_rows(tmp_path)
    (data / "train-00001-of-00003.parquet").unlink()
    with pytest.raises(DataError, match="of the 3 files of the split train, number 1 is missing"):
        load_dataset_rows(tmp_path, split="test")


def test_documents_of_a_corpus(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"id": ["1", "2"], "text": ["One.\n\nTwo.", "Three."]})
    assert [document.paragraphs for document in read_documents(path)] == [["One.", "Two."], ["Three."]]
    with pytest.raises(DataError, match=r'b.parquet: row 1: has no string "text"; each row'):
        list(read_documents(write(tmp_path / "b.parquet", {"body": ["One."]})))


def test_damage_is_told_with_the_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": [f"{n} " * 50 for n in range(3000)]}, rows=1500)
    whole = path.read_bytes()
    path.write_bytes(whole[:-50])
    with pytest.raises(DataError, match=r"a\.parquet: cannot be read as parquet \(.*\); fetch the file"):
        rows(path)
    half = len(whole) // 2
    path.write_bytes(whole[:half] + bytes(2000) + whole[half + 2000 :])
    with pytest.raises(DataError, match=r"a\.parquet: row \d+: cannot be read as parquet"):
        rows(path)
    path.write_text("text\nno parquet\n")
    with pytest.raises(DataError, match=r"a\.parquet: cannot be read as parquet"):
        rows(path)
    with pytest.raises(DataError, match="no such file"):
        rows(tmp_path / "none.parquet")
    with pytest.raises(DataError, match="stdin: parquet cannot be read from a pipe; give the file"):
        list(read_rows("-", format="parquet"))


def test_without_the_extra_the_error_says_what_to_install(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {"text": ["a"]})
    script = (
        "import sys; sys.modules['pyarrow'] = None; "
        "from squeezebert.cli import main; sys.exit(main(['predict', '--input', 'a.parquet']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "reading .parquet files" in done.stderr
    assert "squeezebert[parquet]" in done.stderr
    assert "Traceback" not in done.stderr

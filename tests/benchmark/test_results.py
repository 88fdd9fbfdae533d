"""Statistics, ratios, and files that runs of subsets are merged into."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.benchmark import MODELS, Results
from squeezebert.benchmark.plan import Contestant, Group
from squeezebert.benchmark.results import Conditions
from squeezebert.benchmark.schedule import CEILING_WORK, GroupRun, Measured, Settings
from squeezebert.benchmark.summary import Summary
from squeezebert.benchmark.table import markdown, table
from squeezebert.benchmark.workloads import Batch
from squeezebert.costs import encoder_operations
from squeezebert.errors import OptionError
from tests.benchmark.fakes import fake, fake_reference, quick

BATCHES = {
    "1x32": Batch([[101] * 32], "random words"),
    "32-sentences": Batch([[101] * length for length in range(5, 37)], "a test"),
}
MACHINE = {"cpu": "a processor", "cores": 2}


def conditions(**changes: Any) -> Conditions:
    values: dict[str, Any] = {
        "threads": 2, "machine": MACHINE, "versions": {"python": "3.11"}, "works": BATCHES,
        "missing": {}, **changes
    }  # fmt: skip
    return Conditions(**values)


def measured(contestant: Contestant, work: str, *turns: list[float]) -> Measured:
    return Measured(contestant, work, list(turns), spent=1.0)


def group_run(rows: list[Measured], started: float = 0.0, **changes: Any) -> GroupRun:
    contestants = tuple(dict.fromkeys(row.contestant for row in rows))
    values: dict[str, Any] = {
        "group": Group(contestants[-1].model.family, contestants), "rows": rows, "ceilings": [],
        "skipped": {}, "started": started, "took": 1.0, "load_before": 0.0, "others": 0.01, **changes,
    }  # fmt: skip
    return GroupRun(**values)


def settings() -> Settings:
    return quick(Path("unused"))


def row_of(results: Results, peer: str, work: str = "1x32") -> dict[str, Any]:
    (row,) = [row for row in results.fields["rows"] if (row["peer"], row["work"]) == (peer, work)]
    return row  # type: ignore[no-any-return]


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=30))
def test_quartiles_are_those_of_numpy(values: list[float]) -> None:
    summary = Summary.of(values)
    assert summary.median == pytest.approx(median(values))
    assert summary.lower_quartile == pytest.approx(np.quantile(values, 0.25))
    assert summary.upper_quartile == pytest.approx(np.quantile(values, 0.75))
    assert summary.count == len(values)


def test_ratios_are_against_the_reference_of_the_same_run() -> None:
    reference, peer = fake_reference(), fake("double")
    bert = fake("double", MODELS["bert-base"])
    # In its third round the machine was slower, and the peer had had its time.
    first = group_run([measured(reference, "1x32", [2, 2], [3], [9]), measured(peer, "1x32", [5], [5, 10])])
    # A busier minute: the reference takes ten times as long, and its new times are no row.
    second = group_run([measured(reference, "1x32", [20]), measured(bert, "1x32", [80])], started=60.0)
    results = Results.empty(conditions()).add(first, settings()).add(second, settings())
    assert [(row["peer"], row["model"], row["ratio"]) for row in results.fields["rows"]] == [
        ("squeezebert-int8", "squeezebert", 1.0),
        ("double", "squeezebert", 2.5),
        ("double", "bert-base", 4.0),
    ]
    assert [run["id"] for run in results.fields["runs"]] == [
        "1970-01-01T00:00:00Z squeezebert", "1970-01-01T00:01:00Z bert-base"
    ]  # fmt: skip
    row = results.fields["rows"][1]
    assert (row["median"], row["count"], row["turns"], row["reference_median"]) == (5, 3, 2, 2.5)


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    reference, peer = fake_reference(), fake("double")
    # The machine slows down between the rounds, by which the ratio of the medians would be 6.
    run = group_run(
        [measured(reference, "1x32", [1.0], [1.0], [10.0]), measured(peer, "1x32", [2.0], [6.0], [40.0])]
    )
    row = row_of(Results.empty(conditions()).add(run, settings()), "double")
    assert row["ratio"] == 4.0
    assert row["ratio_quartiles"] == [3.0, 5.0]


def test_without_the_reference_there_are_no_ratios() -> None:
    run = group_run([measured(fake("double"), "1x32", [5.0])])
    results = Results.empty(conditions()).add(run, settings())
    assert row_of(results, "double")["ratio"] is None
    assert "×)" not in table(results)


def test_a_new_measurement_replaces_the_old_one(tmp_path: Path) -> None:
    reference, peer = fake_reference(), fake("double")
    both = [
        measured(reference, "1x32", [1.0]), measured(peer, "1x32", [4.0]),
        measured(reference, "32-sentences", [1.0]), measured(peer, "32-sentences", [8.0]),
    ]  # fmt: skip
    path = tmp_path / "results.json"
    broken = {fake("nothing"): "no weights"}
    Results.empty(conditions()).add(group_run(both, skipped=broken), settings()).write(path)
    earlier = Results.read(path)
    new = Results.empty(conditions())
    new.check_extends(earlier, path)
    again = group_run(
        [
            measured(reference, "1x32", [1.0]),
            measured(peer, "1x32", [3.0]),
            measured(fake("nothing"), "1x32", [6.0]),
        ],
        started=60.0,
    )
    merged = new.merged(earlier).add(again, settings())
    assert row_of(merged, "double")["ratio"] == 3.0
    assert row_of(merged, "double", "32-sentences")["ratio"] == 8.0
    assert merged.fields["skipped"] == []
    assert len(merged.fields["rows"]) == 5
    assert len(merged.fields["runs"]) == 2
    json.dumps(merged.fields)
    # What fails now is said, though it has been measured before.
    failed = merged.add(
        group_run([measured(reference, "1x32", [1.0])], started=120.0, skipped={peer: "gone"}), settings()
    )
    assert [row["reason"] for row in failed.fields["skipped"]] == ["gone"]
    assert row_of(failed, "double")["ratio"] == 3.0
    assert failed.add(again, settings()).fields["skipped"] == []


def test_runs_without_rows_are_forgotten() -> None:
    rows = [measured(fake_reference(), "1x32", [1.0])]
    results = Results.empty(conditions())
    for minute in range(3):
        results = results.add(group_run(rows, started=60.0 * minute), settings())
    assert [run["id"] for run in results.fields["runs"]] == ["1970-01-01T00:02:00Z squeezebert"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threads": 1}, "other threads"),
        ({"machine": {"cpu": "another", "cores": 2}}, "other machine"),
        ({"versions": {"python": "3.12"}}, "other versions"),
        ({"works": {"1x32": Batch([[101] * 31], "random words")}}, "other texts of 1x32"),
    ],
)
def test_what_cannot_be_compared_is_not_merged(changes: dict[str, Any], message: str) -> None:
    earlier = Results.empty(conditions())
    with pytest.raises(OptionError, match=message):
        Results.empty(conditions(**changes)).check_extends(earlier, Path("old.json"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 99}', '{"schema": 2}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(OptionError, match=r"results\.json"):
        Results.read(path)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("rows", {"model": "gone"}),
        ("rows", {"work": "gone"}),
        ("rows", {"median": 0}),
        ("rows", {"median": "1"}),
        ("rows", {"ratio": "1"}),
        ("runs", {"share_of_others": []}),
        ("works", {"lengths": None}),
        ("works", {"texts": "8"}),
    ],
    ids=str,
)
def test_values_that_nothing_can_be_made_of_are_refused(
    tmp_path: Path, part: str, change: dict[str, Any]
) -> None:
    """Else the end of an hour of measuring would be a traceback."""
    path = tmp_path / "results.json"
    results = Results.empty(conditions()).add(
        group_run([measured(fake_reference(), "1x32", [1.0])]), settings()
    )
    fields = json.loads(json.dumps(results.fields))
    entries = fields[part]
    entries = entries if isinstance(entries, list) else [entries["1x32"]]
    entries[0].update(change)
    path.write_text(json.dumps(fields))
    with pytest.raises(OptionError, match=r"results\.json: holds no results of this version"):
        Results.read(path)


@pytest.mark.parametrize("name", ["rows", "works", "runs", "ceilings", "missing"])
def test_files_that_lack_a_part_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "results.json"
    results = Results.empty(conditions()).add(
        group_run([measured(fake_reference(), "1x32", [1.0])]), settings()
    )
    results.write(path)
    assert Results.read(path).fields == json.loads(path.read_text())
    for damaged in (None, [{}]):
        path.write_text(json.dumps({**results.fields, name: damaged}))
        with pytest.raises(OptionError, match=r"results\.json: holds no results of this version"):
            Results.read(path)


def test_shares_of_the_ceiling() -> None:
    reference, ceiling = fake_reference(), fake("double")
    ceiling = type(ceiling)(
        type(ceiling.peer)("c", "int8 dot products", "ceiling", "int8", "m:f"), ceiling.model
    )
    run = group_run(
        [measured(reference, "1x32", [10.0]), measured(reference, "32-sentences", [10.0])],
        ceilings=[measured(ceiling, CEILING_WORK, [800.0])],
    )
    results = Results.empty(conditions()).add(run, settings())
    config = MODELS["squeezebert"].config
    assert config is not None
    operations = sum(encoder_operations(config, 32).values())
    row = row_of(results, "squeezebert-int8")
    assert row["gop_per_second"] == pytest.approx(operations / 0.010 / 1e9)
    assert row["share_of_ceiling"] == pytest.approx(operations / 0.010 / 800e9)
    # Of texts of several lengths each counts with its own.
    ragged = sum(sum(encoder_operations(config, length).values()) for length in range(5, 37))
    assert row_of(results, "squeezebert-int8", "32-sentences")["gop_per_second"] == pytest.approx(
        ragged / 1e7
    )


def test_the_table_shows_every_row_and_who_was_skipped() -> None:
    reference, peer = fake_reference(), fake("double")
    rows = [
        measured(reference, "1x32", [4.0]), measured(peer, "1x32", [1234.0]),
        measured(reference, "32-sentences", [20.0]),
    ]  # fmt: skip
    run = group_run(rows, skipped={fake("nothing"): "no weights"})
    lines = table(Results.empty(conditions()).add(run, settings())).splitlines()
    assert "| SqueezeBERT      |            1x32 |    32-sentences |" in lines
    assert "| squeezebert int8 |     4.0 (1.00×) | 1,600/s (1.00×) |" in lines
    assert "| double           | 1,234 (308.50×) |               – |" in lines
    assert "- skipped: nothing on squeezebert: no weights" in lines
    assert "Other processes took 1.0% of the machine at most." in lines[0]


def test_markdown_columns_are_aligned() -> None:
    lines = list(markdown([["a", "bcd"], ["wide", "e"]]))
    assert lines == ["| a    | bcd |", "|------|----:|", "| wide |   e |"]

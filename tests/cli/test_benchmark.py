"""`benchmark` says what it would do, refuses nonsense before it measures, and writes what it measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from squeezebert.benchmark import MODELS, PEERS, Peer
from squeezebert.benchmark.peers import CEILINGS, REFERENCE
from tests.cli.conftest import Run

Program = Callable[..., Run]
FAST = ("--rounds", "3", "--seconds", "0.001", "--threads", "1", "--models", "squeezebert", "--work", "1x32")


@pytest.fixture
def fake_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference takes 32 ms, another peer 64 ms, and two do not run."""
    fakes: Mapping[str, Peer] = {
        REFERENCE: Peer(REFERENCE, "ours", "squeezebert", "int8", "tests.benchmark.fakes:load_counter"),
        "double": Peer("double", "twice", "other", "int8", "tests.benchmark.fakes:load_double"),
        "nothing": Peer("nothing", "none", "other", "int8", "tests.benchmark.fakes:load_nothing"),
        "absent": Peer("absent", "absent", "other", "int8", "x:y", requires=("no_such_module",)),
    }
    monkeypatch.setattr("squeezebert.benchmark.plan.PEERS", fakes)
    monkeypatch.setattr("squeezebert.benchmark.plan.CEILINGS", {})


def test_a_dry_run_names_everything(squeezebert: Program) -> None:
    run = squeezebert("benchmark", "--dry-run", "--json")
    assert run.code == 0, run.err
    plan = json.loads(run.out)
    missing = {} if plan["missing"] == "none" else plan["missing"]
    assert {*plan["peers"], *plan["ceilings"], *missing} == {*PEERS, *CEILINGS}
    assert plan["models"] == list(MODELS) or missing
    assert plan["rounds"] == 5


def test_a_dry_run_of_a_subset(squeezebert: Program) -> None:
    run = squeezebert(
        "benchmark", "--dry-run", "--json", "--peers", "squeezebert-fp32", "--models", "bert-base,minilm-l6",
        "--work", "1x32", "--work", "1x128", "--threads", 3,
    )  # fmt: skip
    plan = json.loads(run.out)
    assert plan["peers"] == [REFERENCE, "squeezebert-fp32"]
    assert plan["models"] == ["squeezebert", "bert-base", "minilm-l6"]
    assert (plan["works"], plan["rows"], plan["threads"]) == (["1x32", "1x128"], 8, 3)


@pytest.mark.usefixtures("fake_peers")
def test_results_are_shown_and_written(squeezebert: Program, tmp_path: Path) -> None:
    output, table = tmp_path / "results.json", tmp_path / "table.md"
    run = squeezebert("benchmark", *FAST, "--output", output, "--table", table, "--cache", tmp_path / "cache")
    assert run.code == 0, run.err
    assert "32.0 (1.00×)" in run.out
    assert "64.0 (2.00×)" in run.out
    assert "- skipped: nothing on squeezebert: RuntimeError: no weights for this" in run.out
    assert "- skipped: absent needs no_such_module" in run.out
    assert run.err == (
        "squeezebert: skipped: absent needs no_such_module: pip install 'squeezebert[bench]'\n"
        "squeezebert: skipped: nothing on squeezebert: RuntimeError: no weights for this\n"
    )
    assert table.read_text() == run.out
    results = json.loads(output.read_text())
    assert {
        "schema", "what", "reference", "machine", "threads", "versions", "works", "models", "runs",
        "ceilings", "rows", "skipped", "missing",
    } == set(results)  # fmt: skip
    assert {"cpu", "cores", "vector_flags", "system"} <= set(results["machine"])
    (row,) = [row for row in results["rows"] if row["peer"] == "double"]
    assert {
        "peer", "title", "runtime", "precision", "model", "work", "median", "lower_quartile",
        "upper_quartile", "count", "turns", "run", "ratio", "ratio_quartiles", "reference_median",
        "gop_per_second",
    } == set(row)  # fmt: skip
    assert row["run"] in {run["id"] for run in results["runs"]}


def test_nothing_that_could_be_measured_is_an_error(
    squeezebert: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    none = Peer(REFERENCE, "ours", "squeezebert", "int8", "tests.benchmark.fakes:load_nothing")
    monkeypatch.setattr("squeezebert.benchmark.plan.PEERS", {REFERENCE: none})
    monkeypatch.setattr("squeezebert.benchmark.plan.CEILINGS", {})
    run = squeezebert("benchmark", *FAST, "--cache", tmp_path / "cache", "--table", tmp_path / "table.md")
    assert run.code == 2
    assert "skipped" in run.err
    assert "nothing could be measured" in run.err
    assert not (tmp_path / "table.md").exists()


@pytest.mark.usefixtures("fake_peers")
def test_rows_of_other_instruction_sets_do_not_come_together(
    squeezebert: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "results.json"
    assert squeezebert("benchmark", *FAST, "--output", output).code == 0
    monkeypatch.setenv("SQUEEZEBERT_ISA", "portable")
    assert "was measured with other machine" in squeezebert("benchmark", *FAST, "--output", output).error
    monkeypatch.setenv("SQUEEZEBERT_ISA", "avx3")
    run = squeezebert("benchmark", *FAST, "--dry-run")
    assert "SQUEEZEBERT_ISA 'avx3' is not one of " in run.error


@pytest.mark.usefixtures("fake_peers")
def test_subsets_come_together_in_one_file(squeezebert: Program, tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    for work in ("1x32", "1x128"):
        run = squeezebert(
            "benchmark", *FAST[:-1], work, "--output", output, "--json", "--peers", "double",
            "--cache", tmp_path,
        )  # fmt: skip
        assert run.code == 0, run.err
    rows = json.loads(output.read_text())["rows"]
    assert {(row["peer"], row["work"], row["median"]) for row in rows} == {
        (REFERENCE, "1x32", 32.0), ("double", "1x32", 64.0),
        (REFERENCE, "1x128", 128.0), ("double", "1x128", 256.0),
    }  # fmt: skip
    assert json.loads(run.out)["rows"] == rows
    other = squeezebert("benchmark", *FAST, "--threads", "2", "--output", output)
    assert "was measured with other threads" in other.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rounds", "0"), "--rounds 0 is not positive"),
        (("--seconds", "nan"), "--seconds nan is not positive"),
        (("--threads", "0"), "threads 0 is not positive"),
        (("--peers", "tourch"), "there is no peer 'tourch' (nearest: 'torch'); there is "),
        (("--output", "no/such/folder.json"), "there is no folder no/such"),
        (("--chart", "chart.pdf"), ".png, .svg"),
        (("--output", "a.json", "--table", "./a.json"), "a.json, ./a.json: two of them are one file"),
    ],
)
def test_nonsense_is_refused(squeezebert: Program, arguments: tuple[str, ...], message: str) -> None:
    assert message in squeezebert("benchmark", *arguments).error


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_what_cannot_be_written_is_found_before_anything_is_measured(
    squeezebert: Program, tmp_path: Path, more: tuple[str, ...]
) -> None:
    file = tmp_path / "notes.json"
    file.write_text("not JSON")
    assert "notes.json: is not valid JSON" in squeezebert("benchmark", *FAST, "--output", file, *more).error
    assert (
        "notes.json: is a file; give a folder"
        in squeezebert("benchmark", *FAST, "--cache", file, *more).error
    )


def test_help_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from squeezebert.cli import main; assert main(['benchmark', '--help']) == 0;"
        "assert not {'torch', 'numpy', 'tqdm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

"""The embedded model learns from nothing that it is measured on, or that its licence forbids."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distill_trunk import SETS
from plan import HEADS, MEASURED, ROWS, RUNS, SHIPPED, STARTS, TRUNK, before, rows_of
from squeezebert.cli.train import command
from squeezebert.config import SqueezeBertConfig
from squeezebert.data import load_dataset_rows
from squeezebert.tasks import TASK_NAMES, TRAINED_TASKS
from squeezebert.tokenization import SqueezeBertTokenizerFast
from workshop import MINI

# Non-commercial, or for research only, as their publishers say.
NOT_TO_BE_SHIPPED = {
    "glue/MRPC", "glue/STS-B", "glue/QQP-subset", "glue/CoLA", "glue/RTE", "nli/sick", "ner/wikineural-en",
    "cls/ag-news-test", "mc/openbookqa", "mc/piqa-valid",
}  # fmt: skip
OF_TRUNK = {f"{place}:{split}" if split else place for place, split, _ in SETS}


def test_nothing_learns_from_what_is_measured() -> None:
    measured = {row.data for row in ROWS.values()}
    learnt = OF_TRUNK.union(*(run.train for run in RUNS.values()))
    assert not measured & learnt
    # A set without named splits is used on one side only.
    whole = {which for which in learnt if which.endswith(":all") or ":" not in which}
    assert not {which.split(":")[0] for which in whole} & {which.split(":")[0] for which in measured}
    assert not [which for which in learnt if which.endswith(":test")]


def test_what_is_shipped_learns_only_from_what_may_be_shipped() -> None:
    shipped = {*HEADS, *(name for head in HEADS for name in before(head))}
    learnt = OF_TRUNK.union(*(RUNS[name].train for name in shipped))
    assert not {which.split(":")[0] for which in learnt} & NOT_TO_BE_SHIPPED


def test_every_head_has_a_bar_and_every_row_a_model() -> None:
    assert all(any(row.bar is not None for row in rows_of(name).values()) for name in SHIPPED)
    assert {row.model for row in ROWS.values()} == {TRUNK, *HEADS, *MEASURED}
    assert {TRUNK, *STARTS} <= {run.start for run in RUNS.values()} <= {TRUNK, *RUNS}
    assert set(SHIPPED) <= set(TASK_NAMES)
    assert all(row.bar in ROWS for row in ROWS.values() if isinstance(row.bar, str))


OPTIONS = {name: run.options for name, run in RUNS.items()} | {
    f"teacher of {name}": run.teacher for name, run in RUNS.items() if run.teacher is not None
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_command_understands_the_options_of_a_run(options: str) -> None:
    with command.make_context("train", ["rows.jsonl", *options.split()]) as context:
        assert context.params["learning_rate"] > 0


@pytest.mark.parametrize("name", [name for name in SHIPPED if (MINI / name).exists()])
def test_a_shipped_head_reads_as_much_at_once_as_it_learnt_from(name: str) -> None:
    longest = SqueezeBertConfig.from_pretrained(MINI).max_position_embeddings
    with command.make_context("train", ["rows.jsonl", *HEADS[name].options.split()]) as context:
        learnt = context.params["max_length"] or longest
    assert SqueezeBertTokenizerFast.from_pretrained(MINI / name).model_max_length == learnt


def test_every_run_is_of_a_task_that_can_be_trained() -> None:
    assert {run.task for run in RUNS.values()} <= {*TRAINED_TASKS}


@pytest.mark.long
@pytest.mark.skipif("SQUEEZEBERT_DATA" not in os.environ, reason="SQUEEZEBERT_DATA is not set")
def test_the_sets_of_entities_have_the_same_three_types() -> None:
    data = Path(os.environ["SQUEEZEBERT_DATA"])
    tags = set()
    for which in HEADS["token-classification"].train:
        place, _, split = which.partition(":")
        tags.update(tag for row in load_dataset_rows(data / place, split=split) for tag in row.values["tags"])
    assert tags == {"O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"}

"""From a trunk and rows to an embedded model: every piece of work once, and only good heads are shipped."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import measure
import ship
import unlabelled
import workshop
from equal_words import look_for_equal_words
from plan import ROWS, RUNS, TRUNK
from squeezebert import modeling, pipeline
from squeezebert.checkpoints.safetensors_file import read_safetensors
from squeezebert.cli import main
from squeezebert.tokenization import SqueezeBertTokenizerFast
from tests.cli.conftest import save_tiny_model

TAGGED = "ada B-PER\nis O\nin O\nlondon B-LOC\n\n" * 7
ARTICLE = (
    '<doc id="{0}" url="u" title="t">\nt\n\nThe film {0} is good in London. '
    + 30 * "Ada is good. "
    + "\n\nToo short.\n</doc>\n"
)
GOOD, BAD = ["the film is good", "ada is good", "good"], ["the film is bad", "london is bad", "bad"]


@pytest.fixture
def trunk(tmp_path: Path) -> Path:
    folder = save_tiny_model(tmp_path / "trunk", "fill-mask", num_hidden_layers=4)
    result = {"steps": 13, "tokens": 7919, "seconds": 5.0, "precision": "fp32"}
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    report = {"student": "new", "config": config, "result": result, "settings": {}}
    (folder / "training.json").write_text(json.dumps(report), encoding="utf-8")
    return folder


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SST-2, STS-B, AG News, choices and entities, very small."""
    for row in ("commonsenseqa-similarity", "codah-similarity"):
        monkeypatch.setitem(ROWS, row, replace(ROWS[row], data="mc/choices.jsonl"))
    root = tmp_path / "data"
    rows = [f"{text}\t{label}" for label, texts in ((1, GOOD), (0, BAD)) for text in texts]
    pairs = "\n".join(f"main-news\tx\t2011\t{n}\t{n}.5\t{text}\t{BAD[0]}" for n, text in enumerate(GOOD))
    news = "\n".join(f'"{n}","{text}","in london"' for n, text in enumerate(GOOD, 1))
    files = {
        "glue/SST-2/train.tsv": "\n".join(["sentence\tlabel", *rows * 7]),
        "glue/SST-2/dev.tsv": "\n".join(["sentence\tlabel", *rows]),
        "glue/STS-B/sts-test.tsv": pairs,
        "cls/ag-news-test/test.csv": news,
        "mc/choices.jsonl": json.dumps({"prompt": GOOD[0], "choices": [GOOD[1], BAD[0]], "label": 0}),
        "ner/tagged.conll": TAGGED,
        "enwiki_2015/wiki.txt": "".join(ARTICLE.format(number) for number in range(95, 107)),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n", encoding="utf-8")
    return root


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The commands that are run, in this process; teachers start from a tiny model."""
    start = save_tiny_model(tmp_path / "teacher", "fill-mask", num_hidden_layers=1)
    monkeypatch.setattr(workshop, "teacher_folder", lambda: start)
    ran: list[list[str]] = []

    def run(*arguments: Any) -> None:
        ran.append([str(argument) for argument in arguments])
        if code := main(ran[-1]):
            raise SystemExit(code)

    monkeypatch.setattr(workshop, "squeezebert_command", run)
    return ran


def opened(data: Path, trunk: Path, runs: Path, **more: Any) -> workshop.Workshop:
    here = workshop.Workshop(data, trunk, runs, **more)
    here.claim()
    return here


def call(recipe: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["recipe.py", *map(str, arguments)])
    recipe.main()


def test_from_a_trunk_to_an_embedded_model(
    data: Path, trunk: Path, tmp_path: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlabelled, "_NEIGHBOURS", 2)
    sentiment, entities = names = ("text-classification", "token-classification")
    of_blocks = "--epochs 1 --blocks 3 --freeze-blocks 1"
    # Trunk and teacher have fewer blocks here than those that the head's own options compare.
    of_layers = "--epochs 1 --freeze-embeddings --teacher-precision torch --layers 1=1"
    changes = {
        sentiment: {"unlabelled": 7, "options": of_layers},
        entities: {
            "train": ("ner/tagged.conll",), "options": "--epochs 1 --freeze-blocks 1 --max-length 31",
            "start": "first",
        },
    }  # fmt: skip
    for name, change in changes.items():
        monkeypatch.setitem(RUNS, name, replace(RUNS[name], **change))
    first = replace(RUNS[entities], start=TRUNK, teacher="--epochs 1", options=of_blocks)
    monkeypatch.setitem(RUNS, "first", first)
    monkeypatch.setitem(ROWS, "sst-2", replace(ROWS["sst-2"], bar=0))
    for row in ("uner-ewt", "wikiann"):
        monkeypatch.setitem(ROWS, row, replace(ROWS[row], data="ner/tagged.conll", bar=0))
    out = tmp_path / "mini"
    (out / "left-over").mkdir(parents=True)
    asked = ("--data", data, "--trunk", trunk, "--runs", tmp_path / "runs", "--tasks", *names)
    call(ship, monkeypatch, *asked, "--out", out)
    trained = [command for command in commands if command[0] == "train"]
    starts = [command[command.index("--from") + 1] for command in trained]
    # Teachers start from the model that taught the trunk, and what learnt entities from one goes on.
    taught = [str(tmp_path / "teacher"), str(trunk)]
    assert starts == [*taught, *taught, str(tmp_path / "runs" / "first")]
    texts = Path(trained[1][trained[1].index("--unlabelled") + 1])
    assert len(texts.read_text(encoding="utf-8").splitlines()) == 7
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == [*names]
    answer = pipeline(sentiment, out / sentiment)(GOOD[0])
    assert answer[0]["label"] in ("negative", "positive")
    assert isinstance(pipeline(entities, out / entities)("ada is in london"), list)
    assert not list(out.glob("*/vocab.txt"))
    # What a head reads at once is its own, where it is less than the trunk's.
    assert [path.parent.name for path in out.glob("*/tokenizer_config.json")] == [entities]
    assert SqueezeBertTokenizerFast.from_pretrained(out / entities).model_max_length == 31
    # A head holds the blocks that were adapted; word embeddings and the rest are the trunk's.
    for name, blocks in ((sentiment, {"0", "1", "2", "3"}), (entities, {"1", "2"})):
        own = read_safetensors(out / name / "model.safetensors")
        assert {part.split(".")[3] for part in own if "layers" in part} == blocks
        assert not [part for part in own if "word_embeddings" in part]
    assert "7,919 tokens" in (out / "README.md").read_text(encoding="utf-8")
    card = (out / sentiment / "README.md").read_text(encoding="utf-8")
    assert "| SST-2 dev | accuracy |" in card
    assert "whose word embeddings it keeps" in card
    # Again: everything is there already. A head whose bar is out of reach goes, one not asked for stays.
    for row in ("sst-2", "uner-ewt"):
        monkeypatch.setitem(ROWS, row, replace(ROWS[row], bar=101))
    done = len(commands)
    # What a teacher taught needs it no more.
    shutil.rmtree(tmp_path / "runs" / "teachers")
    call(ship, monkeypatch, *asked[:-1], "--out", out)
    assert [path.name for path in out.iterdir() if path.is_dir()] == [entities]
    call(ship, monkeypatch, *asked, "--out", out)
    assert len(commands) == done
    assert not [path for path in out.iterdir() if path.is_dir()]


def test_a_run_may_start_from_heads_that_look_for_equal_words(
    data: Path, trunk: Path, tmp_path: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = []

    def prepare(source: Path, out: Path, change: object) -> Path:
        prepared.append((source, change))
        return Path(shutil.copytree(source, out, dirs_exist_ok=True))

    monkeypatch.setattr(workshop, "prepare", prepare)
    changes = {"teacher": None, "unlabelled": 0, "compares": True, "options": "--epochs 1"}
    run = replace(RUNS["text-classification"], **changes)
    names = ("text-classification", "sts-b-pairs")
    for name in names:
        monkeypatch.setitem(RUNS, name, run)
    here = opened(data, trunk, tmp_path / "runs")
    for name in names:
        here.full(name)
    starts = [command[command.index("--from") + 1] for command in commands]
    assert starts == [str(tmp_path / "runs" / "comparing" / "trunk")] * 2
    assert prepared == [(trunk, look_for_equal_words)] * 2


def test_a_card_names_what_its_head_learnt_before() -> None:
    """Data and teacher of the run that it went on from have licences, too."""
    assert "look for equal words" in ship.head_card("question-answering", {"squad": {}})
    card = ship.head_card("multiple-choice", {"commonsenseqa": {}})
    assert "look for equal words" not in card
    assert "CommonsenseQA (MIT)" in card
    assert "SNLI (CC BY-SA 4.0)" in card
    assert "all-MiniLM-L6-v2 (Apache-2.0)" in card


@pytest.fixture
def learnt_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The head that fills masks learns above four blocks, as many as the trunk here has."""
    options = "--epochs 1 --freeze-blocks 4"
    run = replace(RUNS["fill-mask"], train=("enwiki_2015:paragraphs",), options=options)
    monkeypatch.setitem(RUNS, "fill-mask", run)


@pytest.mark.usefixtures("commands", "learnt_masks")
def test_the_head_that_fills_masks_is_little_more_than_the_trunk(
    data: Path, trunk: Path, tmp_path: Path
) -> None:
    here = opened(data, trunk, tmp_path / "runs")
    own = read_safetensors(here.stored("fill-mask") / "model.safetensors")
    assert own
    assert all(name.startswith("cls.predictions.") for name in own)
    full, stored = (
        pipeline("fill-mask", folder, precision="fp32")("the film is [MASK]")
        for folder in (here.full("fill-mask"), here.stored("fill-mask"))
    )
    assert stored[0]["score"] == pytest.approx(full[0]["score"], abs=0.05)


def test_the_embedded_trunk_is_taken_as_it_is_stored(data: Path, trunk: Path, tmp_path: Path) -> None:
    """So that heads of it fit the one that is shipped, bit by bit."""
    embedded = tmp_path / "embedded"
    ship.ship(opened(data, trunk, tmp_path / "first"), [], {}, embedded)
    here = opened(data, embedded, tmp_path / "second")
    assert workshop.digest(here.stored(TRUNK)) == workshop.digest(embedded)
    pipeline("feature-extraction", here.stored(TRUNK))(GOOD[0])
    before = here.stored(TRUNK)
    ship.ship(here, [], {}, embedded)
    assert workshop.is_current(before / workshop.WEIGHTS, embedded / workshop.WEIGHTS)


def changed(model: Any, names: str) -> Any:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if re.search(names, name):
                parameter.mul_(-1.25)
    return model


def test_heads_stay_above_a_trunk_that_kept_what_they_share(data: Path, trunk: Path, tmp_path: Path) -> None:
    """That of entities takes embeddings and the first block from the trunk, the other one all blocks."""
    out, first = tmp_path / "mini", opened(data, trunk, tmp_path / "first")
    ship.ship(first, [], {}, out)
    heads = {
        "fill-mask": (modeling.SqueezeBertForMaskedLM, "cls"),
        "token-classification": (modeling.SqueezeBertForTokenClassification, r"layers\.[1-3]\.|classifier"),
    }
    for task, (head, own) in heads.items():
        model = changed(head.from_pretrained(trunk), own)
        model.save_pretrained(out / task, dtype="int8", base=out)
    assert workshop.staying(out, first.stored(TRUNK)) == list(heads)
    stays = {r"layers\.2\.": ["token-classification"], r"layers\.0\.": [], "word_emb": []}
    for number, (names, stay) in enumerate(stays.items()):
        other = shutil.copytree(trunk, tmp_path / f"trunk{number}")
        changed(modeling.SqueezeBertForMaskedLM.from_pretrained(trunk), names).save_pretrained(other)
        here = opened(data, other, tmp_path / f"runs{number}")
        assert workshop.staying(out, here.stored(TRUNK)) == stay


def test_results_of_a_model_that_was_trained_anew_do_not_count(
    data: Path, trunk: Path, tmp_path: Path
) -> None:
    here = opened(data, trunk, tmp_path / "runs")
    piece = {"metrics": {"matthews": 0.125}, "rows": 7, "backend": "x", "seconds": 1.0, "versions": {}}
    here.piece("cola", "int8").write_text(json.dumps(piece), encoding="utf-8")
    results = measure.collect(here)
    assert "| CoLA dev | Matthews | 12.5 |  |  | 0.0 |" in measure.table(results)
    assert measure.table(results, "rte").count("\n") == 2
    report = {
        "result": {"seconds": 90.0, "steps": 3, "tokens": 5, "precision": "fp32"},
        "data": {"training": {"rows": 11}}, "settings": {"epochs": 2, "steps": None},
    }  # fmt: skip
    (here.runs / "cola").mkdir()
    (here.runs / "cola" / "training.json").write_text(json.dumps(report), encoding="utf-8")
    os.utime(here.piece("cola", "int8"), (1, 1))
    assert measure.collect(here) == {}
    os.utime(here.runs / "cola" / "training.json", (1, 1))
    training = measure.collect(here)["cola"]["training"]
    assert (training["minutes"], training["rows"], training["settings"]) == (1.5, 11, {"epochs": 2})


def test_results_are_kept_and_say_when_they_are_of_another_trunk(tmp_path: Path) -> None:
    output, rows = tmp_path / "mini.json", {"sst-2": {"title": "SST-2 dev"}, "cola": {"title": "before"}}
    assert measure.kept(output, "a") == {}
    output.write_text(json.dumps({"trunk": "a", "rows": rows}), encoding="utf-8")
    assert measure.kept(output, "a") == rows
    earlier = measure.kept(output, "b")
    assert {row["trunk"] for row in earlier.values()} == {"a"}
    # What was measured of a trunk says nothing of another one's heads.
    assert measure.headline({"cola": {"int8": {"metrics": {"matthews": 0.5}}}}, "cola") == 50
    assert measure.headline({"cola": {"int8": {"metrics": {"matthews": 0.5}}, "trunk": "a"}}, "cola") is None
    assert [line.count("†") for line in measure.table(earlier).splitlines()] == [0, 0, 1, 1]
    assert "†" in measure.explanation(earlier)
    assert "†" not in measure.explanation(rows)
    output.write_text(json.dumps({"trunk": "b", "rows": earlier}), encoding="utf-8")
    assert measure.kept(output, "a") == rows
    # Heads that stay as they are above a new trunk keep theirs; what was of an older one before stays marked.
    output.write_text(json.dumps({"trunk": "a", "rows": rows}), encoding="utf-8")
    stayed = measure.kept(output, "b", ["text-classification"])
    assert {name: row.get("trunk") for name, row in stayed.items()} == {"sst-2": None, "cola": "a"}
    output.write_text(json.dumps({"trunk": "b", "rows": earlier}), encoding="utf-8")
    assert measure.kept(output, "c", ["text-classification"])["sst-2"]["trunk"] == "a"
    both = measure.joined(measure.kept(output, "a"), {"cola": {"title": "now"}, "mlm": {"title": "new"}})
    assert [(name, row["title"]) for name, row in both.items()] == [
        ("mlm", "new"), ("sst-2", "SST-2 dev"), ("cola", "now"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("figures", "good"),
    [
        ({"snli": 0.65, "ag-news-entailment": 0.5, "ag-news-similarity": 0.5}, True),
        ({"snli": 0.649, "ag-news-entailment": 0.6, "ag-news-similarity": 0.5}, False),
        ({"snli": 0.7, "ag-news-entailment": 0.4, "ag-news-similarity": 0.5}, False),
        ({"snli": 0.7, "ag-news-entailment": 0.4}, False),
        ({"ag-news-entailment": 0.6, "ag-news-similarity": 0.5}, False),
    ],
)
def test_a_head_is_good_if_it_reaches_all_its_bars(figures: dict[str, float], good: bool) -> None:
    results = {name: {"int8": {"metrics": {"accuracy": value}}} for name, value in figures.items()}
    assert measure.reaches_bars("zero-shot-classification", results) is good


def test_a_perplexity_is_no_percentage() -> None:
    metrics = {"accuracy": 0.25, "perplexity": 31.0}
    text = measure.table({"mlm": {"int8": {"metrics": metrics}}})
    assert "| accuracy, perplexity | 25.0, 31.0 |" in text


def test_runs_belong_to_one_trunk(data: Path, trunk: Path, tmp_path: Path) -> None:
    opened(data, trunk, tmp_path / "runs")
    other = save_tiny_model(tmp_path / "other", "fill-mask", initializer_range=0.25)
    opened(data, trunk, tmp_path / "runs")
    shutil.copy(trunk / "training.json", other)
    for folder, limit in ((other, None), (trunk, 7)):
        with pytest.raises(SystemExit, match="belongs to another trunk or --limit; give another --runs"):
            opened(data, folder, tmp_path / "runs", limit=limit)


def test_nothing_is_begun_when_the_time_is_up(
    data: Path, trunk: Path, tmp_path: Path, commands: list[list[str]]
) -> None:
    here = opened(data, trunk, tmp_path / "runs", deadline=time.monotonic())
    with pytest.raises(SystemExit) as ended:
        here.measured("sts-b", "int8")
    assert (ended.value.code, commands) == (workshop.UNFINISHED, [])


@pytest.mark.usefixtures("commands", "learnt_masks")
def test_a_model_that_is_too_large_replaces_nothing(
    data: Path, trunk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, out = opened(data, trunk, tmp_path / "runs"), tmp_path / "mini"
    out.mkdir()
    (out / "config.json").write_text("before", encoding="utf-8")
    monkeypatch.setattr(ship, "LARGEST", 1000)
    results = {"mlm": {"int8": {"metrics": {"accuracy": 0.5, "perplexity": 7.0}}}}
    with pytest.raises(SystemExit, match=r"MB are more than the 0.0 of the package \(fill-mask 0.0\)"):
        ship.ship(here, ["fill-mask"], results, out)
    assert (out / "config.json").read_text(encoding="utf-8") == "before"


@pytest.mark.parametrize(
    ("split", "numbers"),
    [("paragraphs", {96, 101, 106}), ("held-out", {100}), ("corrupted", {95, 97, 99, 101, 103, 105})],
)
def test_what_is_held_out_of_a_corpus_is_in_no_other_part(
    data: Path, trunk: Path, tmp_path: Path, split: str, numbers: set[int]
) -> None:
    rows = list(opened(data, trunk, tmp_path / "runs")._read(f"enwiki_2015:{split}"))
    texts = [row.values.get("text") or " ".join(row.values["tokens"]) for row in rows]
    assert {int(word) for text in texts for word in text.split() if word.isdigit()} == numbers

"""`corpus`, `pretrain` and `distill` follow files, say what they did, and name what is wrong in them."""

import json

import pytest

from squeezebert.cli.sitting import UNFINISHED
from tests.cli.conftest import WORDS, save_tiny_model

MODEL = """
[model]
hidden_size = 8
embedding_size = 8
intermediate_size = 16
num_hidden_layers = 1
num_attention_heads = 2
max_position_embeddings = 32
q_groups = 2
k_groups = 2
v_groups = 2
intermediate_groups = 2
output_groups = 2
"""
PRETRAIN = f"""{MODEL}
[settings]
batch_size = 3
epoch_sequences = 9
max_length = 16
precision = "fp32"
[[phases]]
steps = 2
[[phases]]
steps = 1
max_length = 32
"""
DISTILL = f"""{MODEL}
[settings]
steps = 2
longest = 16
epoch_texts = 20
precision = "fp32"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_tiny_model(tmp_path / "teacher", "fill-mask")
    text = " ".join(WORDS).capitalize() + ". "
    (tmp_path / "text.jsonl").write_text((json.dumps({"text": text * 3}) + "\n") * 9, encoding="utf-8")
    (tmp_path / "pretrain.toml").write_text(PRETRAIN, encoding="utf-8")
    (tmp_path / "distill.toml").write_text(DISTILL, encoding="utf-8")
    bert = MODEL.replace("[model]", '[model]\nmodel_type = "bert"') + PRETRAIN.removeprefix(MODEL)
    (tmp_path / "bert.toml").write_text(bert.replace("steps = 2", "steps = 1"), encoding="utf-8")
    misspelt = PRETRAIN.replace("num_attention_heads", "num_attention_head")
    (tmp_path / "misspelt.toml").write_text(misspelt, encoding="utf-8")
    others = {
        "twice": '[corpora]\nc = 1.0\n"./c" = 1.0\n',
        "true": "[corpora]\nc = true\n",
        "nothing": "phases = []\n",
        "unknown": '[teacher]\nfrom = "teacher"\nprecision = "fp32"\n',
    }
    for name, recipe in others.items():
        (tmp_path / f"{name}.toml").write_text(recipe, encoding="utf-8")
    return tmp_path


CORPUS = ("corpus", "text.jsonl", "--tokenizer", "teacher", "--out", "corpus", "--hold-out", "3", "--json")


def test_from_text_to_models(folder, squeezebert):
    asked = squeezebert(*CORPUS[:-2], "3", "--dry-run")
    assert (asked.code, (folder / "corpus").exists()) == (0, False)
    built = squeezebert(*CORPUS)
    assert json.loads(built.out)["documents"] == 6
    plan = squeezebert(
        "pretrain", "pretrain.toml", "--corpus", "corpus", "--dry-run", "--json", "--threads", "1"
    )
    assert [json.loads(line)["steps"] for line in plan.out.splitlines()] == [2, 1]
    done = squeezebert(
        "pretrain", "pretrain.toml", "--corpus", "corpus", "--out", "p", "--json", "--threads", "1"
    )
    assert [json.loads(line)["finished"] for line in done.out.splitlines()] == [True, True]
    source = ("--teacher", "teacher", "--corpus", "corpus=0.5", "--threads", "1", "--json")
    bert = squeezebert("pretrain", "bert.toml", "--corpus", "corpus", "--dry-run", "--json", "--threads", "1")
    assert bert.code == 0
    # Stands over the steps of the recipe, though it is another unit.
    other = squeezebert("distill", "distill.toml", *source, "--dry-run", "--set", "tokens=1")
    assert json.loads(other.out)["steps"] == 1
    stopped = squeezebert("distill", "distill.toml", *source, "--out", "d", "--stop-after", "0.0000001")
    assert (stopped.code, json.loads(stopped.out)["finished"]) == (UNFINISHED, False)
    assert "stopped after step" in stopped.err
    begun = squeezebert(
        "pretrain", "pretrain.toml", "--corpus", "corpus", "--out", "q", "--stop-after", "1e-9"
    )
    assert (begun.code, (folder / "q" / "phase2").exists()) == (UNFINISHED, False)
    again = squeezebert("pretrain", "pretrain.toml", "--corpus", "corpus", "--out", "q", "--dry-run")
    assert "give another --out" in again.error
    resumed = squeezebert("distill", "distill.toml", *source, "--out", "d", "--resume")
    assert json.loads(resumed.out)["steps"] == 2
    assert (folder / "d" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pretrain", "none.toml"), "none.toml: cannot be read"),
        (("pretrain", "text.jsonl"), "text.jsonl: is no valid TOML"),
        (("pretrain", "pretrain.toml", "--out", "p"), "[corpora] is empty"),
        (("pretrain", "pretrain.toml", "--corpus", "none", "--out", "p"), "none"),
        (("pretrain", "pretrain.toml", "--set", "batchsize=3"), "there is no setting 'batchsize'"),
        (
            ("pretrain", "pretrain.toml", "--set", "batch_size=x"),
            "batch_size is 'x'; expected a whole number",
        ),
        (("pretrain", "pretrain.toml", "--set", "batch_size"), "is not of the form NAME=VALUE"),
        (
            ("pretrain", "pretrain.toml", "--corpus", "c", "--set", "max_length=99", "--dry-run"),
            "pretrain.toml: phase 1: max_length 99 is more than the 32",
        ),
        (("distill", "pretrain.toml"), "[phases] is unknown"),
        (("distill", "distill.toml"), "[teacher] has no from"),
        (("distill", "distill.toml", "--teacher", "teacher", "--corpus", "corpus=x"), "the share 'x'"),
        (("distill", "distill.toml", "--teacher", "teacher", "--corpus", "corpus"), "give --out FOLDER"),
        (
            ("pretrain", "pretrain.toml", "--corpus", "c=0.5", "--corpus", "d", "--corpus", "c"),
            "corpus c is given twice; give it once",
        ),
        (("pretrain", "pretrain.toml", "--corpus", "c", "--corpus", "./c"), "corpus c is given twice"),
        (("pretrain", "twice.toml"), "corpus c is given twice; give it once"),
        (("pretrain", "true.toml"), "c: the share True is no number"),
        (("pretrain", "nothing.toml"), "phases is not a list of tables; write [[phases]] above each"),
        (("distill", "unknown.toml"), "[teacher] has no key 'precision'; it has from"),
        (
            ("pretrain", "pretrain.toml", "--corpus", "c", "--out", ".", "--dry-run"),
            ".: is not empty, and holds",
        ),
        (("pretrain", "pretrain.toml", "--corpus", "c", "--out", "text.jsonl"), "text.jsonl: is a file"),
        (
            ("corpus", "text.jsonl", "--tokenizer", "teacher", "--out", "text.jsonl/below"),
            "text.jsonl: is a file; give a folder to write to",
        ),
        (
            ("corpus", "text.jsonl", "--tokenizer", "teacher", "--out", ""),
            "the name of the folder to write to",
        ),
        (
            ("pretrain", "pretrain.toml", "--corpus", "c=1e308", "--corpus", "d=1e308"),
            "c, d: the shares are too large to be added",
        ),
        (("pretrain", "pretrain.toml", "--corpus", "corpus"), "give --out FOLDER"),
        (("pretrain", "pretrain.toml", "--corpus", "corpus", "--resume"), "give --out FOLDER"),
        (
            ("distill", "distill.toml", "--teacher", "teacher", "--corpus", "c", "--out", ".", "--dry-run"),
            ".: is not empty; give another --out",
        ),
        (
            ("pretrain", "misspelt.toml"),
            "[model] has no size 'num_attention_head' (nearest: 'num_attention_heads')",
        ),
        (("corpus", "none.txt", "--out", "c"), "no such file"),
        (("corpus", "text.jsonl"), "give --out FOLDER"),
    ],
)
def test_bad_input(folder, squeezebert, arguments, message):
    assert message in squeezebert(*arguments).error

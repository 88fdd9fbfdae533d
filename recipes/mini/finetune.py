"""The embedded model's heads: fine-tunes the trunk, measures the results, and writes what the package ships.

Run again to resume. Each task is a run of ``squeezebert train`` in a folder of its own.

    python recipes/mini/finetune.py --data $SQUEEZEBERT_DATA --trunk runs/mini/trunk --runs runs/mini/heads

- text-classification: SST-2 (no licence stated; its use in released models is general practice).
- token-classification: the sets whose licence lets a model ship and whose labels are PER, LOC and ORG:
  wikiann-en train (Wikipedia titles and snippets, silver labels), Broad Twitter Corpus (CC BY 4.0), UNER EWT
  dev (CC BY-SA 4.0). The latter two have sentences without any entity, which wikiann lacks. WNUT17 and the
  SEC filings are left out: their labels are others.

The word embeddings are frozen, so that all heads share the trunk's table, the largest part of the model.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import squeezebert
from squeezebert.data import Row, load_dataset_rows
from squeezebert.files import write_text
from squeezebert.modeling import (
    SqueezeBertForSequenceClassification,
    SqueezeBertForTokenClassification,
    SqueezeBertModel,
)
from squeezebert.tokenization import SqueezeBertTokenizerFast

SHIPPED = Path(squeezebert.__file__).parent / "models" / "mini"
TOKENIZER_FILES = ("vocab.txt", "tokenizer_config.json")
COMMON = ("--freeze-embeddings", "--dropout", "0.1", "--resume")
HEADS = {
    "text-classification": SqueezeBertForSequenceClassification,
    "token-classification": SqueezeBertForTokenClassification,
}
# Entities came out at an F1 of 0.44, too weak to ship; see docs/decisions.md.
SHIPPED_TASKS = ("text-classification",)
HELD_OUT = {
    "text-classification": (("SST-2 dev", "glue/SST-2", "validation"),),
    "token-classification": (
        ("WikiANN-en test", "ner/wikiann-en", "test"),
        ("UNER English EWT test", "ner/uner-ewt", "test"),
    ),
}
ENTITY_LABELS = {"O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"}
NOTES = {
    "text-classification": """\
A first version: sentiment of English sentences, right four times out of five on film reviews. It stumbles
over irony, contrast and negation. SST-2 states no licence; its use in released models is general practice.
Made by `recipes/mini/finetune.py`.""",
    "token-classification": """\
A first version: persons, places and organisations in English text, upper or lower case alike. Trained on
wikiann-en (silver labels from Wikipedia), the Broad Twitter Corpus (CC BY 4.0) and the development part of
UNER English EWT (CC BY-SA 4.0). Made by `recipes/mini/finetune.py`.""",
}
TRUNK_CARD = """# mini: the trunk

A 6-layer SqueezeBERT (hidden size 384, 12 heads, groups 4, uncased vocabulary of BERT) without a head,
stored as int8. Trained by `recipes/mini/distill_trunk.py` on 9 million tokens of English Wikipedia (2015,
CC BY-SA 3.0) and SST-2 to give the outputs of all-MiniLM-L6-v2 (Apache-2.0); none of its weights are copied.
The models beside it read their word embeddings from here. It reads 256 tokens at once.

Zero-shot Spearman on STS-B test, which it was not trained on: 76.0 by mean pooling, 76.0 by the pooler's
output (fp32, `recipes/mini/measure_trunk.py`); the teacher reaches 82.0.
"""


def squeezebert_command(*arguments: str | Path) -> None:
    """Run the command line program and stop where it fails."""
    subprocess.run([sys.executable, "-m", "squeezebert.cli", *map(str, arguments)], check=True)


def give_tokenizer(trunk: Path) -> None:
    """Put the vocabulary beside the distilled weights."""
    positions = json.loads((trunk / "config.json").read_text(encoding="utf-8"))["max_position_embeddings"]
    SqueezeBertTokenizerFast(SHIPPED / "vocab.txt", model_max_length=positions).save_pretrained(trunk)


def fine_tune(task: str, rows: Path, trunk: Path, runs: Path, *settings: str) -> Path:
    """Train, or go on; a finished run is left as it is."""
    out = runs / task
    if not (out / "training.json").exists():
        squeezebert_command("train", rows, "--task", task, "--from", trunk, "--out", out, *COMMON, *settings)
    return out


def entity_rows(data: Path) -> Iterator[Row]:
    """The sentences of all three sets."""
    yield from load_dataset_rows(data / "ner/wikiann-en", split="train")
    yield from load_dataset_rows(data / "ner/uner-ewt", split="validation")
    for section in sorted((data / "ner/btc").glob("?.conll")):
        yield from load_dataset_rows(section)


def join_entities(data: Path, path: Path) -> Path:
    """Write the sentences into one file; a label that is none of the three stops it."""
    lines = []
    for row in entity_rows(data):
        tags = list(row.values["tags"])
        unknown = set(tags) - ENTITY_LABELS
        if unknown:
            raise SystemExit(f"{row.where}: unexpected tags {sorted(unknown)}")
        lines.append(json.dumps({"tokens": list(row.values["tokens"]), "tags": tags}) + "\n")
    write_text(path, "".join(lines))
    return path


def ship(task: str, trained: Path) -> Path:
    """Write a head as int8 that shares what it can with the trunk."""
    folder = SHIPPED / task
    HEADS[task].from_pretrained(trained).save_pretrained(folder, dtype="int8", base=SHIPPED)
    for name in TOKENIZER_FILES:
        shutil.copyfile(trained / name, folder / name)
    return folder


def ship_trunk(trunk: Path) -> None:
    """Write the trunk as int8."""
    SqueezeBertModel.from_pretrained(trunk).save_pretrained(SHIPPED, dtype="int8")
    for name in TOKENIZER_FILES:
        shutil.copyfile(trunk / name, SHIPPED / name)
    write_text(SHIPPED / "README.md", TRUNK_CARD)


def measure(task: str, folder: Path, trained: Path, trunk: Path, data: Path, runs: Path) -> None:
    """Evaluate what is shipped on rows that were not trained on, and write it into the model card."""
    lines = [
        "",
        "## As shipped (int8), on rows that were not trained on",
        "",
        "| set | metric | value |",
        "|---|---|---|",
    ]
    for name, place, split in HELD_OUT[task]:
        output = runs / f"{task}-{place.replace('/', '-')}-{split}.json"
        squeezebert_command(
            "evaluate", data / place, "--task", task, "--model", folder, "--split", split, "--output", output
        )
        metrics = json.loads(output.read_text(encoding="utf-8"))["metrics"]
        lines += [f"| {name} | {metric} | {value:.4f} |" for metric, value in metrics.items()]
    card = (trained / "README.md").read_text(encoding="utf-8")
    card = card.replace(f"fine-tuned from `{trunk}`.", f"fine-tuned from the trunk `mini`.\n\n{NOTES[task]}")
    card = card.replace(f'model="{trained.name}"', f'model="mini/{task}"')
    write_text(folder / "README.md", card.rstrip("\n") + "\n" + "\n".join(lines) + "\n")


def main() -> None:
    """Fine-tune, ship and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trunk", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", choices=tuple(HEADS), default=SHIPPED_TASKS)
    arguments = parser.parse_args()
    data, runs = arguments.data, arguments.runs
    runs.mkdir(parents=True, exist_ok=True)
    give_tokenizer(arguments.trunk)
    ship_trunk(arguments.trunk)
    for task in arguments.tasks:
        if task == "text-classification":
            rows, settings = (
                data / "glue/SST-2",
                ("--epochs", "2", "--batch-size", "64", "--learning-rate", "2e-4", "--evaluate-every", "500"),
            )
        else:
            rows = join_entities(data, runs / "entities.jsonl")
            settings = ("--epochs", "2", "--batch-tokens", "1024", "--learning-rate", "3e-4")
        trained = fine_tune(task, rows, arguments.trunk, runs, *settings)
        measure(task, ship(task, trained), trained, arguments.trunk, data, runs)


if __name__ == "__main__":
    main()

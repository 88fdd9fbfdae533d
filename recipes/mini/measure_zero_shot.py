"""Zero-shot classification by similarity: accuracy of the embedded trunk, and which temperature fits.

python recipes/mini/measure_zero_shot.py --data $SQUEEZEBERT_DATA --output docs/results/zero_shot.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from squeezebert import pipeline
from squeezebert.data import load_dataset_rows
from squeezebert.files import write_text
from squeezebert.tasks.labels import ordered
from squeezebert.tasks.scores import log_sum_exp
from squeezebert.tasks.zero_shot_classification import TEMPLATE

SETS = {
    "ag-news": ("cls/ag-news-test", None),
    "20newsgroups": ("cls/20newsgroups", None),
    "banking77": ("cls/banking77", "test"),
    "clinc150": ("cls/clinc150", "test"),
}
TEMPERATURES = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15)
ROWS = 1500


def main() -> None:
    """Print and write, for each data set, the accuracy and the log loss at each temperature."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    extract = pipeline("feature-extraction")
    results = {}
    for name, (place, split) in SETS.items():
        rows = list(load_dataset_rows(arguments.data / place, task="text-classification", split=split))
        rows = [rows[index] for index in np.random.default_rng(0).permutation(len(rows))[:ROWS]]
        labels = ordered(row.values["label"] for row in rows)
        true = np.array([labels.index(str(row.values["label"])) for row in rows])
        texts = np.stack(list(extract.stream(row.values["text"] for row in rows)))
        sentences = np.stack(extract([TEMPLATE.replace("{}", label) for label in labels]))
        cosines = (texts @ sentences.T).astype(np.float64)
        losses = {
            temperature: round(float(np.mean(log_sum_exp(scaled) - scaled[range(len(true)), true])), 3)
            for temperature in TEMPERATURES
            for scaled in [cosines / temperature]
        }
        accuracy = round(float(np.mean(cosines.argmax(axis=1) == true)), 3)
        results[name] = {"rows": len(rows), "labels": len(labels), "accuracy": accuracy, "log_loss": losses}
        print(name, results[name])
    conditions = {"model": "mini", "backend": extract.backend.description, "template": TEMPLATE}
    write_text(arguments.output, json.dumps({**conditions, "data": results}, indent=2) + "\n")
    write_text(arguments.output.with_suffix(".md"), table(results))


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The accuracies as a Markdown table."""
    lines = ["# mini, zero-shot by similarity\n", "| data | rows | labels | accuracy |", "|---|---|---|---|"]
    for name, found in results.items():
        lines.append(f"| {name} | {found['rows']:,} | {found['labels']} | {found['accuracy']:.3f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

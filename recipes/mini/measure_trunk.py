"""Zero-shot Spearman of a trunk on STS-B (measured only; STS-B is in no training data).

    python recipes/mini/measure_trunk.py --data $SQUEEZEBERT_DATA --model runs/mini/trunk

Choose by ``--split dev``; the test split is for the final figure.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from squeezebert.data import load_dataset_rows
from squeezebert.engine import Engine
from squeezebert.engine.backend import BASE
from squeezebert.tokenization import SqueezeBertTokenizerFast

SPLITS = {"dev": "validation", "test": "test"}


def vectors(engine: Engine, tokenizer: SqueezeBertTokenizerFast, texts: list[str]) -> dict[str, np.ndarray]:
    """Mean-pooled and pooler vectors, each ``[texts, hidden]`` of unit length."""
    ids = tokenizer(texts, max_length=128)["input_ids"]
    output = engine(ids)
    found = {
        "mean": np.stack([states.mean(0) for states in output.last_hidden_state]),
        "pooler": np.stack(list(output.pooler_output)),
    }
    return {name: rows / np.linalg.norm(rows, axis=1, keepdims=True) for name, rows in found.items()}


def main() -> None:
    """Print the correlation of cosine similarity with the human scores, for both ways of pooling."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--split", choices=tuple(SPLITS), default="dev")
    arguments = parser.parse_args()
    rows = list(load_dataset_rows(arguments.data / "glue/STS-B", split=SPLITS[arguments.split]))
    tokenizer = SqueezeBertTokenizerFast.from_pretrained(arguments.model)
    engine = Engine.from_pretrained(arguments.model, head=BASE, precision="fp32")
    first, second = (
        vectors(engine, tokenizer, [row.values[column] for row in rows]) for column in ("text", "text_pair")
    )
    scores = [float(row.values["label"]) for row in rows]
    for name in first:
        similarity = (first[name] * second[name]).sum(1)
        print(f"{name:8}{100 * spearmanr(similarity, scores).statistic:.1f}  ({len(rows)} pairs)")


if __name__ == "__main__":
    main()

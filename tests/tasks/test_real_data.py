"""The published data sets go through their tasks, from row to target."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from squeezebert.config import SqueezeBertConfig
from squeezebert.data import load_dataset_rows
from squeezebert.tasks import get_task
from squeezebert.tasks.base import Setup
from squeezebert.tasks.collate import collate
from squeezebert.tasks.question_answering import QuestionAnswering
from squeezebert.tokenization import SqueezeBertTokenizerFast

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif("SQUEEZEBERT_DATA" not in os.environ, reason="SQUEEZEBERT_DATA is not set"),
]
SETS = {
    "glue/SST-2": ("text-classification", "single_label_classification"),
    "glue/STS-B": ("text-classification", "regression"),
    "glue/CoLA": ("text-classification", "single_label_classification"),
    "cls/banking77": ("text-classification", "single_label_classification"),
    "ner/wnut17": ("token-classification", None),
    "ner/sec-filings": ("token-classification", None),
    "ner/snips-slots": ("token-classification", None),
    "mc/openbookqa": ("multiple-choice", None),
    "mc/codah": ("multiple-choice", None),
}


def setup(length: int = 128) -> Setup:
    tokenizer = SqueezeBertTokenizerFast.from_pretrained("mini", model_max_length=512)
    return Setup.of(SqueezeBertConfig(), tokenizer, max_length=length)


@pytest.mark.parametrize("name", SETS)
def test_rows_become_batches(name: str) -> None:
    task = get_task(SETS[name][0])
    rows = load_dataset_rows(Path(os.environ["SQUEEZEBERT_DATA"]) / name, task=task.name, split="train")
    examples = [task.labelled_example(row) for row in islice(rows, 2000)]
    here = setup()
    config = task.configure(here.config, examples)
    assert config.problem_type == SETS[name][1]
    here = Setup.of(config, here.tokenizer, max_length=128)
    rng = np.random.default_rng(0)
    features = [f for e in examples for f in task.features(e, task.encode(e, here), here, rng)]
    assert len(features) >= len(examples)
    assert len(collate(features[:13], 0)["input_ids"]) == 13


def test_targets_of_squad_select_the_answers() -> None:
    task = QuestionAnswering()
    path = Path(os.environ["SQUEEZEBERT_DATA"]) / "squad" / "dev-v1.1.json.xz"
    here = setup(384)
    rng = np.random.default_rng(0)
    found = exact = 0
    for row in islice(load_dataset_rows(path), 0, None, 10):
        example = task.labelled_example(row)
        windows = task.encode(example, here)
        best = ""
        for window, feature in zip(windows, task.features(example, windows, here, rng), strict=True):
            start, end = int(feature.targets["start_positions"]), int(feature.targets["end_positions"])
            if start:
                best = example.context[window.encoding.offsets[start][0] : window.encoding.offsets[end][1]]
        found += 1
        exact += best == (example.answers or ())[0].text
    assert found > 1000
    # Some answers end within a word ("1990" of "1990s"), which tokens cannot always select.
    assert exact / found > 0.98

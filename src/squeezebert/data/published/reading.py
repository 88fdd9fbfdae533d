"""Questions about a text, and questions with choices."""

from __future__ import annotations

from squeezebert.data import conversions
from squeezebert.data.dataset import Dataset

QUESTION_ANSWERING = (
    Dataset(
        name="squad",
        task="question-answering",
        format="json",
        splits={"train": ["train-v1.1.json"], "validation": ["dev-v1.1.json"]},
        path=r"v1\.1\.json$",
        has=("data", "paragraphs"),
    ),
    Dataset(
        name="squad-v2",
        task="question-answering",
        format="json",
        splits={"train": ["train-v2.0.json"], "validation": ["dev-v2.0.json"]},
        path=r"v2\.0\.json$",
        has=("data", "paragraphs"),
    ),
)

MULTIPLE_CHOICE = (
    Dataset(
        name="commonsenseqa",
        task="multiple-choice",
        format="jsonl",
        splits={"train": ["train.jsonl"], "validation": ["valid.jsonl"], "test": ["test.jsonl"]},
        has=("question", "stem", "choices", "question_concept"),
        convert=conversions.lettered,
    ),
    Dataset(
        name="openbookqa",
        task="multiple-choice",
        format="jsonl",
        splits={"train": ["train.jsonl"], "validation": ["dev.jsonl"], "test": ["test.jsonl"]},
        has=("question", "stem", "choices"),
        convert=conversions.lettered,
    ),
    Dataset(
        name="codah",
        task="multiple-choice",
        format="tsv",
        splits={
            "train": ["fold_0.train.tsv"],
            "validation": ["fold_0.dev.tsv"],
            "test": ["fold_0.test.tsv"],
            "all": ["full_data.tsv"],
        },
        head=r"[irpnqo]+\t([^\t\n]+\t){5}[0-3](\n|$)",
        header=("category", "prompt", "choice0", "choice1", "choice2", "choice3", "label"),
        convert=conversions.codah,
    ),
    Dataset(
        name="piqa",
        task="multiple-choice",
        format="jsonl",
        splits={"train": ["train.jsonl"], "validation": ["valid.jsonl"], "test": ["tests.jsonl"]},
        has=("goal", "sol1", "sol2"),
        beside={"label": (".jsonl", "-labels.lst")},
        convert=conversions.piqa,
    ),
)

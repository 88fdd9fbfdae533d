"""GLUE, in the layouts of its own download and of the releases that it collects."""

from __future__ import annotations

from squeezebert.data import conversions
from squeezebert.data.dataset import Dataset

_PAIR = {"text": "sentence1", "text_pair": "sentence2", "label": "label"}

GLUE = (
    Dataset(
        name="cola",
        task="text-classification",
        format="tsv",
        splits={
            "train": ["in_domain_train.tsv", "train.tsv"],
            "validation": ["in_domain_dev.tsv out_of_domain_dev.tsv", "dev.tsv"],
        },
        head=r"[^\t\n]+\t[01]\t\*?\t[^\t\n]+(\n|$)",
        header=("source", "label", "mark", "sentence"),
        columns={"text": "sentence", "label": "label"},
        labels={"0": "unacceptable", "1": "acceptable"},
    ),
    Dataset(
        name="sst2",
        task="text-classification",
        format="tsv",
        splits={"train": ["train.tsv"], "validation": ["dev.tsv"], "test": ["test.tsv"]},
        has=("sentence",),
        path=r"sst-?2",
        columns={"text": "sentence", "label": "label"},
        labels={"0": "negative", "1": "positive"},
    ),
    Dataset(
        name="mrpc",
        task="text-classification",
        format="tsv",
        splits={
            # Of the original file GLUE made its own, and that of validation.
            "train": ["train.tsv", "msr_paraphrase_train.txt"],
            "validation": ["dev.tsv"],
            "test": ["msr_paraphrase_test.txt"],
        },
        has=("Quality", "#1 String", "#2 String"),
        columns={"text": "#1 String", "text_pair": "#2 String", "label": "Quality"},
        labels={"0": "not_equivalent", "1": "equivalent"},
    ),
    # The original test file has the scores that GLUE's withholds, so it comes first.
    Dataset(
        name="stsb",
        task="text-classification",
        format="tsv",
        splits={"train": ["sts-train.tsv"], "validation": ["sts-dev.tsv"], "test": ["sts-test.tsv"]},
        head=r"main-\w+\t[^\t\n]+\t[^\t\n]+\t[^\t\n]*\t[0-5](\.\d+)?\t",
        header=("genre", "filename", "year", "old_index", "label", "sentence1", "sentence2"),
        columns=_PAIR,
        convert=conversions.scored,
    ),
    Dataset(
        name="stsb",
        task="text-classification",
        format="tsv",
        splits={"train": ["train.tsv"], "validation": ["dev.tsv"], "test": ["test.tsv"]},
        has=("genre", "old_index", "sentence1", "sentence2"),
        columns={**_PAIR, "label": "score"},
        convert=conversions.scored,
    ),
    Dataset(
        name="rte",
        task="text-classification",
        format="jsonl",
        splits={"train": ["train.jsonl"], "validation": ["val.jsonl"], "test": ["test.jsonl"]},
        has=("premise", "hypothesis", "idx"),
        columns={"text": "premise", "text_pair": "hypothesis", "label": "label"},
    ),
    Dataset(
        name="wnli",
        task="text-classification",
        format="tsv",
        splits={"train": ["train.tsv"], "validation": ["dev.tsv"], "test": ["test.tsv"]},
        has=("index", "sentence1", "sentence2"),
        path=r"wnli",
        columns=_PAIR,
        labels={"0": "not_entailment", "1": "entailment"},
    ),
    Dataset(
        name="qqp",
        task="text-classification",
        format="tsv",
        splits={"all": ["qqp_subset.tsv"]},
        head=r"(\d+\t){3}[^\t\n]*\t[^\t\n]*\t[01](\n|$)",
        header=("id", "qid1", "qid2", "question1", "question2", "label"),
        columns={"text": "question1", "text_pair": "question2", "label": "label"},
        labels={"0": "not_duplicate", "1": "duplicate"},
    ),
)

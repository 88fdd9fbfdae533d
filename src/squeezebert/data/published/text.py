"""Texts and pairs of texts with a label, beside those of GLUE."""

from __future__ import annotations

from squeezebert.data import conversions
from squeezebert.data.dataset import Dataset

INFERENCE = (
    Dataset(
        name="snli",
        task="text-classification",
        format="txt",
        splits={"train": ["s1.train"], "validation": ["s1.dev"], "test": ["s1.test"]},
        path=r"/s1\.(train|dev|test)$",
        beside={"text_pair": ("s1.", "s2."), "label": ("s1.", "labels.")},
        convert=conversions.stripped,
    ),
    Dataset(
        name="sick",
        task="text-classification",
        format="tsv",
        splits={
            "train": ["SICK_train.txt"],
            "validation": ["SICK_trial.txt"],
            "test": ["SICK_test_annotated.txt"],
        },
        has=("sentence_A", "sentence_B", "relatedness_score", "entailment_judgment"),
        columns={
            "text": "sentence_A",
            "text_pair": "sentence_B",
            "label": "entailment_judgment",
            "score": "relatedness_score",
        },
        convert=conversions.sick,
    ),
)

SINGLE_TEXT = (
    Dataset(
        name="banking77",
        task="text-classification",
        format="csv",
        splits={"train": ["train.csv"], "test": ["test.csv"]},
        has=("text", "category"),
        path=r"banking",
        columns={"text": "text", "label": "category"},
    ),
    Dataset(
        name="clinc150",
        task="text-classification",
        format="json",
        splits={
            split: ["data_full.json"]
            for split in ("train", "validation", "test", "oos_train", "oos_validation", "oos_test")
        },
        parts={
            "train": "train",
            "validation": "val",
            "test": "test",
            "oos_train": "oos_train",
            "oos_validation": "oos_val",
            "oos_test": "oos_test",
        },
        head=r'\{\s*"(oos_)?(train|val|test)"\s*:\s*\[',
    ),
    Dataset(
        name="sms-spam",
        task="text-classification",
        format="tsv",
        splits={"all": ["SMSSpamCollection"]},
        # Of one such line it may be the header of another table.
        head=r"(ham|spam)\t[^\n]*\n(ham|spam)\t",
        header=("label", "text"),
        columns={"text": "text", "label": "label"},
    ),
    Dataset(
        name="ag-news",
        task="text-classification",
        format="csv",
        splits={"train": ["train.csv"], "test": ["test.csv"]},
        head=r'"[1-4]","',
        path=r"ag[-_ ]?news",
        header=("label", "title", "description"),
        labels={"1": "World", "2": "Sports", "3": "Business", "4": "Sci/Tech"},
        convert=conversions.ag_news,
    ),
    Dataset(
        name="20newsgroups",
        task="text-classification",
        format="jsonl",
        splits={"all": ["20_newsgroups.jsonl"]},
        has=("group", "id", "text"),
        path=r"newsgroups",
        columns={"text": "text", "label": "group"},
    ),
)

"""The published files themselves, read to the last row; SQUEEZEBERT_DATA is the folder that holds them."""

import os
from pathlib import Path

import pytest

from squeezebert.data import load_dataset_rows

pytestmark = pytest.mark.long

# folder, format, rows of each split. sec-filings: without its eight -DOCSTART- lines.
COUNTS = [
    ("glue/CoLA", None, {"train": 8551, "validation": 1043}),
    ("glue/SST-2", None, {"train": 67349, "validation": 872, "test": 1821}),
    ("glue/MRPC", None, {"train": 4076, "test": 1725}),
    ("glue/STS-B", None, {"train": 5749, "validation": 1500, "test": 1379}),
    ("glue/RTE", None, {"train": 2490, "validation": 277, "test": 3000}),
    ("glue/WNLI", None, {"train": 635, "validation": 71}),
    ("glue/QQP-subset", None, {"all": 23496}),
    ("nli/snli-devtest", None, {"validation": 9842, "test": 9824}),
    ("nli/sick", None, {"train": 4500, "validation": 500, "test": 4927}),
    ("ner/wnut17", None, {"train": 3394, "validation": 1009, "test": 1287}),
    ("ner/btc", None, {"train": 5338, "validation": 2001, "test": 2000}),
    ("ner/sec-filings", None, {"train": 1164, "test": 303}),
    ("ner/wikineural-en", None, {"validation": 11590, "test": 11597}),
    ("ner/wikiann-en", None, {"train": 20000, "validation": 10000, "test": 10000}),
    ("ner/uner-ewt", None, {"validation": 2001, "test": 2077}),
    ("ner/snips-slots", None, {"train": 13084, "validation": 700, "test": 700}),
    ("squad", "squad", {"train": 87599, "validation": 10570}),
    ("squad", "squad-v2", {"validation": 11873}),
    ("mc/commonsenseqa", None, {"train": 9741, "validation": 1221, "test": 1140}),
    ("mc/openbookqa", None, {"train": 4957, "validation": 500, "test": 500}),
    ("mc/codah", None, {"train": 1665, "validation": 556, "test": 555, "all": 2776}),
    ("mc/piqa-valid", None, {"validation": 1838}),
    ("cls/banking77", None, {"train": 10003, "test": 3080}),
    ("cls/restaurant8k", None, {"train": 8198, "test": 3731}),
    (
        "cls/clinc150",
        None,
        {
            "train": 15000,
            "validation": 3000,
            "test": 4500,
            "oos_train": 100,
            "oos_validation": 100,
            "oos_test": 1000,
        },
    ),
    ("cls/sms-spam", None, {"all": 5574}),
    ("cls/ag-news-test", None, {"test": 7600}),
    ("cls/20newsgroups", None, {"all": 19997}),
]

# What a tagged file has: tokens and kinds of tags.
TOKENS = {
    ("ner/wnut17", "train"): (62730, 13),
    ("ner/wnut17", "validation"): (15733, 13),
    ("ner/wnut17", "test"): (23394, 13),
    ("ner/wikineural-en", "validation"): (267839, 9),
    ("ner/wikineural-en", "test"): (267155, 9),
    ("ner/sec-filings", "train"): (41015 - 5, 5),
    ("ner/sec-filings", "test"): (13249 - 3, 5),
}


@pytest.fixture(scope="module")
def data():
    folder = os.environ.get("SQUEEZEBERT_DATA")
    if not folder:
        pytest.skip("SQUEEZEBERT_DATA is not set")
    return Path(folder)


@pytest.mark.parametrize(("folder", "format", "splits"), COUNTS)
def test_all_rows_are_there(data, folder, format, splits):
    found = dict.fromkeys(splits, 0)
    for split in splits:
        for row in load_dataset_rows(data / folder, split=split, format=format):
            found[split] += 1
            check(row.values)
    assert found == splits


def check(values):
    """Whether a row has the canonical columns, by type."""
    if "question" in values:
        assert all(answer["text"] == spanned(values["context"], answer) for answer in values["answers"])
    elif "tokens" in values:
        assert len(values["tokens"]) == len(values["tags"]) > 0
    elif "choices" in values:
        assert values["label"] is None or values["choices"][values["label"]]
    else:
        assert values["text"].strip()
        assert values.get("text_pair", "x")
        assert isinstance(values.get("label", "x"), (str, float))


def spanned(context, answer):
    return context[answer["start"] : answer["start"] + len(answer["text"])]


@pytest.mark.parametrize(("folder", "split"), TOKENS)
def test_tokens_and_tags(data, folder, split):
    rows = [row.values for row in load_dataset_rows(data / folder, split=split)]
    tokens = sum(len(values["tokens"]) for values in rows)
    tags = {tag for values in rows for tag in values["tags"]}
    assert (tokens, len(tags)) == TOKENS[folder, split]


def test_broad_twitter_corpus_is_whole(data):
    splits = ("train", "validation", "test")
    rows = [row for split in splits for row in load_dataset_rows(data / "ner/btc", split=split)]
    assert (len(rows), sum(len(row.values["tokens"]) for row in rows)) == (9339, 150387)


def test_unanswerable_questions_of_squad(data):
    rows = list(load_dataset_rows(data / "squad/dev-v2.0.json.xz"))
    assert sum(not row.values["answers"] for row in rows) == 5945


def test_answers_of_squad(data):
    rows = load_dataset_rows(data / "squad/dev-v1.1.json.xz")
    assert sum(len(row.values["answers"]) for row in rows) == 34726


def test_labels(data):
    kinds = {"cls/banking77": 77, "cls/clinc150": 150, "ner/snips-slots": 7, "glue/SST-2": 2, "nli/sick": 3}
    for folder, count in kinds.items():
        assert len({row.values["label"] for row in load_dataset_rows(data / folder, split="train")}) == count
    news = [row.values["label"] for row in load_dataset_rows(data / "cls/ag-news-test")]
    assert {label: news.count(label) for label in news} == dict.fromkeys(
        ["World", "Sports", "Business", "Sci/Tech"], 1900
    )
    spam = [row.values["label"] for row in load_dataset_rows(data / "cls/sms-spam")]
    assert (spam.count("ham"), spam.count("spam")) == (4827, 747)

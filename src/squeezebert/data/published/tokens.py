"""Tagged tokens: entities and slots."""

from __future__ import annotations

from squeezebert.data import conversions
from squeezebert.data.dataset import Dataset

TAGGED = (
    Dataset(
        name="wnut17",
        task="token-classification",
        format="conll",
        splits={
            "train": ["wnut17train.conll"],
            "validation": ["emerging.dev.conll"],
            "test": ["emerging.test.annotated"],
        },
        path=r"/(wnut17train\.conll|emerging\.(dev\.conll|test\.annotated))$",
    ),
    # As released, except that development is all of section h and not its second half.
    Dataset(
        name="btc",
        task="token-classification",
        format="conll",
        splits={
            "train": ["a.conll b.conll e.conll g.conll"],
            "validation": ["h.conll"],
            "test": ["f.conll"],
        },
        path=r"/[abefgh]\.conll$",
    ),
    Dataset(
        name="sec-filings",
        task="token-classification",
        format="conll",
        splits={"train": ["FIN5.train.txt"], "test": ["FIN3.test.txt"]},
        head=r"-DOCSTART- ",
        path=r"/FIN[35]\.(train|test)\.txt$",
    ),
    Dataset(
        name="wikineural",
        task="token-classification",
        format="conll",
        splits={"train": ["train.conllu"], "validation": ["val.conllu"], "test": ["test.conllu"]},
        path=r"wikineural.*/[^/]*\.conllu$",
    ),
    Dataset(
        name="wikiann",
        task="token-classification",
        format="conll",
        splits={"train": ["train.conllu"], "validation": ["val.conllu"], "test": ["test.conllu"]},
        path=r"wikiann.*/[^/]*\.conllu$",
    ),
    Dataset(
        name="uner-ewt",
        task="token-classification",
        format="conll",
        splits={
            "train": ["en_ewt-ud-train.iob2"],
            "validation": ["en_ewt-ud-dev.iob2"],
            "test": ["en_ewt-ud-test.iob2"],
        },
        path=r"/en_ewt-ud-\w+\.iob2$",
    ),
    Dataset(
        name="snips",
        task="token-classification",
        format="txt",
        splits={"train": ["train.seq.in"], "validation": ["valid.seq.in"], "test": ["test.seq.in"]},
        path=r"\.seq\.in$",
        beside={"tags": (".seq.in", ".seq.out"), "label": (".seq.in", ".label")},
        convert=conversions.snips,
    ),
    Dataset(
        name="restaurant8k",
        task="token-classification",
        format="json",
        splits={"train": ["train_0.json"], "test": ["test.json"]},
        has=("userInput",),
        convert=conversions.restaurant8k,
    ),
)

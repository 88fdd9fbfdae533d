"""The table of workloads, and the piece ids that they stand for."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

from squeezebert.errors import DataError
from squeezebert.files import EMBEDDED

Ids = list[list[int]]

DATA_VARIABLE = "SQUEEZEBERT_DATA"
SST2_DEV = "glue/SST-2/dev.tsv"

_CLS, _SEP, _FIRST_WORD, _WORDS = 101, 102, 1996, 20_000
_SEED = 13


@dataclass(frozen=True)
class Work:
    """What one call computes.

    Attributes:
        name: What the command line calls it.
        texts: Texts per call.
        tokens: Length of each, special tokens included; None for sentences of natural lengths.
    """

    name: str
    texts: int
    tokens: int | None


WORKS: Mapping[str, Work] = {
    work.name: work
    for work in (
        Work("1x32", 1, 32),
        Work("1x128", 1, 128),
        Work("8x128", 8, 128),
        Work("1x512", 1, 512),
        Work("32-sentences", 32, None),
    )
}


@dataclass(frozen=True)
class Batch:
    """The texts of a call.

    Attributes:
        ids: Piece ids of each text, within BERT's vocabulary.
        source: Where they come from, in a few words.
    """

    ids: Ids
    source: str

    @property
    def lengths(self) -> list[int]:
        """Tokens of each text."""
        return list(map(len, self.ids))


def make_batch(work: Work) -> Batch:
    """Give the texts of a work: the same ids in every run.

    Raises:
        DataError: The file of SST-2 has too few sentences.
    """
    if work.tokens is not None:
        return Batch(_random_ids(work.texts, work.tokens), "random words")
    folder = os.environ.get(DATA_VARIABLE)
    path = Path(folder) / SST2_DEV if folder else None
    if path is not None and path.is_file():
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[1:]
        if len(lines) < work.texts:
            raise DataError(f"{path}: has {len(lines)} sentences; {work.name} needs {work.texts}")
        return Batch(_typical(_tokenized([line.split("\t")[0] for line in lines]), work.texts), "SST-2 dev")
    lines = Path(__file__).with_name("sentences.txt").read_text(encoding="utf-8").splitlines()
    return Batch(_typical(_tokenized(lines), work.texts), "sentences of this package")


def _random_ids(texts: int, tokens: int) -> Ids:
    draw = random.Random(_SEED)
    return [
        [_CLS, *(draw.randrange(_FIRST_WORD, _WORDS) for _ in range(tokens - 2)), _SEP] for _ in range(texts)
    ]


def _tokenized(sentences: list[str]) -> Ids:
    # Imported here: the tokenizer is needed only for sentences.
    from squeezebert.tokenization import SqueezeBertTokenizerFast

    tokenizer = SqueezeBertTokenizerFast(EMBEDDED / "mini/vocab.txt", model_max_length=512)
    return [list(encoding.ids) for encoding in tokenizer(sentences).encodings]


def _typical(texts: Ids, size: int) -> Ids:
    """Of all batches of consecutive texts the one whose longest text is the median one.

    A padded batch costs what its longest text makes it cost, so that a lucky one would favour a side.
    """
    batches = [texts[start : start + size] for start in range(0, len(texts) - size + 1, size)]
    longest = [max(map(len, batch)) for batch in batches]
    return batches[longest.index(median_low(longest))]

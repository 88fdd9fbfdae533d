"""Text for the trunk: sentences and passages of Wikipedia, and the sentences of SST-2, as token ids."""

from __future__ import annotations

import lzma
import random
import re
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer

MIN_DOCUMENT_CHARACTERS = 400
PASSAGE_SHARE = 0.25  # of the tokens; the rest are single sentences
LONGEST_SENTENCE = 64  # tokens
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")


def documents(shard: Path) -> Iterator[list[str]]:
    """Articles of one shard as lists of paragraphs, without stubs and leftover markup."""
    paragraphs: list[str] = []
    with lzma.open(shard, "rt", encoding="utf8") as lines:
        for line in lines:
            if line.startswith("<doc "):
                paragraphs = []
            elif line.startswith("</doc>"):
                if sum(map(len, paragraphs)) >= MIN_DOCUMENT_CHARACTERS:
                    yield paragraphs
            elif len(line) > 40 and not re.search(r"[<{]|formula_", line):
                paragraphs.append(line.strip())


def sentences_of_sst2(data: Path) -> list[str]:
    """The training sentences of SST-2 (67,349)."""
    with lzma.open(data / "glue/SST-2/train.tsv.xz", "rt", encoding="utf8") as lines:
        return [line.split("\t")[0].strip() for line in lines][1:]


def samples(data: Path, tokenizer: Tokenizer, seed: int, longest: int, reviews: float) -> Iterator[list[int]]:
    """Endless ids ``[CLS] … [SEP]`` of shuffled sentences and passages, at most ``longest`` tokens each.

    The order depends only on the arguments, so that a resumed run can skip what it has seen. ``reviews`` is
    the share of texts that come from SST-2.
    """
    rng = random.Random(seed)
    sst2 = sentences_of_sst2(data)
    while True:
        shards = sorted((data / "enwiki_2015").glob("*.txt.xz"))
        rng.shuffle(shards)
        for shard in shards:
            texts = _of_shard(shard, rng)
            rng.shuffle(texts)
            wanted = int(len(texts) * reviews / (1 - reviews))
            texts += [sst2[index % len(sst2)] for index in range(wanted)]
            rng.shuffle(texts)
            for start in range(0, len(texts), 1000):
                for encoding in tokenizer.encode_batch(texts[start : start + 1000]):
                    ids = encoding.ids
                    if len(ids) >= 6:
                        yield ids if len(ids) <= longest else [*ids[: longest - 1], ids[-1]]


def _of_shard(shard: Path, rng: random.Random) -> list[str]:
    """Half of the paragraphs as sentences, and passages until they make up their share."""
    texts = []
    for paragraphs in documents(shard):
        for paragraph in paragraphs:
            if rng.random() < PASSAGE_SHARE:
                texts.append(paragraph)
            else:
                texts.extend(s for s in SENTENCE_END.split(paragraph) if len(s) < 5 * LONGEST_SENTENCE)
    return texts

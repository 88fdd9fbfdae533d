"""Small corpora for tests of distillation and pre-training."""

import json
import random

from squeezebert.corpus import build_corpus
from squeezebert.tokenization import SqueezeBertTokenizerFast


def make_corpus(folder, trunk, words, *, documents=60, hold_out=7):
    """Documents of random sentences of a trunk's words."""
    rng = random.Random(13)
    lines = []
    for _ in range(documents):
        sentences = [
            " ".join(rng.choices(words, k=rng.randint(2, 11))).capitalize() + "."
            for _ in range(rng.randint(1, 6))
        ]
        lines.append(json.dumps({"text": " ".join(sentences)}))
    source = folder / "text.jsonl"
    source.write_text("\n".join(lines), encoding="utf-8")
    tokenizer = SqueezeBertTokenizerFast.from_pretrained(trunk)
    return str(build_corpus([source], folder / "corpus", tokenizer=tokenizer, hold_out=hold_out).folder)

"""A tokenizer that can spell anything in small letters, and tiny models of random weights."""

from __future__ import annotations

import string
from functools import lru_cache
from typing import Any

import torch

from squeezebert import modeling
from squeezebert.config import SqueezeBertConfig
from squeezebert.data import Row
from squeezebert.modeling.backend import TorchBackend
from squeezebert.pipelines import Pipeline
from squeezebert.tasks import get_task
from squeezebert.tasks.base import Setup
from squeezebert.tokenization import SqueezeBertTokenizerFast

WORDS = "the a cat sat on mat in paris ada lovelace lives good bad film very not is was and of"
VOCABULARY = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    *WORDS.split(), "##s", "##ing", "##ed",
    *string.ascii_lowercase, *string.digits, *string.punctuation,
    *(f"##{c}" for c in string.ascii_lowercase if c != "s"), *(f"##{d}" for d in string.digits),
]  # fmt: skip
LONGEST = 31


@lru_cache
def tokenizer() -> SqueezeBertTokenizerFast:
    return SqueezeBertTokenizerFast(VOCABULARY, model_max_length=LONGEST)


def config(labels: list[str] | None = None, problem: str | None = None, **changes: Any) -> SqueezeBertConfig:
    sizes: dict[str, Any] = {
        "vocab_size": len(VOCABULARY) + 6,
        "hidden_size": 24,
        "embedding_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 36,
        "max_position_embeddings": LONGEST,
        "initializer_range": 0.4,
        **changes,
    }
    plain = SqueezeBertConfig(**sizes)
    return plain if labels is None else plain.with_labels(labels, problem)


def model(head: str, seed: int = 3, **options: Any) -> Any:
    torch.manual_seed(seed)
    return getattr(modeling, head)(config(**options)).eval()


def pipe(
    task: str, *, seed: int = 3, max_length: int | None = None, stride: int | None = None, **options: Any
) -> Pipeline:
    found = get_task(task)
    backend = TorchBackend(model(found.head, seed, **options))
    return Pipeline(found, backend, tokenizer(), max_length=max_length, stride=stride)


def setup(labels: list[str] | None = None, problem: str | None = None, **window: Any) -> Setup:
    return Setup.of(config(labels, problem), tokenizer(), **window)


def row(**values: Any) -> Row:
    return Row(values, "file.csv:7")

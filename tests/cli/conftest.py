"""Tiny models of random weights in folders, and the program as tests call it."""

from __future__ import annotations

import io
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from squeezebert import modeling
from squeezebert.cli import main
from squeezebert.config import SqueezeBertConfig
from squeezebert.tokenization import SqueezeBertTokenizerFast


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


HEADS = {
    "text-classification": "SqueezeBertForSequenceClassification",
    "token-classification": "SqueezeBertForTokenClassification",
    "question-answering": "SqueezeBertForQuestionAnswering",
    "fill-mask": "SqueezeBertForMaskedLM",
    "multiple-choice": "SqueezeBertForMultipleChoice",
    "feature-extraction": "SqueezeBertModel",
    "zero-shot-classification": "SqueezeBertForSequenceClassification",
}
LABELS = {
    "text-classification": ["negative", "positive"],
    "token-classification": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
    "zero-shot-classification": ["contradiction", "neutral", "entailment"],
}
WORDS = ["the", "film", "is", "good", "bad", "ada", "lives", "in", "london", "who", "where"]
PIECES = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS,
    *string.ascii_lowercase, *string.digits, *(f"##{c}" for c in string.ascii_lowercase + string.digits),
    *".,:;!?'()-",
]  # fmt: skip


def save_tiny_model(folder: Path, task: str, **sizes: Any) -> Path:
    """Write a checkpoint of random weights for a task."""
    config = SqueezeBertConfig(
        **{
            "vocab_size": len(PIECES), "hidden_size": 8, "embedding_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 32,
            "q_groups": 2, "k_groups": 2, "v_groups": 2, "intermediate_groups": 2, "output_groups": 2,
            "initializer_range": 0.5, **sizes,
        }
    )  # fmt: skip
    if task in LABELS and "id2label" not in sizes:
        config = config.with_labels(LABELS[task])
    torch.manual_seed(13)
    model = getattr(modeling, HEADS[task])(config)
    model.initialize()
    model.save_pretrained(folder)
    SqueezeBertTokenizerFast(PIECES, model_max_length=config.max_position_embeddings).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folder of a tiny model for each task."""
    root = tmp_path_factory.mktemp("models")
    return {task: str(save_tiny_model(root / task, task)) for task in HEADS}


@dataclass
class Run:
    """What a run of the program left."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of an error that bad input must end in."""
        assert self.code == 2, (self.code, self.out, self.err)
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("squeezebert: error: ")
        assert self.out == ""
        return lines[0].removeprefix("squeezebert: error: ")


@pytest.fixture
def squeezebert(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Run the program in this process, through its entry point."""

    def run(*arguments: object, stdin: bytes = b"") -> Run:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Run(code, captured.out, captured.err)

    return run

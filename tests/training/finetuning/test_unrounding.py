"""Small changes of word embeddings outlast int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from squeezebert.checkpoints import read_checkpoint
from squeezebert.checkpoints.names import WORD_EMBEDDINGS
from squeezebert.checkpoints.quantized import dequantize, quantize
from squeezebert.quantization import Quantization
from squeezebert.training.finetuning.unrounding import unround
from tests.cli.conftest import save_tiny_model


def start(folder: Path, *, int8: bool) -> torch.Tensor:
    """Save a model, and read its word embeddings."""
    full = save_tiny_model(folder.with_name("full"), "fill-mask", hidden_size=128, embedding_size=128)
    if int8:
        Quantization.read(full, folder).write()
    else:
        full.rename(folder)
    return torch.from_numpy(read_checkpoint(folder).arrays[WORD_EMBEDDINGS].copy())


def stored(embeddings: torch.Tensor) -> NDArray[np.float32]:
    return dequantize(quantize({WORD_EMBEDDINGS: embeddings.numpy()}))[WORD_EMBEDDINGS]


def test_a_change_of_a_tenth_of_a_step_is_kept_on_average(tmp_path: Path) -> None:
    embeddings = start(tmp_path / "int8", int8=True)
    change = 0.1 * embeddings.abs().amax(1, keepdim=True) / 127
    before = embeddings.numpy().copy()
    lost = stored(embeddings + change) - before
    assert abs(lost.mean() / change.mean()) < 0.01
    unround(embeddings, str(tmp_path / "int8"), seed=0)
    kept = stored(embeddings + change) - stored(embeddings)
    assert 0.8 < kept.mean() / change.mean() < 1.2


def test_words_that_are_not_trained_keep_their_codes(tmp_path: Path) -> None:
    embeddings = start(tmp_path / "int8", int8=True)
    before = embeddings.numpy().copy()
    unround(embeddings, str(tmp_path / "int8"), seed=0)
    step = np.abs(before).max(1, keepdims=True) / 127
    assert 0.2 < (np.abs(embeddings.numpy() - before) / step).mean() < 0.3
    assert np.abs(stored(embeddings) - before).max() <= 1.01 * step.max()
    assert np.mean(np.abs(stored(embeddings) - before) < 0.51 * step) > 0.9


def test_a_model_in_full_precision_is_left_alone(tmp_path: Path) -> None:
    embeddings = start(tmp_path / "fp32", int8=False)
    before = embeddings.clone()
    unround(embeddings, str(tmp_path / "fp32"), seed=0)
    assert torch.equal(embeddings, before)

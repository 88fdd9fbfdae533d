"""Small checkpoints as arrays, without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from squeezebert.config import SqueezeBertConfig

CONFIG = SqueezeBertConfig(
    vocab_size=13, hidden_size=8, embedding_size=8, num_hidden_layers=2, num_attention_heads=2,
    intermediate_size=12, max_position_embeddings=7, q_groups=2,
)  # fmt: skip
SHAPES = {
    "transformer.embeddings.word_embeddings.weight": (13, 8),
    "transformer.encoder.layers.0.attention.query.weight": (8, 4, 1),
    "transformer.encoder.layers.0.attention.query.bias": (8,),
    "transformer.encoder.layers.0.output.layernorm.weight": (8,),
    "transformer.pooler.dense.weight": (8, 8),
    "classifier.weight": (2, 8),
    "classifier.bias": (2,),
}


def random_arrays(seed: int = 0, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        name: generator.standard_normal(shape).astype(np.float32)
        for name, shape in (shapes or SHAPES).items()
    }


def save_folder(
    folder: Path, tensors: dict[str, Any], metadata: dict[str, str] | None = None, **extra: Any
) -> Path:
    """A checkpoint folder written with safetensors itself, not with our writer."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata or {"format": "pt"})
    (folder / "config.json").write_text(json.dumps({**CONFIG.to_dict(), **extra}))
    return folder

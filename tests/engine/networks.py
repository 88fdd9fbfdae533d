"""Networks of random weights, in torch and on the engine."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch

from squeezebert import modeling
from squeezebert.checkpoints.arrays import Arrays
from squeezebert.checkpoints.names import to_published
from squeezebert.config import GROUP_KEYS, SqueezeBertConfig
from squeezebert.engine import Engine

LABELS = 5
HEADS = (
    "SqueezeBertModel",
    "SqueezeBertForSequenceClassification",
    "SqueezeBertForMultipleChoice",
    "SqueezeBertForTokenClassification",
    "SqueezeBertForQuestionAnswering",
    "SqueezeBertForMaskedLM",
)
# Sizes without common factors, and the usual ones, for which kernels have fast paths.
SIZES: dict[str, dict[str, Any]] = {
    "odd": {"hidden_size": 24, "num_attention_heads": 3, "intermediate_size": 36},
    "usual": {"hidden_size": 128, "num_attention_heads": 2, "intermediate_size": 512},
}
GROUPS = {
    "published": (4, 4, 4, 1, 4, 4),
    "bert": (1, 1, 1, 1, 1, 1),
    "different": (2, 1, 4, 8, 4, 2),
}
VOCABULARY, SEGMENTS, POSITIONS = 99, 3, 67
BASE, CLASSIFIER, CHOICES = HEADS[:3]
TOLERANCE = 3e-6


def network_config(sizes: str = "odd", groups: str = "published", **changes: Any) -> SqueezeBertConfig:
    chosen = {**SIZES[sizes], **dict(zip(GROUP_KEYS, GROUPS[groups], strict=True)), **changes}
    return SqueezeBertConfig(
        vocab_size=VOCABULARY, embedding_size=chosen["hidden_size"], num_hidden_layers=2,
        max_position_embeddings=POSITIONS, type_vocab_size=SEGMENTS, **chosen,
    ).with_labels([f"label {index}" for index in range(LABELS)])  # fmt: skip


def torch_network(head: str, config: SqueezeBertConfig, seed: int = 7) -> Any:
    """A model in eval mode whose parameters are all random, norms and biases included.

    Weights are scaled as training leaves them: each layer keeps the size of its input.
    """
    model = getattr(modeling, head)(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0.0, 0.1 if parameter.ndim == 1 else 1.0, generator=generator)
            if parameter.ndim > 1 and "embeddings" not in name:
                parameter /= parameter[0].numel() ** 0.5
            if name.lower().endswith("layernorm.weight"):
                parameter += 1.0
    return model.eval()


def arrays_of(model: Any) -> Arrays:
    """The weights under their published names."""
    state = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    return to_published(state, "test")


@lru_cache
def pair(
    head: str, sizes: str = "odd", groups: str = "published", precision: str = "fp32"
) -> tuple[Any, Engine]:
    """The same network in torch and on the engine."""
    config = network_config(sizes, groups)
    model = torch_network(head, config)
    return model, Engine(config, arrays_of(model), head, precision=precision, threads=2)


def batch(head: str, *, rows: int = 5, tokens: int = 11, seed: int = 0, holes: bool = True) -> dict[str, Any]:
    """Padded arrays with segments and shuffled positions, and a mask that keeps each first token."""
    generator = np.random.default_rng(seed)
    shape = (rows, 3, tokens) if head == CHOICES else (rows, tokens)
    mask = generator.integers(0, 2, shape) if holes else np.ones(shape, dtype=np.int64)
    mask[..., 0] = 1
    return {
        "input_ids": generator.integers(0, VOCABULARY, shape),
        "attention_mask": mask,
        "token_type_ids": generator.integers(0, SEGMENTS, shape),
        "position_ids": generator.integers(0, POSITIONS, shape),
    }


@torch.no_grad()
def torch_outputs(model: Any, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
    """What torch gives, with zeros at masked tokens."""
    found = model(**{name: torch.as_tensor(values) for name, values in inputs.items()})
    mask = np.asarray(inputs["attention_mask"]) != 0
    outputs = {name: values.numpy() for name, values in found.items()}
    for name, values in outputs.items():
        if name in ("last_hidden_state", "start_logits", "end_logits") or values.ndim > mask.ndim:
            values[~mask] = 0
    return outputs


def assert_close(found: Any, expected: dict[str, np.ndarray]) -> None:
    """Equal to a few of the last digits of the largest value."""
    assert list(found.keys()) == list(expected)
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        assert found[name].shape == values.shape
        tolerance = TOLERANCE * max(1.0, float(np.abs(values).max(initial=0)))
        np.testing.assert_allclose(found[name], values, atol=tolerance, rtol=0, err_msg=name)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))

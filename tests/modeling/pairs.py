"""Our models and transformers' with the same weights, and inputs of mutually prime sizes."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from torch import Tensor

from squeezebert import modeling
from squeezebert.config import GROUP_KEYS, SqueezeBertConfig

BATCH, CHOICES, TOKENS, LABELS = 13, 3, 7, 5
SIZES = {
    "vocab_size": 99,
    "hidden_size": 24,
    "embedding_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 36,
    "max_position_embeddings": 17,
    "type_vocab_size": 3,
    # Far from the 1e-12 of the norms inside the blocks, so that a mix-up shows.
    "layer_norm_eps": 1e-3,
}
GROUPS = {
    "published": (4, 4, 4, 1, 4, 4),
    "bert": (1, 1, 1, 1, 1, 1),
    "different": (2, 3, 4, 6, 12, 3),
}
HEADS = (
    "MaskedLM",
    "SequenceClassification",
    "MultipleChoice",
    "TokenClassification",
    "QuestionAnswering",
)


def tiny_config(groups: str = "published", **changes: Any) -> SqueezeBertConfig:
    return SqueezeBertConfig(**{**SIZES, **dict(zip(GROUP_KEYS, GROUPS[groups], strict=True)), **changes})


def theirs_for(name: str, groups: str = "published", **changes: Any) -> transformers.PreTrainedModel:
    """A transformers model in eval mode with every parameter random, norms and biases included."""
    values = tiny_config(groups).to_dict()
    labels = {} if name.endswith("QuestionAnswering") else {"num_labels": LABELS}
    for key in ("id2label", "label2id", "architectures", "model_type"):
        del values[key]
    config = transformers.SqueezeBertConfig(**{**values, **labels, **changes})
    return randomised(getattr(transformers, name)(config))


def randomised(model: Any) -> Any:
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.3, generator=generator)
    return model.eval()


def ours_like(theirs: transformers.PreTrainedModel) -> Any:
    """Our model of the same class, config and weights."""
    config = SqueezeBertConfig.from_dict(theirs.config.to_dict())
    model = getattr(modeling, type(theirs).__name__)(config)
    model.load_state_dict(theirs.state_dict())
    return model.eval()


def random_inputs(seed: int = 0, *, choices: bool = False) -> dict[str, Tensor]:
    """Ids, a mask with holes, segments and shuffled positions; every row keeps a token."""
    generator = torch.Generator().manual_seed(seed)
    shape = (BATCH, CHOICES, TOKENS) if choices else (BATCH, TOKENS)
    mask = torch.randint(0, 2, shape, generator=generator)
    mask[..., 2] = 1
    return {
        "input_ids": torch.randint(0, SIZES["vocab_size"], shape, generator=generator),
        "attention_mask": mask,
        "token_type_ids": torch.randint(0, 3, shape, generator=generator),
        "position_ids": torch.randint(0, 17, shape, generator=generator),
    }


def targets(head: str) -> dict[str, Tensor]:
    """Labels for a head, with the values that take no loss among them."""
    generator = torch.Generator().manual_seed(3)

    def integers(low: int, high: int, *shape: int) -> Tensor:
        return torch.randint(low, high, shape, generator=generator)

    ignored = integers(0, 2, BATCH, TOKENS).bool()
    if head == "MaskedLM":
        return {"labels": integers(0, 99, BATCH, TOKENS).masked_fill(ignored, -100)}
    if head == "TokenClassification":
        return {"labels": integers(0, LABELS, BATCH, TOKENS).masked_fill(ignored, -100)}
    if head == "QuestionAnswering":
        # Positions from TOKENS on lie outside the input.
        return {
            "start_positions": integers(0, TOKENS + 3, BATCH),
            "end_positions": integers(0, TOKENS + 3, BATCH),
        }
    return {"labels": integers(0, CHOICES if head == "MultipleChoice" else LABELS, BATCH)}

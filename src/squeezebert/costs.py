"""What a model costs: its parameters by part, the bytes to store them, and the operations to run it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from squeezebert.checkpoints.quantized import is_norm
from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import OptionError

# Parts of a checkpoint by the prefix of their published tensor names.
PARTS: Mapping[str, str] = {
    "transformer.embeddings.": "embeddings",
    "transformer.encoder.": "blocks",
    "transformer.pooler.": "pooler",
    "cls.predictions.": "masked-LM head",
    "cls.seq_relationship.": "sentence-order head",
    "classifier.": "classifier",
    "qa_outputs.": "question-answering head",
}


def part_of(name: str) -> str:
    """The part that a tensor belongs to, by its published name."""
    return next((part for prefix, part in PARTS.items() if name.startswith(prefix)), "other")


def parameters_by_part(sizes: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Sum up (published tensor name, parameters) by part, in the order of ``PARTS``."""
    counts: Counter[str] = Counter()
    for name, size in sizes:
        counts[part_of(name)] += size
    return {part: counts[part] for part in (*PARTS.values(), "other") if counts[part]}


def stored_bytes(shapes: Mapping[str, tuple[int, ...]], dtype: str) -> int:
    """Bytes of tensors, by their published names, stored as ``"float32"``, ``"float16"`` or ``"int8"``.

    In int8, as this package writes it, a matrix takes a byte for each value and four for the scale of each
    row, a bias two for each value, and a norm four.
    """
    return sum(_stored_bytes(name, shape, dtype) for name, shape in shapes.items())


def _stored_bytes(name: str, shape: tuple[int, ...], dtype: str) -> int:
    values = math.prod(shape)
    if dtype != "int8":
        return values * {"float32": 4, "float16": 2}[dtype]
    if len(shape) >= 2:
        return values + 4 * shape[0]
    return values * (4 if is_norm(name) else 2)


def encoder_operations(config: SqueezeBertConfig, tokens: int) -> dict[str, int]:
    """Count the floating point operations of the encoder for one text, by layer.

    A multiplication and an addition are two operations. Linear layers and attention products count;
    softmax, norms, activations, biases and heads, under two per cent together, do not, as is usual.

    Args:
        config: Sizes and groups.
        tokens: Length of the text, special tokens included.

    Returns:
        Operations of ``query, key, value``, ``attention``, ``post_attention``, ``intermediate`` and
        ``output``, of all blocks together.

    Raises:
        OptionError: The model cannot read a text of this length.
    """
    if not 1 <= tokens <= config.max_position_embeddings:
        raise OptionError(
            f"tokens {tokens} is not between 1 and {config.max_position_embeddings}, the most the model reads"
        )
    hidden, inner = config.hidden_size, config.intermediate_size
    multiplications = {
        "query, key, value": sum(
            hidden * hidden // groups for groups in (config.q_groups, config.k_groups, config.v_groups)
        ),
        # Each token meets every other one twice: in the scores and in the weighted sum.
        "attention": 2 * tokens * hidden,
        "post_attention": hidden * hidden // config.post_attention_groups,
        "intermediate": hidden * inner // config.intermediate_groups,
        "output": inner * hidden // config.output_groups,
    }
    return {layer: 2 * count * tokens * config.num_hidden_layers for layer, count in multiplications.items()}

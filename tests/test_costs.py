"""The figures that `info` prints: operations as in the reference table, parameters as torch counts them."""

from __future__ import annotations

import pytest

from squeezebert.config import GROUP_KEYS, SqueezeBertConfig
from squeezebert.costs import encoder_operations, parameters_by_part, part_of, stored_bytes
from squeezebert.errors import OptionError

BASE = SqueezeBertConfig()
BERT = SqueezeBertConfig(**dict.fromkeys(GROUP_KEYS, 1))


@pytest.mark.parametrize(
    ("config", "tokens", "giga"),
    [(BASE, 128, 7.40), (BERT, 128, 22.3), (BASE, 512, 36.8), (BERT, 512, 96.6)],
)
def test_operations_are_those_derived_for_the_published_sizes(
    config: SqueezeBertConfig, tokens: int, giga: float
) -> None:
    counted = sum(encoder_operations(config, tokens).values()) / 1e9
    assert float(f"{counted:.3g}") == giga


def test_shares_are_those_derived_for_the_published_sizes() -> None:
    counts = encoder_operations(BASE, 128)
    shares = {layer: round(100 * count / sum(counts.values()), 1) for layer, count in counts.items()}
    thirds = {"post_attention": 24.5, "intermediate": 24.5, "output": 24.5}
    assert shares == {"query, key, value": 18.4, "attention": 8.2, **thirds}


def test_operations_are_those_that_torch_counts() -> None:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from squeezebert.modeling import SqueezeBertModel

    config = SqueezeBertConfig(
        vocab_size=99, hidden_size=24, embedding_size=24, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=40, q_groups=2, k_groups=4, v_groups=1, post_attention_groups=3,
        intermediate_groups=8, output_groups=2,
    )  # fmt: skip
    model = SqueezeBertModel(config).eval()
    pooler = 2 * 24 * 24
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        model(torch.ones(1, 7, dtype=torch.long))
    assert counter.get_total_flops() == sum(encoder_operations(config, 7).values()) + pooler


@pytest.mark.parametrize("tokens", [0, 513])
def test_length_that_the_model_cannot_read_is_refused(tokens: int) -> None:
    with pytest.raises(OptionError, match=f"tokens {tokens} is not between 1 and 512"):
        encoder_operations(BASE, tokens)


def test_parts_add_up_in_order() -> None:
    sizes = [("classifier.bias", 2), ("transformer.embeddings.a", 5), ("classifier.weight", 3), ("x", 1)]
    assert list(parameters_by_part(sizes).items()) == [("embeddings", 5), ("classifier", 5), ("other", 1)]
    assert part_of("cls.predictions.bias") == "masked-LM head"


def test_stored_bytes_by_type() -> None:
    shapes = {"a.weight": (7, 13), "b.weight": (11, 3, 1), "a.bias": (13,), "b.layernorm.bias": (3,)}
    values = 7 * 13 + 33 + 13 + 3
    assert stored_bytes(shapes, "float32") == 4 * values
    assert stored_bytes(shapes, "float16") == 2 * values
    assert stored_bytes(shapes, "int8") == (91 + 4 * 7) + (33 + 4 * 11) + 2 * 13 + 4 * 3

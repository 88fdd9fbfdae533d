"""The table of models. All have random weights of the right sizes: speed does not depend on their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from squeezebert.config import SqueezeBertConfig

VOCABULARY = 30522


@dataclass(frozen=True)
class Model:
    """A network to measure.

    Attributes:
        name: What the command line calls it.
        title: What the table calls it.
        family: Models of one family are measured against each other, in one group.
        architecture: ``model_type`` of transformers' config.
        library: Whose code the network is: ``"transformers"`` or ``"squeezebert"``.
        sizes: Values of the config that differ from its defaults.
    """

    name: str
    title: str
    family: str
    architecture: str
    library: str = "transformers"
    sizes: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def config(self) -> SqueezeBertConfig | None:
        """The network as this package knows it, None where it is neither SqueezeBERT nor BERT."""
        if self.architecture not in ("squeezebert", "bert"):
            return None
        return SqueezeBertConfig.from_dict(self.to_dict()["sizes"] | {"model_type": self.architecture})

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return asdict(self)


MODELS: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model("squeezebert", "SqueezeBERT", "squeezebert", "squeezebert"),
        # The published network computes its groups as convolutions, which no runtime does fast. Its peers get
        # the same function as matrix products too.
        Model(
            "squeezebert-matmul", "SqueezeBERT as batched matmul", "squeezebert", "squeezebert",
            library="squeezebert",
        ),
        Model("bert-base", "BERT-base", "bert-base", "bert"),
        Model("distilbert", "DistilBERT", "distilbert", "distilbert"),
        Model("mobilebert", "MobileBERT", "mobilebert", "mobilebert"),
        Model(
            "minilm-l6", "MiniLM-L6", "minilm-l6", "bert",
            sizes={
                "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
                "intermediate_size": 1536,
            },
        ),
    )
}  # fmt: skip

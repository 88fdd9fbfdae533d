"""Feature extraction: a vector for each text, whose cosine says how alike two texts are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from squeezebert.config import SqueezeBertConfig
from squeezebert.engine.backend import BASE, Outputs
from squeezebert.errors import DataError, OptionError
from squeezebert.tasks import metrics
from squeezebert.tasks.base import Example, Feature, Setup, Task, Window
from squeezebert.tasks.columns import Column, text_of
from squeezebert.tasks.labels import as_number, check_commas
from squeezebert.tasks.vectors import SHORTEST, Vector, pooled, texts_apart, vector_of, windows_apart

POOLINGS = ("mean", "cls", "pooler")
# Cosines that are no further apart are the same: those of pairs of equal texts, for example.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class FeatureExample(Example):
    """A text, and for training and evaluation a second one and how alike people find the two.

    Attributes:
        text: To make a vector of.
        text_pair: To compare it with.
        label: A number, or what spells one.
    """

    text: str
    text_pair: str | None = None
    label: str | float | None = None


@dataclass(frozen=True)
class FeatureExtractionOptions:
    """How to make one vector of the tokens' vectors.

    Attributes:
        pooling: "mean" over all tokens, special ones included; "cls", the vector of the first token; or
            "pooler", what the pooler makes of it.
        normalize: Whether vectors get length 1, so that their product is their cosine.
    """

    pooling: str = "mean"
    normalize: bool = True

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS:
            raise OptionError(f"pooling {self.pooling!r} is not one of {', '.join(POOLINGS)}")


class FeatureExtraction(Task[FeatureExample, FeatureExtractionOptions]):
    """Search, duplicates, clusters, features for other programs."""

    name = "feature-extraction"
    head = BASE
    columns = (
        Column("text", ("sentence", "sentence1", "question1", "premise", "review", "content", "comment",
                        "utterance", "query", "message", "tweet", "body")),
        # Learning and measuring need pairs; vectors are made of single texts.
        Column("text_pair", ("sentence2", "question2", "hypothesis"), label=True),
        Column("label", ("score", "similarity", "relatedness", "rating"), label=True),
    )  # fmt: skip
    options_type = FeatureExtractionOptions
    evaluation_options = FeatureExtractionOptions()
    evaluation_choices = ("pooling",)

    def read(self, values: Mapping[str, Any], where: str) -> FeatureExample:
        """Make an example; the label is a number."""
        text = text_of(values, "text", where)
        if "label" not in values:
            return FeatureExample(where, text)
        if as_number(values["label"]) is None:
            raise DataError(f"{where}: label {values['label']!r} is not a number; a similarity is one")
        return FeatureExample(where, text, text_of(values, "text_pair", where), values["label"])

    def configure(self, config: SqueezeBertConfig, examples: Sequence[FeatureExample]) -> SqueezeBertConfig:
        """See that the labels are numbers beyond doubt, and not all the same; see :meth:`Task.configure`."""
        self.check_together(examples, config)
        if len(examples) > 1 and len({as_number(example.label) for example in examples}) == 1:
            raise DataError(
                f"{examples[0].where} and {len(examples) - 1} more: all have the label "
                f"{examples[0].label!r}; what is learnt is which pairs are more alike than others"
            )
        return super().configure(config, examples)

    def encode(self, example: FeatureExample, setup: Setup) -> list[Window]:
        """Window each text by itself; ``choice`` is 1 for those of the second text."""
        texts = [example.text] if example.text_pair is None else [example.text, example.text_pair]
        return windows_apart(texts, setup)

    def condense(self, outputs: Outputs) -> Outputs:
        """Keep the candidates for the window's vector: by ``POOLINGS``, each ``[hidden]``."""
        return pooled(outputs)

    def decode(
        self,
        example: FeatureExample,
        windows: Sequence[Window],
        outputs: Sequence[Outputs],
        setup: Setup,
        options: FeatureExtractionOptions,
    ) -> Vector:
        """Give the vector of the text ``[hidden]``; of a pair one each, ``[2, hidden]``."""
        vectors = [
            vector_of(*text, options.pooling, normalize=options.normalize)
            for text in texts_apart(windows, outputs)
        ]
        return vectors[0] if example.text_pair is None else np.stack(vectors)

    def features(
        self, example: FeatureExample, windows: Sequence[Window], setup: Setup, rng: np.random.Generator
    ) -> list[Feature]:
        """Put the two texts side by side; of long ones the first windows, which say most of what they are."""
        if example.label is None:
            raise DataError(f"{example.where}: has no label")
        pair = tuple(next(window for window in windows if window.choice == index) for index in range(2))
        return [Feature(pair, {"labels": np.array(as_number(example.label), dtype=np.float32)})]

    def check_together(self, examples: Sequence[FeatureExample], config: SqueezeBertConfig) -> None:
        """See that commas in labels are not ambiguous."""
        check_commas({example.where: example.label for example in examples})

    def contents(self, example: FeatureExample) -> tuple[Hashable, ...]:
        """As :meth:`Task.contents`: a pair is known in either order."""
        return (*super().contents(example), frozenset((example.text, example.text_pair)))

    def metric(
        self, examples: Sequence[FeatureExample], answers: Sequence[Vector], config: SqueezeBertConfig
    ) -> dict[str, float]:
        """Give the correlations of the cosines with the labels: of their ranks first, as the field does."""
        true = np.array([as_number(example.label) for example in examples], dtype=np.float64)
        pairs = np.array(answers, dtype=np.float64)
        norms = np.maximum(np.linalg.norm(pairs, axis=2), SHORTEST)
        cosines = np.sum(pairs[:, 0] * pairs[:, 1], axis=1) / norms.prod(axis=1)
        if np.ptp(cosines) < _ROUNDING:
            cosines[:] = cosines[0]
        return {"spearman": metrics.spearman(true, cosines), "pearson": metrics.pearson(true, cosines)}

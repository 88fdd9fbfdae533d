"""Zero-shot classification: which of some labels fits a text, without training for them.

What the checkpoint is decides how. A model of natural language inference says how likely the text entails
"This example is {label}.". A model without a head for text classification compares the embedding of the text
with those of these sentences.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.config import SqueezeBertConfig
from squeezebert.engine.backend import BASE, Outputs, published_head
from squeezebert.errors import DataError, OptionError, nearest
from squeezebert.tasks import metrics
from squeezebert.tasks.base import Answer, Example, Feature, Setup, Task, Window, extent
from squeezebert.tasks.columns import Column, parsed, text_of
from squeezebert.tasks.labels import ordered, refuse_missing
from squeezebert.tasks.merging import merge
from squeezebert.tasks.scores import highest, softmax
from squeezebert.tasks.text_classification import TextClassification
from squeezebert.tasks.vectors import SIMILARITY, likeness, pooled, texts_apart, windows_apart

CLASSIFIER = TextClassification.head
TEMPLATE = "This example is {}."
ENTAILMENT = "entailment"

_PLACE = "{}"
_SPECIAL_TOKENS = 3
_SHOWN = 40


@dataclass(frozen=True)
class ZeroShotExample(Example):
    """A text, the labels to choose from, the template of their sentences, and for evaluation the right one.

    While labelled examples are read, ``candidate_labels`` may be empty; see
    :meth:`ZeroShotClassification.gather`.
    """

    text: str
    candidate_labels: tuple[str, ...]
    template: str = TEMPLATE
    label: str | None = None

    @property
    def hypotheses(self) -> list[str]:
        """The sentence of each label."""
        return [self.template.replace(_PLACE, label) for label in self.candidate_labels]


@dataclass(frozen=True)
class ZeroShotOptions:
    """How to compare.

    Attributes:
        multi_label: Whether several labels may fit, so that each gets a probability of its own; otherwise
            these add up to 1.
    """

    multi_label: bool = False


class ZeroShotClassification(Task[ZeroShotExample, ZeroShotOptions]):
    """Topics, intents, urgency: any labels that words can name."""

    name = "zero-shot-classification"
    head = CLASSIFIER
    columns = (
        Column("text", ("sequence", "sequences", *TextClassification.columns[0].aliases)),
        Column("candidate_labels", ("candidates",), required=False, listed=True),
        Column("hypothesis_template", required=False),
        Column("label", ("category", "class", "intent", "sentiment", "topic", "target"), label=True),
    )
    options_type = ZeroShotOptions
    evaluation_options = ZeroShotOptions()

    def head_for(self, config: SqueezeBertConfig) -> str:
        """Choose the classifier where it is one of entailment, the model without head where it is none."""
        return BASE if entailment_of(config) is None else CLASSIFIER

    def check_trainable(self) -> None:
        """Refuse: what models learnt for another task does this one."""
        raise OptionError(
            f"no model is trained for {self.name}; train text-classification on your labels, or on "
            "entailment for a better model of this task"
        )

    def read(self, values: Mapping[str, Any], where: str) -> ZeroShotExample:
        """Make an example; candidate labels are a list, a cell with one, or a string with commas."""
        candidates = _read_candidates(values.get("candidate_labels"), where)
        if "label" not in values and not candidates:
            raise DataError(f"{where}: has no labels to choose from; give candidate_labels (--labels A,B)")
        label = None
        if "label" in values:
            refuse_missing(values["label"], where)
            label = str(values["label"]).strip()
        if label is not None and candidates and label not in candidates:
            raise DataError(
                f"{where}: label {label!r}{nearest(label, candidates)} is none of the candidate labels"
            )
        given = values.get("hypothesis_template")
        template = TEMPLATE if given is None else text_of(values, "hypothesis_template", where)
        if _PLACE not in template:
            raise DataError(f"{where}: hypothesis_template {template!r} has no {_PLACE} for the label")
        return ZeroShotExample(where, text_of(values, "text", where), candidates, template, label)

    def gather(self, examples: Iterable[ZeroShotExample]) -> Iterable[ZeroShotExample]:
        """Give examples without candidate labels the labels of all examples.

        Raises:
            DataError: All have the same label, so that there is nothing to choose.
        """
        every = list(examples)
        labels = tuple(ordered(example.label for example in every if example.label is not None))
        open_ones = [example for example in every if not example.candidate_labels]
        if open_ones and len(labels) == 1:
            raise DataError(
                f"{open_ones[0].where}: all rows have the label {labels[0]!r}; give the candidate_labels "
                "that it is one of"
            )
        return [
            example if example.candidate_labels else dataclasses.replace(example, candidate_labels=labels)
            for example in every
        ]

    def check(self, example: ZeroShotExample, config: SqueezeBertConfig) -> None:
        """See that the model can do it; any label will do."""
        self.head_for(config)

    def check_options(self, options: ZeroShotOptions, setup: Setup) -> None:
        """See that ``multi_label`` is not asked of a model that can only compare the labels."""
        if options.multi_label and entailment_of(setup.config) is None:
            raise OptionError("multi_label needs a model of entailment; embeddings only compare the labels")

    def encode(self, example: ZeroShotExample, setup: Setup) -> list[Window]:
        """Window the text with each hypothesis; for similarity, the text and the hypotheses apart.

        ``choice`` counts the labels; of a text apart it is one more than the last of them.

        Raises:
            DataError: A hypothesis leaves no room for the text.
        """
        if entailment_of(setup.config) is None:
            return windows_apart([*example.hypotheses, example.text], setup)
        return [
            Window(encoding, choice=index)
            for index, hypothesis in enumerate(example.hypotheses)
            for encoding in setup.tokenizer.encode_windows(
                example.text,
                hypothesis,
                max_length=setup.max_length,
                stride=_stride_beside(hypothesis, example, setup),
                truncation="only_first",
            )
        ]

    def condense(self, outputs: Outputs) -> Outputs:
        """Keep the logits, or the vector of the window."""
        return outputs if "logits" in outputs else pooled(outputs)

    def decode(
        self,
        example: ZeroShotExample,
        windows: Sequence[Window],
        outputs: Sequence[Outputs],
        setup: Setup,
        options: ZeroShotOptions,
    ) -> Answer:
        """Give ``{"sequence", "labels", "scores", "method", "windows", "truncated"}``, the best label first.

        ``method`` is "entailment" or "similarity".
        """
        entailment = entailment_of(setup.config)
        parts = texts_apart(windows, outputs)
        if entailment is not None:
            logits = np.array([merge(*part) for part in parts])
            alone = options.multi_label or len(logits) == 1
            scores = (
                _each_alone(logits, entailment, setup.config) if alone else softmax(logits[:, entailment])
            )
        else:
            scores = likeness(parts)
        order = highest(scores)
        return {
            "sequence": example.text,
            "labels": [example.candidate_labels[index] for index in order],
            "scores": scores[order].tolist(),
            "method": SIMILARITY if entailment is None else ENTAILMENT,
            # By similarity the text is the last one, and long labels have windows of their own.
            **extent(parts[-1][0] if entailment is None else max((mine for mine, _ in parts), key=len)),
        }

    def features(
        self, example: ZeroShotExample, windows: Sequence[Window], setup: Setup, rng: np.random.Generator
    ) -> list[Feature]:
        """Refuse, as :meth:`check_trainable` does."""
        self.check_trainable()
        return []

    def metric(
        self, examples: Sequence[ZeroShotExample], answers: Sequence[Answer], config: SqueezeBertConfig
    ) -> dict[str, float]:
        """Give the accuracy, and the mean F1 over the labels."""
        names = ordered({*(example.label for example in examples), *(a["labels"][0] for a in answers)})
        index = {name: place for place, name in enumerate(names)}
        true = np.array([index[str(example.label)] for example in examples])
        best = np.array([index[answer["labels"][0]] for answer in answers])
        return {"accuracy": metrics.accuracy(true, best), "f1_macro": metrics.f1_macro(true, best)}


def entailment_of(config: SqueezeBertConfig) -> int | None:
    """The output that means entailment; None if the checkpoint is no text classifier.

    The label is known by its name, which begins with "entail", as in transformers.

    Raises:
        OptionError: It is a text classifier of something else, or its labels have no names.
    """
    named = _index_of("entail", config)
    heads = [published_head(name) for name in config.architectures]
    # Without architectures, as in the published checkpoints, a number of labels of its own tells.
    classifies = CLASSIFIER in heads if heads else config.num_labels != SqueezeBertConfig().num_labels
    if named is None and classifies:
        raise OptionError(
            f"the model classifies {', '.join(config.id2label.values())}; zero-shot classification needs a "
            "label 'entailment' (name it in id2label of config.json if the model has one), or a model "
            "without head"
        )
    return named if classifies or not heads else None


def _index_of(start: str, config: SqueezeBertConfig) -> int | None:
    found = (index for label, index in config.label2id.items() if label.lower().startswith(start))
    return next(found, None)


def _each_alone(
    logits: NDArray[np.float64], entailment: int, config: SqueezeBertConfig
) -> NDArray[np.float64]:
    """``[labels, outputs]`` -> ``[labels]``: for each label, entailment against contradiction.

    Where no output has the name of contradiction, all others stand for it.
    """
    contradiction = _index_of("contra", config)
    others = range(config.num_labels) if contradiction is None else (contradiction,)
    columns = [entailment, *(index for index in others if index != entailment)]
    return softmax(logits[:, columns])[:, 0]


def _read_candidates(value: object, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    items = parsed(value) if isinstance(value, str) else value
    items = items.split(",") if isinstance(items, str) else items
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise DataError(f"{where}: candidate_labels is {value!r}; expected a list of strings")
    return tuple(dict.fromkeys(label for item in items if (label := item.strip())))


def _stride_beside(hypothesis: str, example: ZeroShotExample, setup: Setup) -> int:
    """Tokens of the text that neighbouring windows share, fewer where a hypothesis takes much of a window."""
    length = len(setup.tokenizer.tokenize(hypothesis))
    room = setup.max_length - _SPECIAL_TOKENS - length
    if room < 1:
        raise DataError(
            f"{example.where}: the hypothesis {hypothesis[:_SHOWN]!r} … has {length} tokens, which leaves no "
            f"room for the text in a window of {setup.max_length}; shorten the label, or raise max_length"
        )
    return min(setup.stride, (room - 1) // 2)

"""Text classification: one label, several labels or a number for a text or a pair of texts."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.config import SqueezeBertConfig
from squeezebert.engine.backend import Outputs
from squeezebert.errors import DataError, OptionError
from squeezebert.tasks import metrics
from squeezebert.tasks.base import Answer, Example, Feature, Setup, Task, Window, extent
from squeezebert.tasks.columns import Column, parsed, text_of
from squeezebert.tasks.labels import (
    are_measurements,
    as_number,
    check_commas,
    is_not_finite,
    label_index,
    may_be_measurements,
    ordered,
    refuse_missing,
)
from squeezebert.tasks.merging import merge
from squeezebert.tasks.scores import highest, sigmoid, softmax

Label = str | int | float | tuple[str | int, ...]

SINGLE, MULTI, REGRESSION = "single_label_classification", "multi_label_classification", "regression"
FUNCTIONS = ("softmax", "sigmoid", "none")
THRESHOLD = 0.5

# Beside a query or a sentence they are the other half of a pair.
_OTHER_TEXTS = ("question", "passage", "document", "context")


@dataclass(frozen=True)
class TextExample(Example):
    """A text or a pair, and for training its label, its labels or its number."""

    text: str
    text_pair: str | None = None
    label: Label | None = None

    def swapped(self) -> TextExample | None:
        """The same pair in the other order; None of a single text."""
        if self.text_pair is None:
            return None
        return replace(self, text=self.text_pair, text_pair=self.text)


@dataclass(frozen=True)
class TextClassificationOptions:
    """What to answer.

    Attributes:
        top_k: How many labels, best first; 1 gives one dict and not a list; None gives all.
        function_to_apply: "softmax", "sigmoid" or "none"; None chooses by the model's problem type.
        threshold: Give a list of the labels whose score is at least this, however many, in place of
            ``top_k``; None takes ``top_k``.
    """

    top_k: int | None = 1
    function_to_apply: str | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.top_k is not None and self.top_k < 1:
            raise OptionError(f"top_k {self.top_k} is less than 1; for all labels give a large one, or None")
        if self.threshold is not None and self.top_k not in (1, None):
            raise OptionError(f"top_k {self.top_k} and threshold {self.threshold} cannot both be given")
        if self.threshold is not None and math.isnan(self.threshold):
            raise OptionError("threshold nan is not a number")
        if self.function_to_apply not in (None, *FUNCTIONS):
            raise OptionError(
                f"function_to_apply {self.function_to_apply!r} is not one of {', '.join(FUNCTIONS)}"
            )


class TextClassification(Task[TextExample, TextClassificationOptions]):
    """Sentiment, topic, intent, paraphrase, entailment, similarity."""

    name = "text-classification"
    head = "SqueezeBertForSequenceClassification"
    columns = (
        Column("text", ("sentence", "sentence1", "premise", "question1", "review", "content", "comment",
                        "utterance", "query", "message", "tweet", "body"), rivals=_OTHER_TEXTS),
        Column("text_pair", ("sentence2", "hypothesis", "question2"), required=False),
        Column("label", ("category", "class", "intent", "sentiment", "labels", "gold_label", "topic",
                         "target", "score", "rating", "similarity"), label=True),
    )  # fmt: skip
    options_type = TextClassificationOptions
    evaluation_options = TextClassificationOptions(top_k=None)
    no_scores = ("mse",)

    def read(self, values: Mapping[str, Any], where: str) -> TextExample:
        """Make an example; ``text_pair`` may be missing or None."""
        pair = None if values.get("text_pair") is None else text_of(values, "text_pair", where)
        label = _read_label(values["label"], where) if "label" in values else None
        return TextExample(where, text_of(values, "text", where), pair, label)

    def configure(self, config: SqueezeBertConfig, examples: Sequence[TextExample]) -> SqueezeBertConfig:
        """Take problem type and labels from the examples; see :meth:`Task.configure`.

        Lists of labels make it multi-label, numbers of which one has decimals make it regression.
        """
        config = super().configure(config, examples)
        problem = config.problem_type or _problem_of(examples)
        if problem == REGRESSION:
            _check_numbers(examples)
            return config.with_labels(["score"], problem)
        if problem == MULTI:
            names = ordered(name for example in examples for name in _several(example))
        else:
            names = ordered(_one(example) for example in examples)
        if len(names) < 2:
            only = f"all have the label {names[0]!r}" if names else "none has a label"
            rows = f"{examples[0].where} and {len(examples) - 1} more"
            raise DataError(f"{rows}: {only}; classification needs two labels or more")
        if problem == MULTI and all({*map(str, _several(example))} == {*names} for example in examples):
            raise DataError(
                f"{examples[0].where} and {len(examples) - 1} more: all have all {len(names)} labels; write "
                "the names of those that fit, not 0 and 1 for each"
            )
        return config.with_labels(names, problem)

    def encode(self, example: TextExample, setup: Setup) -> list[Window]:
        """Window the text; of a pair the longer one first, and all combinations where both are long."""
        encodings = setup.tokenizer.encode_windows(
            example.text,
            example.text_pair,
            max_length=setup.max_length,
            stride=setup.stride,
            truncation="longest_first",
        )
        return [Window(encoding) for encoding in encodings]

    def decode(
        self,
        example: TextExample,
        windows: Sequence[Window],
        outputs: Sequence[Outputs],
        setup: Setup,
        options: TextClassificationOptions,
    ) -> Answer:
        """Give ``{"label", "score", "windows", "truncated"}``, or a list of them."""
        scores = _scores(merge(windows, outputs), setup.config, options.function_to_apply)
        threshold = options.threshold
        best = highest(scores, None if threshold is not None else options.top_k)
        labels, read = setup.config.id2label, extent(windows)
        answers = [
            {"label": labels[index], "score": score, **read}
            for index, score in zip(best.tolist(), scores[best].tolist(), strict=True)
            if threshold is None or score >= threshold
        ]
        return answers[0] if options.top_k == 1 and threshold is None else answers

    def features(
        self, example: TextExample, windows: Sequence[Window], setup: Setup, rng: np.random.Generator
    ) -> list[Feature]:
        """Give every window the label of its text."""
        target = target_of(example, setup.config)
        return [Feature((window,), {"labels": target}) for window in windows]

    def check(self, example: TextExample, config: SqueezeBertConfig) -> None:
        """See that the label is one of the model's."""
        target_of(example, config)

    def check_together(self, examples: Sequence[TextExample], config: SqueezeBertConfig) -> None:
        """See that commas in numbers are not ambiguous."""
        if problem_type(config) == REGRESSION:
            _check_numbers(examples)

    def contents(self, example: TextExample) -> tuple[Hashable, ...]:
        """As :meth:`Task.contents`: a pair is known in either order."""
        pair = () if example.text_pair is None else (frozenset((example.text, example.text_pair)),)
        return (*super().contents(example), *pair)

    def condense_answer(self, answer: Answer, config: SqueezeBertConfig) -> Answer:
        """Keep the labels that are decided for, which of many are few; of numbers all."""
        problem = problem_type(config)
        if problem == SINGLE:
            return answer[:1]
        return [item for item in answer if item["score"] > THRESHOLD] if problem == MULTI else answer

    def metric(
        self, examples: Sequence[TextExample], answers: Sequence[Answer], config: SqueezeBertConfig
    ) -> dict[str, float]:
        """Give accuracy first (one label), micro F1 (several) or Spearman's correlation (numbers)."""
        targets = np.stack([target_of(example, config) for example in examples])
        scores = np.stack([_in_order(answer, config) for answer in answers])
        problem = problem_type(config)
        if problem == REGRESSION:
            true, predicted = targets.astype(np.float64), scores[:, 0]
            return {
                "spearman": metrics.spearman(true, predicted),
                "pearson": metrics.pearson(true, predicted),
                "mse": float(np.mean((true - predicted) ** 2)),
            }
        if problem == MULTI:
            decided = scores > THRESHOLD
            f1s = metrics.multi_label_f1(targets > 0, decided)
            return {**f1s, "accuracy": metrics.accuracy(targets > 0, decided)}
        best = scores.argmax(axis=1)
        result = {"accuracy": metrics.accuracy(targets, best), "f1_macro": metrics.f1_macro(targets, best)}
        if config.num_labels == 2:
            result["f1"] = metrics.f1_of_class(targets, best, positive_label(config))
        return {**result, "matthews": metrics.matthews(targets, best)}


def problem_type(config: SqueezeBertConfig) -> str:
    """What the head answers; a single output that is no number is a score by itself, as in transformers."""
    if config.num_labels == 1 and config.problem_type != REGRESSION:
        return MULTI  # As a single one of one label it would be certain of every text.
    return config.problem_type or SINGLE


def positive_label(config: SqueezeBertConfig) -> int:
    """Which of two labels is the one that F1 is of: the second, unless that is the first with a negation.

    Labels are in alphabetical order where a file names them: "equivalent" comes before "not_equivalent".
    """
    first, second = (config.id2label[index].lower() for index in range(2))
    return 0 if second in (f"not_{first}", f"not-{first}", f"not {first}") else 1


def _scores(
    logits: NDArray[np.float64], config: SqueezeBertConfig, function: str | None
) -> NDArray[np.float64]:
    chosen = function or {SINGLE: "softmax", MULTI: "sigmoid", REGRESSION: "none"}[problem_type(config)]
    if chosen == "softmax":
        return softmax(logits)
    return sigmoid(logits) if chosen == "sigmoid" else logits


def _in_order(answer: list[dict[str, Any]], config: SqueezeBertConfig) -> NDArray[np.float64]:
    """The scores of an answer in the model's order of labels; those left out have the least of all."""
    scores = {item["label"]: item["score"] for item in answer}
    return np.array([scores.get(config.id2label[index], -np.inf) for index in range(config.num_labels)])


def _read_label(value: object, where: str) -> Label:
    if isinstance(value, str):
        value = parsed(value.strip())
    if isinstance(value, Mapping) and value.keys() == {"choices"}:
        # Label Studio's short form and its table, where several were chosen.
        value = value["choices"]
    if isinstance(value, (list, tuple)):
        value = [item.strip() if isinstance(item, str) else item for item in value]
        if all(isinstance(item, (str, int)) and item != "" for item in value):
            return _without_doubles(value, where)
    if isinstance(value, bool):
        return str(value).lower()
    refuse_missing(value, where)
    if not isinstance(value, (str, int, float)):
        raise DataError(f"{where}: label is {value!r}; expected a name, a number or a list of names")
    return value


def _without_doubles(names: list[str | int], where: str) -> tuple[str | int, ...]:
    if len({*map(str, names)}) < len(names):
        raise DataError(
            f"{where}: {names} names a label twice; write the names of the labels that fit, not 0 and 1 for "
            "each"
        )
    return tuple(names)


def _problem_of(examples: Sequence[TextExample]) -> str:
    """What the labels make of it; a number that is missing makes no names of the others."""
    lists = [example for example in examples if isinstance(example.label, tuple)]
    if lists and len(lists) < len(examples) and not any(example.label for example in lists):
        raise DataError(
            f"{lists[0].where}: label is an empty list, and the others are single labels; leave out the row, "
            "or give --problem-type multi_label_classification"
        )
    if lists:
        return MULTI
    finite = [example.label for example in examples if not is_not_finite(example.label)]
    if may_be_measurements(finite):
        raise DataError(
            f"{examples[0].where} and {len(examples) - 1} more: {len({*map(str, finite)})} different whole "
            "numbers are labels; are they classes or numbers on a scale? Say --problem-type "
            "single_label_classification or --problem-type regression"
        )
    if not finite or any(as_number(label) is None for label in finite):
        return SINGLE
    for example in examples:
        if is_not_finite(example.label):
            raise DataError(
                f"{example.where}: label {example.label!r} is not a number, as the others are; leave out the "
                "row, or give --problem-type"
            )
    return REGRESSION if are_measurements(finite) else SINGLE


def _check_numbers(examples: Sequence[TextExample]) -> None:
    for example in examples:
        _number(example)
    check_commas({example.where: example.label for example in examples})


def target_of(example: TextExample, config: SqueezeBertConfig) -> NDArray[Any]:
    """What the head's loss takes: an index, ``[labels]`` of 0 and 1, or a number."""
    problem = problem_type(config)
    if problem == REGRESSION:
        # Neighbours among large numbers are one in float32; training casts when it has scaled them.
        return np.array(_number(example), dtype=np.float64)
    if problem == MULTI:
        target = np.zeros(config.num_labels, dtype=np.float32)
        target[[label_index(name, config, example.where) for name in _several(example)]] = 1
        return target
    return np.array(label_index(_one(example), config, example.where), dtype=np.int64)


def _number(example: TextExample) -> float:
    number = as_number(example.label)
    if number is None:
        raise DataError(
            f"{example.where}: label {example.label!r} is not a number, which regression needs; leave out "
            "the row"
        )
    return number


def _several(example: TextExample) -> tuple[str | int | float, ...]:
    if example.label is None:
        raise DataError(f"{example.where}: has no label")
    return example.label if isinstance(example.label, tuple) else (example.label,)


def _one(example: TextExample) -> str | int | float:
    labels = _several(example)
    if isinstance(example.label, tuple):
        raise DataError(f"{example.where}: has a list of labels, {list(labels)}, where one label is expected")
    return labels[0]

"""Multiple choice: which of several continuations or answers fits a prompt.

What the checkpoint is decides how. A model with a head for it reads the prompt with each choice. A model
without a head for a task compares the vector of the prompt with those of the choices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from squeezebert.config import SqueezeBertConfig
from squeezebert.engine.backend import BASE, Outputs, published_head
from squeezebert.errors import DataError, listed
from squeezebert.tasks import metrics
from squeezebert.tasks.base import Answer, Example, Feature, Setup, Task, Window, extent
from squeezebert.tasks.columns import Column, parsed, text_of
from squeezebert.tasks.merging import merge
from squeezebert.tasks.scores import softmax
from squeezebert.tasks.vectors import SIMILARITY, likeness, pooled, texts_apart, windows_apart

if TYPE_CHECKING:
    from squeezebert.data import Row

_NUMBER = re.compile(r"\d+$|.$")
_NUMBERED = re.compile(
    r"(choice|option|ending|answer|sol|alternative)(?:[ _-]?\d+|[ _-][a-z]|[a-h])|[a-h]", re.IGNORECASE
)


@dataclass(frozen=True)
class ChoiceExample(Example):
    """A prompt, its choices, and for training the index of the right one."""

    prompt: str
    choices: tuple[str, ...]
    label: int | None = None


@dataclass(frozen=True)
class MultipleChoiceOptions:
    """There is nothing to choose: an answer has the scores of all choices."""


class MultipleChoice(Task[ChoiceExample, MultipleChoiceOptions]):
    """Commonsense questions, sentence completion, exams."""

    name = "multiple-choice"
    head = "SqueezeBertForMultipleChoice"
    columns = (
        Column(
            "prompt",
            ("question", "context", "sentence", "stem", "goal", "text", "premise"),
            rivals=("article", "passage", "document"),
        ),
        Column("choices", ("options", "endings", "answers", "alternatives"), listed=True),
        Column("label", ("answer", "answerkey", "answer_key", "correct", "target", "gold"), label=True),
    )
    options_type = MultipleChoiceOptions
    evaluation_options = MultipleChoiceOptions()
    content = "prompt"

    def head_for(self, config: SqueezeBertConfig) -> str:
        """Choose the model without head where the checkpoint is that of a trunk."""
        return BASE if compares_vectors(config) else self.head

    def example(self, row: Row, columns: Mapping[str, str] | None = None) -> ChoiceExample:
        """As :meth:`Task.example`; choices may also stand in columns ``choice1``, ``choice2`` … or A, B …."""
        return super().example(_gathered(row, columns), columns)

    def places(self, row: Row, columns: Mapping[str, str] | None = None) -> dict[str, str]:
        """As :meth:`Task.places`, of choices that stand in columns of their own, too."""
        gathered = _gathered(row, columns)
        apart = {name: name for name in row.values if name not in gathered.values}
        return {**apart, **super().places(gathered, columns)}

    def labelled_example(self, row: Row, columns: Mapping[str, str] | None = None) -> ChoiceExample:
        """As :meth:`Task.labelled_example`, with choices as in :meth:`example`."""
        return super().labelled_example(_gathered(row, columns), columns)

    def read(self, values: Mapping[str, Any], where: str) -> ChoiceExample:
        """Make an example; the label is an index from 0, a letter from A, or the text of the choice.

        Choices are a list, or ``{"text": [...], "label": [...]}``, whose labels then go before all of these;
        a cell of a table may hold either.
        """
        choices = values["choices"]
        if isinstance(choices, str):
            choices = parsed(choices)
        if isinstance(choices, dict) and {*choices} == {"text", "label"}:
            named, choices = choices["label"], choices["text"]
            lists = isinstance(named, (list, tuple)) and isinstance(choices, (list, tuple))
            if not lists or len(named) != len(choices):
                raise DataError(
                    f"{where}: choices has the label {named!r}; expected one for each of its texts"
                )
            if "label" in values:
                values = {**values, "label": _place_of(values["label"], named, choices, where)}
        if not isinstance(choices, (list, tuple)) or not all(isinstance(item, str) for item in choices):
            raise DataError(f"{where}: choices is {choices!r}; expected a list of strings")
        if len(choices) < 2:
            raise DataError(f"{where}: has {len(choices)} choices; two or more are needed")
        label = _read_label(values["label"], choices, where) if "label" in values else None
        return ChoiceExample(where, text_of(values, "prompt", where), tuple(choices), label)

    def encode(self, example: ChoiceExample, setup: Setup) -> list[Window]:
        """Window the prompt with each choice, choice after choice; to compare vectors, all of them apart.

        ``choice`` counts the choices; of a prompt apart it is one more than the last of them.
        """
        if compares_vectors(setup.config):
            return windows_apart([*example.choices, example.prompt], setup)
        return [
            Window(encoding, choice=index)
            for index, choice in enumerate(example.choices)
            for encoding in setup.tokenizer.encode_windows(
                example.prompt,
                choice,
                max_length=setup.max_length,
                stride=setup.stride,
                truncation="longest_first",
            )
        ]

    def condense(self, outputs: Outputs) -> Outputs:
        """Keep the logit, or the vector of the window."""
        return outputs if "logits" in outputs else pooled(outputs)

    def decode(
        self,
        example: ChoiceExample,
        windows: Sequence[Window],
        outputs: Sequence[Outputs],
        setup: Setup,
        options: MultipleChoiceOptions,
    ) -> Answer:
        """Give ``{"label", "choice", "score", "scores", "method", "windows", "truncated"}``.

        ``label`` is the index of ``choice``; ``scores`` are probabilities over the choices; ``method`` is
        "head" or "similarity"; ``windows`` counts those of the choice, or prompt, that has most.
        """
        parts = texts_apart(windows, outputs)
        if apart := compares_vectors(setup.config):
            scores = likeness(parts)
        else:
            scores = softmax(np.array([merge(*part)[0] for part in parts]))
        best = int(scores.argmax())
        return {
            "label": best,
            "choice": example.choices[best],
            "score": float(scores[best]),
            "scores": scores.tolist(),
            "method": SIMILARITY if apart else "head",
            **extent(max((mine for mine, _ in parts), key=len)),
        }

    def features(
        self, example: ChoiceExample, windows: Sequence[Window], setup: Setup, rng: np.random.Generator
    ) -> list[Feature]:
        """Put the choices of a window side by side; a choice with fewer windows repeats its last one."""
        if example.label is None:
            raise DataError(f"{example.where}: has no label")
        target = {"labels": np.array(example.label, dtype=np.int64)}
        return [Feature(feature.inputs, target) for feature in self.unlabelled_features(windows)]

    def unlabelled_features(self, windows: Sequence[Window]) -> list[Feature]:
        """Put the choices side by side, as :meth:`features` does."""
        groups = _by_choice(windows)
        return [
            Feature(tuple(group[min(index, len(group) - 1)] for group in groups))
            for index in range(max(map(len, groups)))
        ]

    def metric(
        self, examples: Sequence[ChoiceExample], answers: Sequence[Answer], config: SqueezeBertConfig
    ) -> dict[str, float]:
        """Give the accuracy."""
        true = np.array([example.label for example in examples])
        return {"accuracy": metrics.accuracy(true, np.array([answer["label"] for answer in answers]))}


def compares_vectors(config: SqueezeBertConfig) -> bool:
    """Whether a checkpoint is a trunk, one that fills masks at most, so that vectors are all it has."""
    heads = {*map(published_head, config.architectures)}
    return bool(heads) and heads <= {BASE, "SqueezeBertForMaskedLM"}


def _by_choice(windows: Sequence[Window]) -> list[list[Window]]:
    groups: list[list[Window]] = [[] for _ in range(max(window.choice for window in windows) + 1)]
    for window in windows:
        groups[window.choice].append(window)
    return groups


def _gathered(row: Row, columns: Mapping[str, str] | None) -> Row:
    """Put numbered columns, as tables have them, into one column ``choices``; the last ones may be empty.

    They go by their numbers or letters, in whatever order they stand, for that is what labels mean. Letters
    alone are the choices where there are none that say so.

    Raises:
        DataError: Columns of two names may be the choices.
    """
    if "choices" in row.values or "choices" in (columns or {}):
        return row
    kinds: dict[str, list[str]] = {}
    for name in row.values:
        if match := _NUMBERED.fullmatch(name):
            kinds.setdefault((match[1] or "").casefold(), []).append(name)
    several = {kind: names for kind, names in kinds.items() if len(names) > 1}
    named = [names for kind, names in several.items() if kind] or list(several.values())
    if not named:
        return row
    if len(named) > 1:
        (first, *_), (second, *_), *_ = named
        raise DataError(
            f"{row.where}: {first!r} and its like or {second!r} and its like may be the choices; "
            "rename the others"
        )
    [numbered] = named
    rest = {name: value for name, value in row.values.items() if name not in numbered}
    choices = [row.values[name] for name in sorted(numbered, key=_number)]
    while choices and choices[-1] in ("", None):
        del choices[-1]
    return type(row)({**rest, "choices": choices}, row.where)


def _number(name: str) -> int:
    """Where a numbered or lettered column stands among its like."""
    number = _NUMBER.findall(name)[0]
    return int(number) if number.isdecimal() else ord(number.lower())


def _place_of(value: object, named: Sequence[object], choices: Sequence[object], where: str) -> int:
    """Which choice is meant by one of their own labels, be it a number here and a string there."""
    labels = [str(label).strip() for label in named]
    name = str(value).strip()
    if name in labels:
        return labels.index(name)
    if value in choices:
        return choices.index(value)
    raise DataError(f"{where}: label {value!r} is none of those of the choices, {listed(labels, 5)}")


def _read_label(value: object, choices: Sequence[str], where: str) -> int:
    name = str(value).strip()
    text = choices.index(value) if isinstance(value, str) and value in choices else None
    index = -1
    if name.isdecimal():
        index = int(name)
    elif len(name) == 1 and name.isascii() and name.isalpha():
        index = ord(name.upper()) - ord("A")
    is_place = 0 <= index < len(choices)
    if text is not None:
        if is_place and index != text:
            raise DataError(
                f"{where}: label {value!r} may be the text of a choice, or {choices[index]!r} by its place; "
                f"write {'its letter' if name.isdecimal() else 'its index from 0'}"
            )
        return text
    if not is_place:
        raise DataError(
            f"{where}: label {value!r} is none of the {len(choices)} choices; expected an index from 0, "
            "a letter from A, or the text of the choice"
        )
    return index

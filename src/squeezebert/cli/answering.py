"""From rows to answers: what ``predict``, ``evaluate`` and their dry runs share."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from squeezebert.backends import check_backend
from squeezebert.config import SqueezeBertConfig
from squeezebert.data import Row
from squeezebert.embedded import embedded_model
from squeezebert.pipelines import SIZES, Pipeline, check_sizes, windows_of
from squeezebert.tasks import get_task, task_of
from squeezebert.tasks.base import Answer, Example, Setup, Task
from squeezebert.threads import check_threads
from squeezebert.tokenization import SqueezeBertTokenizerFast

DEFAULT_TASK = "text-classification"


class Answered(NamedTuple):
    """An input and its answer.

    Attributes:
        number: Place of the input among all, from 1.
        row: As it was read.
        inputs: What the task has read, by canonical name.
        others: The row's columns that it has not read.
        answer: As the task gives it.
    """

    number: int
    row: Row
    inputs: Mapping[str, Any]
    others: Mapping[str, Any]
    answer: Answer

    @property
    def text(self) -> str:
        """The input as one text."""
        return " / ".join(value for value in self.inputs.values() if isinstance(value, str))

    def to_dict(self) -> dict[str, Any]:
        """Give what a JSON line holds: place, the row's other columns, inputs, answer.

        Columns of the row that would have these names are called ``given_answer`` and the like.
        """
        place = {"row": self.number, "where": self.row.where}
        # A vector goes as a list; its float32 numbers are short without a loss.
        answer = self.answer if isinstance(self.answer, (Mapping, list)) else _numbers(self.answer)
        taken = {*place, *self.inputs, "answer"}
        others = {self._name(name, taken): value for name, value in self.others.items()}
        return {**place, **others, **self.inputs, "answer": answer}

    def _name(self, name: str, taken: Container[str]) -> str:
        """What another column is called, which may have been called so before."""
        if name not in taken:
            return name
        while name in taken or name in self.others:
            name = f"given_{name}"
        return name


def _numbers(vector: Any) -> list[float]:
    """The values of a float32 vector, each as the shortest decimal number that stands for it."""
    return [float(str(value)) for value in vector]


def answered(
    pipeline: Pipeline, rows: Iterable[Row], columns: Mapping[str, str], options: Any
) -> Iterator[Answered]:
    """Answer rows in their order and in constant memory.

    Args:
        pipeline: The loaded model.
        rows: The inputs.
        columns: Names in the rows of canonical columns.
        options: From ``task.options``.

    Raises:
        DataError: A row does not fit the task.
    """
    waiting: deque[tuple[Row, Example]] = deque()

    def examples() -> Iterator[Example]:
        for row in rows:
            waiting.append((row, pipeline.task.example(row, columns)))
            yield waiting[-1][1]

    for number, answer in enumerate(pipeline.answers(examples(), options), 1):
        row, example = waiting.popleft()
        read = pipeline.task.places(row, columns).values()
        others = {name: value for name, value in row.values.items() if name not in read}
        yield Answered(number, row, inputs_of(pipeline.task, example), others, answer)


def inputs_of(task: Task[Any, Any], example: Example) -> dict[str, Any]:
    """The columns that an example was made of, without labels and without those that it lacks."""
    values = {column.name: getattr(example, column.name, None) for column in task.inputs}
    return {name: value for name, value in values.items() if value is not None}


def chosen(task: str | None, model: str | None) -> tuple[Task[Any, Any], str]:
    """The task and the model that are asked for: each can say what the other one is.

    Raises:
        CheckpointError: The model cannot be found.
        OptionError: There is no such task, or no embedded model for it.
    """
    if task is None and model is not None:
        task = task_of(SqueezeBertConfig.from_pretrained(model))
    kind = get_task(task or DEFAULT_TASK)
    return kind, embedded_model(kind.name) if model is None else model


def plan(
    task: Task[Any, Any],
    model: str,
    examples: Iterable[Example],
    settings: Mapping[str, Any],
    options: Any,
) -> dict[str, Any]:
    """Say what would be done, after checking all but the weights.

    Args:
        task: What to answer.
        model: Its config and its tokenizer are read.
        examples: Cut into the windows that the model would read.
        settings: Of :func:`squeezebert.pipelines.pipeline`, as far as they were asked for.
        options: From ``task.options``.

    Raises:
        SqueezeBertError: As the pipeline raises them.
    """
    config = SqueezeBertConfig.from_pretrained(model)
    task.head_for(config)
    check_backend(settings.get("backend", "engine"), settings.get("precision"))
    check_threads(settings.get("threads"))
    check_sizes({name: settings[name] for name in SIZES if name in settings})
    tokenizer = SqueezeBertTokenizerFast.from_pretrained(model, truncation_side="right")
    setup = Setup.of(config, tokenizer, max_length=settings.get("max_length"), stride=settings.get("stride"))
    task.check_options(options, setup)
    rows = windows = 0
    for example in examples:
        rows += 1
        windows += len(windows_of(task, example, setup))
    return {"task": task.name, "model": model, "rows": rows, "windows": windows}


def conditions(pipeline: Pipeline, model: str, settings: Mapping[str, Any]) -> str:
    """Say in a line what runs and how, for ``--verbose``."""
    threads = check_threads(settings.get("threads"))
    setup = pipeline.setup
    return (
        f"{pipeline.task.name} with {model}, {pipeline.backend.description}, {threads} threads, "
        f"windows of {setup.max_length} tokens, {setup.stride} of them shared"
    )

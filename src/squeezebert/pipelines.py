"""Text in, answers out: tokenise, window, batch, run a backend, hand the arrays to the task."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from squeezebert.backends import load_backend, running
from squeezebert.config import SqueezeBertConfig
from squeezebert.data import Row
from squeezebert.data.row import as_rows
from squeezebert.embedded import embedded_model
from squeezebert.engine.packing import batches, pack
from squeezebert.errors import DataError, OptionError, TokenizerError, check_whole
from squeezebert.tasks import TASK_NAMES, get_task, task_of
from squeezebert.tasks.base import Answer, Setup
from squeezebert.tasks.inputs import as_list, refuse_frame, row_of, rows_of

if TYPE_CHECKING:
    from squeezebert.engine import Engine
    from squeezebert.engine.backend import Backend, Outputs
    from squeezebert.modeling.pretrained import SqueezeBertPreTrainedModel
    from squeezebert.tasks.base import Example, Task, Window
    from squeezebert.tokenization.base import BaseTokenizer

BATCH_TOKENS = 4096
LOOK_AHEAD = 512

SIZES = ("max_length", "stride", "batch_tokens", "look_ahead")

_AHEAD_BATCHES = 64


def pipeline(
    task: str | None = None,
    model: str | Path | Engine | SqueezeBertPreTrainedModel | None = None,
    *,
    tokenizer: str | Path | BaseTokenizer | None = None,
    backend: str = "engine",
    precision: str | None = None,
    revision: str | None = None,
    local_files_only: bool = False,
    max_length: int | None = None,
    stride: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    threads: int | None = None,
    look_ahead: int = LOOK_AHEAD,
    **options: Any,
) -> Pipeline:
    """Load a model for a task.

    Args:
        task: "text-classification" ("sentiment-analysis"), "token-classification" ("ner"),
            "question-answering", "fill-mask", "multiple-choice", "feature-extraction" or
            "zero-shot-classification"; None for the one that the model was trained for.
        model: Folder, embedded name or hub name; or an engine or a torch model of this package; None for the
            task's embedded model.
        tokenizer: Instead of the one that lies with the model; or where it lies. A model that is loaded
            already needs one.
        backend: What runs the network: "engine", or "torch".
        precision: What the backend computes in: the engine in "int8", which is its default, or "fp32"; torch
            in "fp32".
        revision: Branch, tag or commit on the hub.
        local_files_only: Do not download.
        max_length: Tokens that are read at once; longer texts are windowed. What the model can read if None.
        stride: Tokens that neighbouring windows share; a quarter of ``max_length`` if None.
        batch_tokens: Tokens of a batch.
        threads: Threads to compute with; those that this process may use if None.
        look_ahead: Inputs that are read before the first is answered, to be sorted by length. 1 answers a
            stream as it comes.
        **options: Options of the task that calls take where they name none of their own: ``top_k=None``.

    Returns:
        A callable; see :class:`Pipeline`.

    Raises:
        OptionError: There is no such task, backend, precision, option or embedded model, a value makes no
            sense, or a model that is loaded has no tokenizer beside it, or a precision or threads.
        CheckpointError: The model cannot be found or read, was not trained for the task, or has a
            tokenizer of another size.
        ConfigError: Its config is missing or wrong.
        MissingExtraError: It needs torch, which is not installed.
        TokenizerError: Its tokenizer is missing or wrong.
    """
    where: dict[str, Any] = {"revision": revision, "local_files_only": local_files_only}
    name = model if isinstance(model, (str, Path)) else None
    runner = None if model is None or name is not None else running(model)
    if runner is not None and (precision, threads) != (None, None):
        raise OptionError("precision and threads are those of the model that is given; leave them out")
    if task is None:
        config = runner.config if runner else name and SqueezeBertConfig.from_pretrained(name, **where)
        task = task_of(config) if config else None
        if task is None:
            # As the published checkpoints do not.
            who = name or type(model).__name__
            why = "give a task or a model" if model is None else f"{who}: does not say what it is for"
            raise OptionError(f"{why}; the tasks are {', '.join(TASK_NAMES)}")
    chosen = get_task(task)
    chosen.options(**options)
    if runner is None:
        name = embedded_model(chosen.name) if name is None else name
        asked = {} if precision is None else {"precision": precision}
        load = load_backend(backend)
        head = chosen.head_for(SqueezeBertConfig.from_pretrained(name, **where))
        runner = load(name, head=head, threads=threads, **asked, **where)
    divider = _tokenizer(name if tokenizer is None else tokenizer, where)
    return Pipeline(
        chosen, runner, divider, max_length=max_length, stride=stride, batch_tokens=batch_tokens,
        look_ahead=look_ahead, options=options,
    )  # fmt: skip


def _tokenizer(given: str | Path | BaseTokenizer | None, where: Mapping[str, Any]) -> BaseTokenizer:
    from squeezebert.tokenization import SqueezeBertTokenizerFast
    from squeezebert.tokenization.base import BaseTokenizer

    if isinstance(given, (str, Path)):
        return SqueezeBertTokenizerFast.from_pretrained(given, truncation_side="right", **where)
    if isinstance(given, BaseTokenizer):
        return given
    what = "none beside a model that is loaded" if given is None else f"a {type(given).__name__}"
    raise OptionError(f"tokenizer is {what}; give its folder, its name or one of this package")


def check_sizes(sizes: Mapping[str, int]) -> None:
    """Check those of `SIZES` that are given, as far as that takes no model.

    Raises:
        OptionError: One is no whole number, or must be positive and is not.
    """
    check_whole(**sizes)
    for name in ("batch_tokens", "look_ahead"):
        if sizes.get(name, 1) < 1:
            raise OptionError(f"{name} {sizes[name]} is not positive")


def windows_of(task: Task[Any, Any], example: Example, setup: Setup) -> list[Window]:
    """Cut an example into what a model reads.

    Raises:
        DataError: A part of it fits into no window, or the model knows no pairs.
        TokenizerError: It holds something that is no text.
    """
    try:
        windows = task.encode(example, setup)
    except TokenizerError as error:
        raise TokenizerError(f"{example.where}: {error}") from error
    if setup.config.type_vocab_size == 1 and any(any(window.type_ids) for window in windows):
        raise DataError(
            f"{example.where}: is a pair of texts, and the model knows single ones (type_vocab_size 1); "
            "take a model of pairs"
        )
    return windows


class Pipeline:
    """Answers for texts. Call it, or let it stream.

    Args:
        task: What to answer.
        backend: Runs the network.
        tokenizer: Fits the network.
        max_length: See :func:`pipeline`.
        stride: See :func:`pipeline`.
        batch_tokens: Tokens of a batch; one window goes through even if it is longer.
        look_ahead: See :func:`pipeline`.
        options: See :func:`pipeline`.

    Attributes:
        task: What it answers.
        backend: What runs the network.
        setup: The model's config, the tokenizer and the window.

    Raises:
        CheckpointError: Tokenizer and model do not belong together.
        OptionError: The backend has another head than the task needs, or an option makes no sense.
    """

    def __init__(
        self,
        task: Task[Any, Any],
        backend: Backend,
        tokenizer: BaseTokenizer,
        *,
        max_length: int | None = None,
        stride: int | None = None,
        batch_tokens: int = BATCH_TOKENS,
        look_ahead: int = LOOK_AHEAD,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        needed = task.head_for(backend.config)
        if backend.head != needed:
            raise OptionError(f"{task.name} needs a {needed}, and this model is a {backend.head}")
        sizes = dict(zip(SIZES, (max_length, stride, batch_tokens, look_ahead), strict=True))
        check_sizes({name: value for name, value in sizes.items() if value is not None})
        self.task = task
        self.setup = Setup.of(backend.config, tokenizer, max_length=max_length, stride=stride)
        self.backend = backend
        self._batch_tokens = batch_tokens
        self._look_ahead = look_ahead
        self._options = dict(options or {})

    @property
    def tokenizer(self) -> BaseTokenizer:
        """What divides the texts: ``pipe.tokenizer.mask_token``."""
        return self.setup.tokenizer

    def __call__(self, inputs: Any = None, *others: Any, **named: Any) -> Any:
        """Answer for one input or a list of them.

        Args:
            inputs: A string; a mapping of the task's columns, such as ``{"text": …, "text_pair": …}``; or a
                list of these, or whatever else gives one after the other.
            *others: The task's further columns in their order, such as the labels to choose from.
            **named: The task's columns (``question=…, context=…``), each one value or a list, and the
                task's options (``top_k=3``).

        Returns:
            The answer to one input, a list of answers to a list. Answers are dicts, or lists of dicts where
            there are several, with the keys of the transformers pipelines, and ``windows`` and ``truncated``.
            Those of feature extraction are vectors ``[hidden]``, float32.
            One string given to text classification gives a list of its one answer, as there.

        Raises:
            DataError: An input is of a wrong type or incomplete.
            OptionError: The task has no such option or column, or its value makes no sense.
            TokenizerError: A text cannot be tokenised.
        """
        columns, given = self._divided({**self._by_name(others, named), **named})
        rows, single = rows_of(self.task, inputs, columns)
        answers = list(self.answers(map(self.task.example, rows), given))
        if not single:
            return answers
        # As in transformers, where text classification alone wraps the answer to a string.
        wrap = isinstance(inputs, str) and self.task.name == "text-classification"
        return answers if wrap and isinstance(answers[0], dict) else answers[0]

    def stream(self, inputs: Iterable[Any], **named: Any) -> Iterator[Answer]:
        """Answer one input after the other, in their order and in constant memory.

        Args:
            inputs: Strings or mappings of the task's columns.
            **named: Columns that are the same for all inputs (``candidate_labels=…``), and the task's
                options.

        Returns:
            An answer for each, as a call gives them, read as they are needed.

        Raises:
            DataError: An input is of a wrong type or incomplete; raised when its turn comes.
            OptionError: It is one text or nothing to go through, a column is given twice, or the task has no
                such option, or its value makes no sense.
            TokenizerError: A text cannot be tokenised; raised when its turn comes.
        """
        if isinstance(inputs, (str, Mapping)):
            raise OptionError("stream takes one input after the other; call the pipeline for a single one")
        refuse_frame(inputs)
        if not isinstance(inputs, Iterable):
            raise OptionError(f"stream takes one input after the other, and no {type(inputs).__name__}")
        columns, given = self._divided(named)
        if (first := self._columns()[0]) in columns:
            raise OptionError(f"{first} is given twice, as the inputs and by its name")
        columns = {name: as_list(value) for name, value in columns.items()}
        rows = (row_of(self.task, value, f"input {index}") for index, value in enumerate(inputs))
        whole = (Row({**row.values, **columns}, row.where) for row in rows)
        return self.answers(map(self.task.example, whole), given)

    def evaluate(
        self, rows: Iterable[Row | Mapping[str, Any]], *, columns: Mapping[str, str] | None = None
    ) -> dict[str, float]:
        """Measure the model on labelled rows.

        Args:
            rows: Mappings of the task's columns, label included, or rows of :mod:`squeezebert.data`.
            columns: Name in the rows of a canonical column, where the task does not know it.

        Returns:
            The field's metrics of the task, as fractions; the headline first.

        Raises:
            DataError: There are no rows, one does not fit the task, or the model does not know its label.
            OptionError: The task has no such column.
        """
        self.task.check_columns(columns or ())
        examples = [*self.task.labelled_examples(as_rows(rows, "row"), columns)]
        for example in examples:
            self.task.check(example, self.setup.config)
        self.task.check_together(examples, self.setup.config)
        return self.measure(examples)

    def measure(self, examples: Iterable[Any]) -> dict[str, float]:
        """Measure the model on labelled examples of the task; see :meth:`evaluate`.

        Options are those of the field, but for what :attr:`Task.evaluation_choices` names.

        Args:
            examples: From ``task.labelled_example``; read while others are answered.

        Returns:
            The field's metrics, as fractions; the headline first.

        Raises:
            DataError: There are no examples.
        """
        kept: list[Any] = []
        noted = _noted(self.task.gather(examples), kept)
        own = {name: self._options[name] for name in self.task.evaluation_choices if name in self._options}
        options = replace(self.task.evaluation_options, **own)
        config = self.setup.config
        answers = [self.task.condense_answer(answer, config) for answer in self.answers(noted, options)]
        if not kept:
            raise DataError("there are no examples to evaluate")
        return self.task.metric(kept, answers, config)

    def _by_name(self, others: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """The task's columns after the first, as they were given by their order."""
        first, *further = self._columns()
        found = dict(zip(further, others, strict=False))
        if len(others) > len(further) or found.keys() & named.keys():
            raise OptionError(
                f"{self.task.name} takes {', '.join([first, *further])}, each once; name all other options"
            )
        return found

    def _columns(self) -> list[str]:
        return [column.name for column in self.task.inputs]

    def _divided(self, named: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """The columns among named arguments, and the task's options made of the others."""
        columns: dict[str, Any] = {}
        given: dict[str, Any] = {}
        for name, value in named.items():
            column = self._column(name)
            if column in columns:
                raise OptionError(f"{column} is given twice, once as {name}")
            if column is None:
                given[name] = value
            else:
                columns[column] = value
        return columns, self.task.options(**{**self._options, **given})

    def _column(self, name: str) -> str | None:
        """The column that has this name, or goes by it in files; None for an option."""
        known = self._columns()
        if name in known:
            return name
        return next((column.name for column in self.task.inputs if name in column.aliases), None)

    def answers(self, examples: Iterable[Any], options: Any) -> Iterator[Answer]:
        """Answer examples of the task, in their order and in constant memory.

        Args:
            examples: From ``task.example`` or ``task.labelled_example``.
            options: From ``task.options``, or ``task.evaluation_options``.

        Returns:
            An answer for each, read as they are needed.

        Raises:
            OptionError: The model cannot do what the options ask for.
            TokenizerError: A text cannot be tokenised; raised when its turn comes.
        """
        self.task.check_options(options, self.setup)
        source = (_Job(example, windows_of(self.task, example, self.setup)) for example in examples)
        failure: Exception | None = None
        while failure is None:
            jobs, failure = self._ahead(source)
            if not jobs:
                break
            self._run_all(jobs)
            while jobs:
                # Taken out, so that no answered one is kept while the next are read.
                job = jobs.popleft()
                yield self.task.decode(job.example, job.windows, job.outputs, self.setup, options)
        if failure is not None:
            raise failure

    def _ahead(self, source: Iterator[_Job]) -> tuple[deque[_Job], Exception | None]:
        """The next examples: so many that sorting by length pays, so few that they fit into memory.

        What is wrong with the one after them is given and not raised: they are to be answered before.
        """
        jobs: deque[_Job] = deque()
        tokens = 0
        try:
            for job in islice(source, min(self._look_ahead, sys.maxsize)):
                jobs.append(job)
                tokens += sum(len(window.ids) for window in job.windows)
                if tokens >= _AHEAD_BATCHES * self._batch_tokens:
                    break
        except Exception as error:
            return jobs, error
        return jobs, None

    def _run_all(self, jobs: Iterable[_Job]) -> None:
        # Equal windows, such as those of the labels of zero-shot classification, are computed once.
        places: dict[Hashable, list[_Slot]] = {}
        for job in jobs:
            for place, window in enumerate(job.windows):
                key = (tuple(window.ids), tuple(window.type_ids), window.wanted)
                places.setdefault(key, []).append((job, place))
        slots = sorted(places.values(), key=_length, reverse=True)
        for batch in batches(list(map(_length, slots)), self._batch_tokens, self.backend.pads):
            self._run(slots[batch])

    def _run(self, slots: Sequence[Sequence[_Slot]]) -> None:
        windows = [job.windows[place] for (job, place), *_ in slots]
        wanted = [window.wanted for window in windows if window.wanted is not None]
        outputs = self.backend.run(pack(windows), wanted or None)
        for equal, output in zip(slots, outputs, strict=True):
            kept = self.task.condense(output)
            for job, place in equal:
                job.outputs[place] = kept


@dataclass
class _Job:
    """An example on its way: its windows, and their outputs as far as they are there."""

    example: Example
    windows: list[Window]
    outputs: list[Outputs] = field(init=False)

    def __post_init__(self) -> None:
        self.outputs = [{}] * len(self.windows)


_Slot = tuple[_Job, int]
"""A window: its job and its index there."""


def _length(equal: Sequence[_Slot]) -> int:
    """Tokens of each of several equal windows."""
    job, place = equal[0]
    return len(job.windows[place].ids)


def _noted(items: Iterable[Any], notes: list[Any]) -> Iterator[Any]:
    """Pass items on, and note them for later."""
    for item in items:
        notes.append(item)
        yield item

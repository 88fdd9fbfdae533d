"""The seam: what every task owns, and the values that pass between a task and those who run it.

The way of the data, for predicting, evaluating and training::

    Row ── example() ──▶ Example ── encode() ──▶ [Window] ── backend.run() ──▶ [Outputs]
                            │                       │                             │
                            │                       ├── features() ─▶ [Feature] ── collate() ─▶ head's loss
                            └───────────────────────┴── decode() ◀────────────────┘
                                                           │
                                metric(examples, answers) ◀┴─▶ the user

On their way, outputs that are large go through ``condense()``. A task has no state. Everything that depends
on the model comes in a :class:`Setup`.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from squeezebert.config import SqueezeBertConfig
from squeezebert.engine.backend import Outputs
from squeezebert.engine.packing import Tokens
from squeezebert.errors import DataError, OptionError, nearest
from squeezebert.tasks.columns import Column, names_of, places, resolve
from squeezebert.tasks.options import check_types

if TYPE_CHECKING:
    from squeezebert.data import Row
    from squeezebert.tokenization import Encoding
    from squeezebert.tokenization.base import BaseTokenizer

Answer = Any
"""One dict, or a list of dicts where a text has several answers; keys as in the transformers pipelines.

Of feature extraction it is a vector.
"""

NO_LOSS = -100
"""Target of a token that takes no loss, as torch's cross entropy spells it."""

ASKED = "asked"
"""Token target of an unlabelled feature; see :meth:`Task.unlabelled_features`."""

# Room for the special tokens of a pair, a token of either text, and a stride.
_SHORTEST_WINDOW = 12


class Setup(NamedTuple):
    """The model's side of a task.

    Attributes:
        config: Sizes and labels.
        tokenizer: Text to windows.
        max_length: Longest window, in tokens, with its special tokens.
        stride: Tokens of text that neighbouring windows share.
    """

    config: SqueezeBertConfig
    tokenizer: BaseTokenizer
    max_length: int
    stride: int

    @classmethod
    def of(
        cls,
        config: SqueezeBertConfig,
        tokenizer: BaseTokenizer,
        *,
        max_length: int | None = None,
        stride: int | None = None,
    ) -> Setup:
        """Choose the window: as long as the tokenizer says, with a quarter shared, unless told else.

        Raises:
            CheckpointError: The tokenizer is that of another model.
            OptionError: ``max_length`` or ``stride`` make no windows that this model can read.
        """
        tokenizer.check_embeddings(config.vocab_size)
        longest = config.max_position_embeddings
        length = min(longest, tokenizer.model_max_length) if max_length is None else max_length
        if max_length is None and length < _SHORTEST_WINDOW:
            raise OptionError(
                f"the tokenizer's model_max_length {length} is less than {_SHORTEST_WINDOW}; "
                "give max_length, or mend tokenizer_config.json"
            )
        if not _SHORTEST_WINDOW <= length <= longest:
            raise OptionError(
                f"max_length {length} is not from {_SHORTEST_WINDOW} to {longest}, the most this model reads"
            )
        if tokenizer.truncation_side != "right":
            raise OptionError("the tokenizer has truncation_side 'left'; windows need 'right'")
        shared = length // 4 if stride is None else stride
        if not 0 <= shared < length - 2:
            raise OptionError(
                f"stride {shared} is not between 0 and max_length {length} less the special tokens"
            )
        return cls(config, tokenizer, length, shared)


class Window(NamedTuple):
    """A piece of a text that the model reads at once.

    Attributes:
        encoding: Tokens with their offsets.
        masked_ids: What the model reads in place of ``encoding.ids``, where tokens were masked.
        wanted: Token positions whose outputs are needed, None for all; see ``Backend.run``.
        choice: Which choice of a question the window belongs to.
        truncated: Whether some of the input is in no window.
    """

    encoding: Encoding
    masked_ids: Sequence[int] | None = None
    wanted: tuple[int, ...] | None = None
    choice: int = 0
    truncated: bool = False

    @property
    def ids(self) -> Sequence[int]:
        """Piece ids that the model reads ``[tokens]``."""
        return self.encoding.ids if self.masked_ids is None else self.masked_ids

    @property
    def type_ids(self) -> Sequence[int]:
        """Segments ``[tokens]``."""
        return self.encoding.type_ids


@dataclass(frozen=True)
class Feature:
    """One training example as the head takes it; :func:`squeezebert.tasks.collate.collate` batches it.

    Attributes:
        inputs: What the model reads; one text, or one for each choice.
        targets: Arguments of the head's loss that belong to the text, by name: a scalar or ``[labels]``.
        token_targets: Those that belong to its tokens ``[tokens]``, ``NO_LOSS`` where none is taken.
    """

    inputs: tuple[Tokens, ...]
    targets: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    token_targets: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """What a task knows of one input; each task adds its fields.

    Attributes:
        where: Place for error messages, such as ``"reviews.csv:17"``.
    """

    where: str

    def swapped(self) -> Example | None:
        """The same with its two texts in the other order; None where there are not two to swap."""
        return None


ExampleT = TypeVar("ExampleT", bound=Example)
OptionsT = TypeVar("OptionsT")


class Task(ABC, Generic[ExampleT, OptionsT]):
    """One task: its columns, head, targets, answers and metric.

    Attributes:
        name: As in ``pipeline(name)``.
        head: Class name of the torch model.
        columns: The columns it reads, inputs first.
        options_type: Frozen dataclass of what a user can ask of :meth:`decode`, with defaults.
        evaluation_options: The options whose answers :meth:`metric` takes.
        evaluation_choices: Names of those that belong to a model, and may be others in an evaluation, too.
        content: Attribute of an example that must not be learnt from and measured on, too; see
            :meth:`contents`.
        no_scores: Those of its metrics of which more is not better.
        one_head: Whether the head means the same in all data, so that a trained one can go on learning.
        draws: Whether :meth:`features` draws something anew each epoch (masking).
        judges_places: Whether it judges each place of a text, and knows only those that its rows reach.
    """

    name: ClassVar[str]
    head: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    options_type: type[OptionsT]
    evaluation_options: OptionsT
    evaluation_choices: ClassVar[tuple[str, ...]] = ()
    content: ClassVar[str] = "text"
    no_scores: ClassVar[tuple[str, ...]] = ()
    one_head: ClassVar[bool] = False
    draws: ClassVar[bool] = False
    judges_places: ClassVar[bool] = False

    @property
    def inputs(self) -> tuple[Column, ...]:
        """The columns that it reads when it predicts."""
        return tuple(column for column in self.columns if not column.label)

    def example(self, row: Row, columns: Mapping[str, str] | None = None) -> ExampleT:
        """Read the inputs of a row; labels are not looked at.

        Args:
            row: Columns by any of the names that the task knows.
            columns: Name in the row of a canonical column: ``{"text": "Review Body"}``.

        Raises:
            DataError: A column is missing or has a value of a wrong type.
        """
        return self.read(resolve(self.inputs, row, columns or {}), row.where)

    def places(self, row: Row, columns: Mapping[str, str] | None = None) -> dict[str, str]:
        """Which columns of a row :meth:`example` reads: their names there, by canonical name."""
        return places(self.inputs, row, columns or {})

    def labelled_example(self, row: Row, columns: Mapping[str, str] | None = None) -> ExampleT:
        """Read the inputs and labels of a row, for training and evaluation.

        Raises:
            DataError: As :meth:`example`; also where the label is missing.
        """
        return self.read(resolve(self.columns, row, columns or {}), row.where)

    def labelled_examples(
        self, rows: Iterable[Row], columns: Mapping[str, str] | None = None
    ) -> Iterator[ExampleT]:
        """Read the inputs and labels of the rows of a file, whose labels stand in one column.

        Raises:
            DataError: As :meth:`labelled_example`; also where a row has labels under another name than those
                before it, because its own is missing.
        """
        known: dict[str, str] = {}
        # What is required is looked at when the row is read, as its task reads it.
        labels = [column._replace(required=False) for column in self.columns if column.label]
        for row in rows:
            for label, name in places(labels, row, columns or {}).items():
                if name != known.setdefault(label, name):
                    raise DataError(
                        f"{row.where}: has no column {known[label]!r}, as the rows before it have; it has "
                        f"{names_of(row)}; give it one, or leave the row out"
                    )
            yield self.labelled_example(row, columns)

    def check_columns(self, names: Iterable[str]) -> None:
        """See that all are canonical names of the task's columns.

        Raises:
            OptionError: One is not, so that what it stands for would not be read.
        """
        known = [column.name for column in self.columns]
        for name in names:
            if name not in known:
                raise OptionError(
                    f"{self.name} has no column {name!r}{nearest(name, known)}; it has "
                    f"{', '.join(map(repr, known))}"
                )

    def options(self, **values: Any) -> OptionsT:
        """Check what a user asks of :meth:`decode`.

        Raises:
            OptionError: The task has no such option, or its value is of another type or makes no sense.
        """
        known = [item.name for item in dataclasses.fields(self.options_type)]  # type: ignore[arg-type]
        for name in values:
            if name not in known:
                has = f"it has {', '.join(known)}" if known else "it has none"
                raise OptionError(f"{self.name} has no option {name!r}{nearest(name, known)}; {has}")
        check_types(self.options_type, values)
        return self.options_type(**values)

    def head_for(self, config: SqueezeBertConfig) -> str:
        """Class name of the model to load of a checkpoint with this config; :attr:`head` for most tasks.

        Raises:
            OptionError: No model of this checkpoint can do the task.
        """
        return self.head

    def check_options(self, options: OptionsT, setup: Setup) -> None:
        """See that a model can do what is asked of :meth:`decode`, before any work is done.

        Raises:
            OptionError: It cannot.
        """

    def check_trainable(self) -> None:
        """See that models are trained for this task.

        Raises:
            OptionError: They are not; the message says for what else.
        """

    def configure(self, config: SqueezeBertConfig, examples: Sequence[ExampleT]) -> SqueezeBertConfig:
        """Give the config of a new head for these labelled examples: labels, problem type, architectures.

        A ``problem_type`` that the config has is kept, where the task knows such a thing.

        Raises:
            DataError: The labels do not make a task, for example because all are the same.
        """
        return config.replace(architectures=(self.head,))

    def check(self, example: ExampleT, config: SqueezeBertConfig) -> None:
        """See that a labelled example can be measured with this model, before any work is done.

        Raises:
            DataError: Its label is not one of the model's; the message names it, the place, and the nearest.
        """

    def contents(self, example: ExampleT) -> tuple[Hashable, ...]:
        """What an example shares with others that must not be learnt from where it is measured on."""
        return (getattr(example, self.content),)

    def check_together(self, examples: Sequence[ExampleT], config: SqueezeBertConfig) -> None:
        """See that the labels of a whole file can be read in one way only, before any work is done.

        Raises:
            DataError: They cannot.
        """

    def gather(self, examples: Iterable[ExampleT]) -> Iterable[ExampleT]:
        """Give labelled examples what they need of each other to be measured; for most tasks nothing."""
        return examples

    @abstractmethod
    def read(self, values: Mapping[str, Any], where: str) -> ExampleT:
        """Make an example of canonical columns; those of labels are absent when predicting."""

    @abstractmethod
    def encode(self, example: ExampleT, setup: Setup) -> list[Window]:
        """Cut an example into windows that the model can read; at least one.

        Raises:
            DataError: The example has a part that no window can hold.
        """

    def condense(self, outputs: Outputs) -> Outputs:
        """Keep of a window's outputs what :meth:`decode` needs; all of them for most tasks.

        Outputs are kept until all windows of many texts are done, so large ones are to be made small here.
        """
        return outputs

    @abstractmethod
    def decode(
        self,
        example: ExampleT,
        windows: Sequence[Window],
        outputs: Sequence[Outputs],
        setup: Setup,
        options: OptionsT,
    ) -> Answer:
        """Turn the model's outputs into the answer; ``outputs[i]`` belongs to ``windows[i]``."""

    @abstractmethod
    def features(
        self, example: ExampleT, windows: Sequence[Window], setup: Setup, rng: np.random.Generator
    ) -> list[Feature]:
        """Turn a labelled example and its windows into training examples.

        Args:
            example: From :meth:`labelled_example`.
            windows: From :meth:`encode`; they can be kept from epoch to epoch.
            setup: The model's side; ``setup.config`` comes from :meth:`configure`.
            rng: For tasks that draw something.

        Raises:
            DataError: The label is not one of the model's; the message names it, the place, and the nearest.
        """

    def unlabelled_features(self, windows: Sequence[Window]) -> list[Feature]:
        """Turn the windows of an example without label into what a teacher and its student read.

        There are no targets. Where not every token is asked for, the token target ``ASKED`` is 0 at those
        that are, and else ``NO_LOSS``.
        """
        return [Feature((window,)) for window in windows]

    @abstractmethod
    def metric(
        self, examples: Sequence[ExampleT], answers: Sequence[Answer], config: SqueezeBertConfig
    ) -> dict[str, float]:
        """Compare answers, made with ``evaluation_options``, with the labels of their examples.

        Args:
            examples: With their labels.
            answers: Whole ones, or what :meth:`condense_answer` leaves of them.
            config: The model's.

        Returns:
            Metrics by name, as fractions (not percent). The first one is the field's headline for the task.

        Raises:
            DataError: There are no examples, or a label is not one of the model's.
        """

    def condense_answer(self, answer: Answer, config: SqueezeBertConfig) -> Answer:
        """Keep of an answer, made with ``evaluation_options``, what :meth:`metric` reads; all of it for most.

        Answers are kept until the last one is there, so large ones are to be made small here.
        """
        return answer

    def headed(self, metrics: Mapping[str, float], headline: str | None) -> dict[str, float]:
        """The metrics with another headline in front; None leaves the task's.

        Raises:
            OptionError: There is no such metric, or more of it is not better.
        """
        if headline is None:
            return dict(metrics)
        known = [name for name in metrics if name not in self.no_scores]
        if headline not in known:
            raise OptionError(f"metric {headline!r} is not one of {', '.join(known)}")
        return {headline: metrics[headline], **metrics}


def extent(windows: Sequence[Window]) -> dict[str, Any]:
    """What every answer says of how the input was read: ``windows`` and ``truncated``."""
    return {"windows": len(windows), "truncated": any(window.truncated for window in windows)}

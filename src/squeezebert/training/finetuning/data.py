"""Rows to training examples, and training examples to the features of an epoch."""

from __future__ import annotations

import dataclasses
import hashlib
from array import array
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from squeezebert.data import Row
from squeezebert.data.row import as_rows
from squeezebert.errors import DataError
from squeezebert.pipelines import windows_of
from squeezebert.tasks import get_task
from squeezebert.tasks.base import Example, Feature, Setup, Task

HELD_OUT_SHARE = 0.1
HELD_OUT_MOST = 2000
_KNOWN = ", some of them of texts that are learnt from"


@dataclass(frozen=True)
class TrainingData:
    """Labelled examples of both splits.

    Attributes:
        task: What they are examples of.
        training: Those to learn from, at least one.
        validation: Those to measure on, at least one.
        held_out: Whether ``validation`` was taken from the training rows.
        name: What the model card calls the training rows.
        validation_name: What it calls the others.
        unlabelled: Examples that a teacher alone labels.
    """

    task: Task[Any, Any]
    training: Sequence[Any]
    validation: Sequence[Any]
    held_out: bool
    name: str
    validation_name: str
    unlabelled: Sequence[Any] = ()

    @classmethod
    def read(
        cls,
        task: Task[Any, Any] | str,
        training: Iterable[Row | Mapping[str, Any]],
        validation: Iterable[Row | Mapping[str, Any]] | None = None,
        *,
        unlabelled: Iterable[Row | Mapping[str, Any]] = (),
        columns: Mapping[str, str] | None = None,
        seed: int = 0,
        name: str = "rows without a name",
        validation_name: str = "rows without a name",
    ) -> TrainingData:
        """Read the rows; without validation rows, a tenth of the others is held out (about 2,000 at most).

        Rows of one text, such as the questions about it, are held out together: known texts flatter.

        Args:
            task: Reads the rows; also by its name.
            training: Labelled rows to learn from, also as mappings of their columns.
            validation: Labelled rows to measure on.
            unlabelled: Further rows, for a teacher to label; labels they have are not looked at.
            columns: Name in the rows of a canonical column, where the task does not know it.
            seed: Decides which rows are held out.
            name: For the model card.
            validation_name: For the model card.

        Raises:
            DataError: A row does not fit the task, or there are too few.
            OptionError: No model is trained for the task, or it has no such column.
        """
        task = get_task(task) if isinstance(task, str) else task
        task.check_trainable()
        task.check_columns(columns or ())
        examples = [*task.labelled_examples(as_rows(training, "training row"), columns)]
        more = [task.example(row, columns) for row in as_rows(unlabelled, "unlabelled row")]
        if validation is not None:
            held = [*task.labelled_examples(as_rows(validation, "validation row"), columns)]
            if not examples:
                raise DataError(f"{name}: holds no rows to learn from")
            if not held:
                raise DataError(f"{validation_name}: holds no rows to measure on")
            return cls(task, examples, held, False, name, validation_name, more)
        count = min(HELD_OUT_MOST, max(1, round(len(examples) * HELD_OUT_SHARE)))
        if len(examples) < 2:
            raise DataError(f"{name}: {len(examples)} rows cannot be divided into training and validation")
        order = np.random.default_rng(seed).permutation(len(examples)).tolist()
        contents = [task.contents(example) for example in examples]
        chosen = _held_out(contents, order, count)
        return cls(
            task,
            [example for index, example in enumerate(examples) if index not in chosen],
            [example for index, example in enumerate(examples) if index in chosen],
            True,
            name,
            f"{len(chosen)} rows held out of {name}{_KNOWN if _is_known(contents, chosen) else ''}",
            more,
        )

    @property
    def labelled(self) -> Sequence[Any]:
        """The examples that say which labels there are.

        A label that chance has moved into the held-out rows as a whole is still one of the model's.
        """
        return [*self.training, *self.validation] if self.held_out else self.training

    def check_validation(self, setup: Setup) -> None:
        """Find out before training whether the validation rows can be measured.

        Raises:
            DataError: A label occurs in the validation rows only, or a row does not fit the task; the message
                names it and the place. Or no row has anything to measure on.
        """
        self.task.check_together([*self.training, *self.validation], setup.config)
        rng = np.random.default_rng(0)
        found = False
        for example in self.validation:
            try:
                self.task.check(example, setup.config)
            except DataError as error:
                raise DataError(f"{error}; validation rows must have labels of the training rows") from error
            found |= bool(self.task.features(example, windows_of(self.task, example, setup), setup, rng))
        if not found:
            raise DataError(f"{self.validation_name}: no row gives {self.task.name} anything to measure on")

    def fingerprint(self) -> str:
        """A digest by which a resumed run knows that its data is the same."""
        # The same rows divided elsewhere are other data.
        digest = hashlib.sha256(repr([len(self.training), len(self.validation)]).encode())
        for example in (*self.training, *self.validation, *self.unlabelled):
            # Places are left out: the same rows may lie elsewhere now.
            digest.update(repr(dataclasses.replace(example, where="")).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def _held_out(contents: Sequence[Sequence[Hashable]], order: Sequence[int], count: int) -> set[int]:
    """So many rows in this order, each with those that share a content if that makes twice as many at most.

    Where that makes less than half of them, as where a few texts have most rows, single rows are taken, too.
    One row at least is left to learn from.
    """
    most = min(2 * count, len(contents) - 1)
    groups = _groups(contents)
    chosen: set[int] = set()
    for index in order:
        rows = groups[index]
        if len(chosen) < count and index not in chosen and len(chosen) + len(rows) <= most:
            chosen.update(rows)
    return chosen if 2 * len(chosen) >= count else chosen.union(order[:count])


def _is_known(contents: Sequence[Sequence[Hashable]], chosen: set[int]) -> bool:
    """Whether some of the chosen rows share a content with others."""
    others = (shared for index, shared in enumerate(contents) if index not in chosen)
    known = {content for shared in others for content in shared}
    return any(not known.isdisjoint(contents[index]) for index in chosen)


def _groups(contents: Sequence[Sequence[Hashable]]) -> list[list[int]]:
    """For each row those that share a content with it, also by way of others, itself included."""
    leaders = list(range(len(contents)))

    def leader(index: int) -> int:
        while leaders[index] != index:
            leaders[index] = leaders[leaders[index]]
            index = leaders[index]
        return index

    firsts: dict[Hashable, int] = {}
    for index, shared in enumerate(contents):
        for content in shared:
            leaders[leader(index)] = leader(firsts.setdefault(content, index))
    together = defaultdict(list)
    for index in range(len(contents)):
        together[leader(index)].append(index)
    return [together[leader(index)] for index in range(len(contents))]


@dataclass(frozen=True)
class CompactTokens:
    """The ids and segments of an ``Encoding`` ``[tokens]``, in a tenth of its memory."""

    ids: array[int]
    type_ids: array[int]


def epoch_features(
    task: Task[Any, Any], examples: Iterable[Example], setup: Setup, *, seed: int, epoch: int
) -> list[Feature]:
    """Make the features of one epoch; the seed and the epoch alone decide what is drawn (masks).

    Where something is drawn, examples are tokenised anew each epoch: keeping their windows would take ten
    times the memory.

    Raises:
        DataError: A label is not one of the model's, or no example gives a feature.
    """
    rng = np.random.default_rng([seed, epoch])
    features = [
        _compact(feature)
        for example in examples
        for feature in task.features(example, windows_of(task, example, setup), setup, rng)
    ]
    if not features:
        raise DataError(f"no training row gives {task.name} anything to learn from")
    return features


def unlabelled_features(task: Task[Any, Any], examples: Iterable[Example], setup: Setup) -> list[Feature]:
    """Make the features of examples that a teacher labels; they are the same in every epoch."""
    return [
        _compact(feature)
        for example in examples
        for feature in task.unlabelled_features(windows_of(task, example, setup))
    ]


def _compact(feature: Feature) -> Feature:
    inputs = tuple(CompactTokens(array("i", text.ids), array("b", text.type_ids)) for text in feature.inputs)
    return dataclasses.replace(feature, inputs=inputs)

"""Token classification: entities, slots, parts of speech."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.config import SqueezeBertConfig
from squeezebert.data.spans import tagged
from squeezebert.engine.backend import Outputs
from squeezebert.errors import DataError, OptionError
from squeezebert.tasks.aggregation import completed, joined_to_entities, joined_to_words, labelled, tokens_of
from squeezebert.tasks.annotations import are_spans, read_spans
from squeezebert.tasks.base import ASKED, NO_LOSS, Answer, Example, Feature, Setup, Task, Window, extent
from squeezebert.tasks.columns import Column, is_empty, names_of, parsed, text_of, texts_of
from squeezebert.tasks.labels import label_index, ordered
from squeezebert.tasks.tags import OUTSIDE, STRICT_KEY, are_strict, entity_scores, have_entities

if TYPE_CHECKING:
    from squeezebert.data import Row

_NOT_ACCEPTED = ("reject", "ignore")
STRATEGIES = ("none", "word", "simple", "first", "average", "max")


@dataclass(frozen=True)
class TokenExample(Example):
    """A text, as it is or as words, and for training a tag for each word.

    Attributes:
        text: The text; of words, these joined by spaces.
        words: The words, where the text was given so.
        tags: One for each word.
    """

    text: str
    words: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True)
class TokenClassificationOptions:
    """What to answer.

    Attributes:
        aggregation_strategy: "none" gives an entry for each token, "word" for each word, the others for
            each entity: "simple" joins tokens; "first", "average" and "max" label words first, by their first
            token (as this package trains), by the mean of their probabilities, or by their surest token.
            Words are labelled together where the model's ``config.json`` has ``"strict_tags": true``, so that
            every entity begins as those that it learnt from; see :mod:`squeezebert.tasks.tags`.
        ignore_labels: Labels and entity types that are left out.
    """

    aggregation_strategy: str = "first"
    ignore_labels: tuple[str, ...] = (OUTSIDE,)

    def __post_init__(self) -> None:
        if self.aggregation_strategy not in STRATEGIES:
            raise OptionError(
                f"aggregation_strategy {self.aggregation_strategy!r} is not one of {', '.join(STRATEGIES)}"
            )
        ignored = (self.ignore_labels,) if isinstance(self.ignore_labels, str) else tuple(self.ignore_labels)
        object.__setattr__(self, "ignore_labels", ignored)


class TokenClassification(Task[TokenExample, TokenClassificationOptions]):
    """Entities, slots and parts of speech, with character offsets."""

    name = "token-classification"
    head = "SqueezeBertForTokenClassification"
    judges_places = True
    columns = (
        Column("text", ("sentence", "content", "review", "message", "tweet", "body"), required=False),
        Column("tokens", ("words",), required=False, listed=True),
        Column(
            "tags", ("ner_tags", "labels", "ner", "slots", "bio", "pos_tags", "upos", "label"),
            required=False, label=True,
        ),
        Column("spans", ("entities", "annotations"), required=False, label=True),
    )  # fmt: skip
    options_type = TokenClassificationOptions
    evaluation_options = TokenClassificationOptions("word", ignore_labels=())

    def labelled_example(self, row: Row, columns: Mapping[str, str] | None = None) -> TokenExample:
        """Read words and their tags, or a text and its spans.

        Raises:
            DataError: A column is missing or has a value of a wrong type; or the spans were not accepted.
        """
        example = super().labelled_example(row, columns)
        # Prodigy exports these rows, too, with the spans that were found wrong.
        answer = row.values.get("answer")
        if "spans" in row.values and isinstance(answer, str) and answer in _NOT_ACCEPTED:
            raise DataError(f"{row.where}: answer is {answer!r}; leave out rows that were not accepted")
        if example.tags is None:
            raise DataError(
                f"{row.where}: has no column for 'tags' or 'spans'; it has {names_of(row)}; "
                "say which with --column tags=NAME"
            )
        return example

    def read(self, values: Mapping[str, Any], where: str) -> TokenExample:
        """Make an example of ``tokens`` or, where there are none, of ``text``.

        Tags need tokens. Of spans, which may stand in the column of the tags as well, the text is cut into
        words.
        """
        if "tokens" in values and not _are_described(values):
            words = texts_of(values, "tokens", where)
            return TokenExample(where, " ".join(words), words, _read_tags(values, words, where))
        marked = values.get("spans", values.get("tags"))
        if "text" in values and {"spans", "tags"} & values.keys() and is_empty(marked):
            raise DataError(
                f"{where}: the cell of the spans is empty; write [] where a text has none, and leave out "
                "texts that nobody has annotated"
            )
        if "tags" in values and not ("text" in values and are_spans(marked)):
            raise DataError(
                f"{where}: has tags but no words they belong to; say which column with --column tokens=NAME"
            )
        if "text" not in values:
            raise DataError(
                f"{where}: has no column for 'text' or 'tokens'; say which with --column text=NAME"
            )
        text = text_of(values, "text", where)
        if marked is None:
            return TokenExample(where, text)
        cut, tags = tagged(text, read_spans(marked, text, where))
        return TokenExample(where, " ".join(cut), tuple(cut), tuple(tags))

    def configure(self, config: SqueezeBertConfig, examples: Sequence[TokenExample]) -> SqueezeBertConfig:
        """Take the labels from the tags, ``O`` first, and note whether all entities begin as in IOB2."""
        names = ordered(tag for example in examples for tag in example.tags or ())
        names.sort(key=lambda name: name != OUTSIDE)
        if len(names) < 2:
            raise DataError(
                f"{len(examples)} examples have the tags {names}; two or more different ones are needed"
            )
        strict = are_strict(example.tags or () for example in examples)
        known = super().configure(config, examples).with_labels(names)
        return known.replace(extra={**known.extra, STRICT_KEY: strict})

    def encode(self, example: TokenExample, setup: Setup) -> list[Window]:
        """Window the text or its words."""
        encodings = setup.tokenizer.encode_windows(
            example.text if example.words is None else list(example.words),
            max_length=setup.max_length,
            stride=setup.stride,
            is_split_into_words=example.words is not None,
        )
        return [Window(encoding) for encoding in encodings]

    def decode(
        self,
        example: TokenExample,
        windows: Sequence[Window],
        outputs: Sequence[Outputs],
        setup: Setup,
        options: TokenClassificationOptions,
    ) -> Answer:
        """Give a list of dicts: ``start`` and ``end`` in characters, ``word`` (the text there), ``score``.

        The label is ``entity`` for tokens and words, and ``entity_group``, without its prefix, for entities;
        tokens have their ``index`` in the window and their piece as ``word``. Each also has ``windows`` and
        ``truncated``. Of words that were given, offsets are those in the words joined by spaces.
        """
        tokens = tokens_of(example.words, windows, outputs, setup.stride)
        strategy = options.aggregation_strategy
        labels = setup.config.id2label
        if strategy == "none":
            entries = [
                {**entry, "index": unit.index, "word": unit.piece}
                for entry, unit in zip(labelled(tokens, labels), tokens, strict=True)
            ]
        elif strategy == "simple":
            entries = joined_to_entities(labelled(tokens, labels))
        else:
            strict = setup.config.extra.get(STRICT_KEY) is True
            how = "first" if strategy == "word" else strategy
            words = joined_to_words(tokens, how, example.text, example.words)
            entries = labelled(words, labels, strict=strict)
            if strategy != "word":
                entries = joined_to_entities(entries)
            elif example.words is not None:
                entries = completed(entries, words, example.words, setup.config)
        return [
            {"word": example.text[entry["start"] : entry["end"]], **entry, **extent(windows)}
            for entry in entries
            if (entry.get("entity") or entry.get("entity_group")) not in options.ignore_labels
        ]

    def features(
        self, example: TokenExample, windows: Sequence[Window], setup: Setup, rng: np.random.Generator
    ) -> list[Feature]:
        """Give the first token of each word the word's tag, and the others no loss."""
        tags, starts = _tag_indices(example, setup.config), _word_starts(windows)
        return [
            Feature((window,), token_targets={"labels": _targets(window, starts, tags)}) for window in windows
        ]

    def unlabelled_features(self, windows: Sequence[Window]) -> list[Feature]:
        """Ask for the first token of each word."""
        starts = _word_starts(windows)
        asked = dict.fromkeys(starts, 0)
        return [
            Feature((window,), token_targets={ASKED: _targets(window, starts, asked)}) for window in windows
        ]

    def check(self, example: TokenExample, config: SqueezeBertConfig) -> None:
        """See that the tags are the model's."""
        _tag_indices(example, config)

    def condense_answer(self, answer: Answer, config: SqueezeBertConfig) -> Answer:
        """Keep the tags, in one dictionary for all words that have the same."""
        tags = {tag: {"entity": tag} for tag in {entry["entity"] for entry in answer}}
        return [tags[entry["entity"]] for entry in answer]

    def metric(
        self, examples: Sequence[TokenExample], answers: Sequence[Answer], config: SqueezeBertConfig
    ) -> dict[str, float]:
        """Give F1, precision and recall of entities, as seqeval, and the accuracy of tags.

        Where tags do not spell entities (parts of speech) it is the accuracy alone.
        """
        names = config.id2label
        true = [[names[index] for index in _tag_indices(example, config)] for example in examples]
        guessed = [[entry["entity"] for entry in answer] for answer in answers]
        pairs = [pair for row in zip(true, guessed, strict=True) for pair in zip(*row, strict=True)]
        accuracy = {"accuracy": sum(a == b for a, b in pairs) / max(len(pairs), 1)}
        if not have_entities(list(names.values())):
            return accuracy
        return {**entity_scores(true, guessed), **accuracy}


def _tag_indices(example: TokenExample, config: SqueezeBertConfig) -> list[int]:
    return [label_index(tag, config, example.where) for tag in _tags(example)]


def _are_described(values: Mapping[str, Any]) -> bool:
    """Whether the tokens are no words, but say where each stands in the text, as Prodigy has them."""
    tokens = values["tokens"]
    return "text" in values and isinstance(tokens, list) and any(isinstance(item, Mapping) for item in tokens)


def _read_tags(values: Mapping[str, Any], words: tuple[str, ...], where: str) -> tuple[str, ...] | None:
    if "tags" not in values:
        return None
    given = parsed(values["tags"]) if isinstance(values["tags"], str) else values["tags"]
    if isinstance(given, (list, tuple)) and given and isinstance(given[0], int):
        for index, tag in enumerate(given):
            if not isinstance(tag, int):
                raise DataError(f"{where}: tags[{index}] is {tag!r} where tags[0] is a whole number")
        given = [str(tag) for tag in given]
    tags = texts_of({"tags": given}, "tags", where)
    if len(tags) != len(words):
        raise DataError(f"{where}: has {len(words)} tokens and {len(tags)} tags; expected as many")
    return tags


def _tags(example: TokenExample) -> tuple[str, ...]:
    if example.tags is None:
        raise DataError(f"{example.where}: has no tags")
    return example.tags


def _word_starts(windows: Sequence[Window]) -> dict[int, int]:
    """Where the first token of each word begins in it: not at 0 after a character that has no token."""
    starts: dict[int, int] = {}
    for window in windows:
        for word, (start, _) in zip(window.encoding.word_ids, window.encoding.offsets, strict=True):
            if word is not None:
                starts[word] = min(start, starts.get(word, start))
    return starts


def _targets(
    window: Window, starts: Mapping[int, int], tags: Sequence[int] | Mapping[int, int]
) -> NDArray[np.int64]:
    """``[tokens]``. A word whose first token lies in the window before takes its loss there."""
    words, offsets = window.encoding.word_ids, window.encoding.offsets
    targets = np.full(len(words), NO_LOSS, dtype=np.int64)
    for position, word in enumerate(words):
        if word is not None and word != words[position - 1] and offsets[position][0] == starts[word]:
            targets[position] = tags[word]
    return targets

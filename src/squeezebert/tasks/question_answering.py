"""Question answering: the span of a text that answers a question, or that there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.config import SqueezeBertConfig, two_outputs
from squeezebert.engine.backend import Outputs
from squeezebert.errors import DataError, OptionError
from squeezebert.tasks.base import Answer, Example, Feature, Setup, Task, Window, extent
from squeezebert.tasks.characters import after_marks
from squeezebert.tasks.columns import Column, is_empty, parsed, text_of
from squeezebert.tasks.labels import as_number
from squeezebert.tasks.scores import log_sum_exp
from squeezebert.tasks.squad import Prediction, squad_scores

# Times as many pairs of tokens are looked at as before, until there are enough spans.
_MORE = 20
# [CLS] and [SEP] around a question that stands alone.
SPECIAL_TOKENS = 2


@dataclass(frozen=True)
class Gold:
    """A right answer: its text, and where in the context it starts, if that is known."""

    text: str
    start: int | None = None


@dataclass(frozen=True)
class QuestionExample(Example):
    """A question about a context, and for training its right answers; an empty tuple where there is none."""

    question: str
    context: str
    answers: tuple[Gold, ...] | None = None


@dataclass(frozen=True)
class QuestionAnsweringOptions:
    """What to answer.

    Attributes:
        top_k: How many answers, best first; 1 gives one dict and not a list.
        max_answer_len: Longest answer, in tokens.
        handle_impossible_answer: Whether "no answer" (an empty ``answer``) competes with the others.
    """

    top_k: int = 1
    max_answer_len: int = 30
    handle_impossible_answer: bool = False

    def __post_init__(self) -> None:
        for name in ("top_k", "max_answer_len"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} {getattr(self, name)} is less than 1")


class QuestionAnswering(Task[QuestionExample, QuestionAnsweringOptions]):
    """Extractive question answering, as in SQuAD v1.1 and v2.0."""

    name = "question-answering"
    head = "SqueezeBertForQuestionAnswering"
    columns = (
        Column("question", ("query",)),
        Column("context", ("passage", "paragraph", "document", "text")),
        Column("answers", ("answer",), label=True),
        Column("answer_start", ("start",), required=False, label=True),
        Column("is_impossible", required=False, label=True),
    )
    options_type = QuestionAnsweringOptions
    evaluation_options = QuestionAnsweringOptions()
    content = "context"
    no_scores = ("best_f1_threshold", "best_exact_match_threshold")
    one_head = True

    def read(self, values: Mapping[str, Any], where: str) -> QuestionExample:
        """Make an example.

        Answers are a string (empty for none), a list of ``{"text", "start"}`` with ``answer_start`` as
        another name, or ``{"text": [...], "answer_start": [...]}``. ``answer_start`` may be a column. Where
        ``is_impossible`` is true, there is no answer, whatever is given.
        """
        answers = _read_answers(values, where) if "answers" in values else None
        if _is_true(values.get("is_impossible"), where):
            answers = ()
        return QuestionExample(
            where, text_of(values, "question", where), text_of(values, "context", where), answers
        )

    def configure(self, config: SqueezeBertConfig, examples: Sequence[QuestionExample]) -> SqueezeBertConfig:
        """Give a config of two outputs, start and end, which the labels of another head may not be."""
        return super().configure(two_outputs(config), examples)

    def encode(self, example: QuestionExample, setup: Setup) -> list[Window]:
        """Window the context, each window with the question; that may fill half a window and is else cut.

        Raises:
            DataError: The question alone is longer than a window.
        """
        question, length = _shortened(example, setup)
        room = setup.max_length - length - 1
        encodings = setup.tokenizer.encode_windows(
            question,
            example.context,
            max_length=setup.max_length,
            stride=min(setup.stride, max(room - 1, 0) // 2),
            truncation="only_second",
        )
        return [Window(encoding, truncated=question != example.question) for encoding in encodings]

    def decode(
        self,
        example: QuestionExample,
        windows: Sequence[Window],
        outputs: Sequence[Outputs],
        setup: Setup,
        options: QuestionAnsweringOptions,
    ) -> Answer:
        """Give ``{"score", "start", "end", "answer", "no_answer_score", "windows", "truncated"}`` or a list.

        ``start`` and ``end`` are characters of the context, at the borders of words. ``score`` is the
        probability of the span among all pairs of a start and an end in the same window, over all windows;
        ``no_answer_score`` is that of the pair on ``[CLS]``, in the window that is least sure of it, which
        alone is among these pairs: that a window does not tell says nothing of the others. Of pairs and
        windows in which a span stands more than once, the surest counts.
        """
        total, nothing = _normalizer(windows, outputs)
        common = {
            "no_answer_score": math.exp(nothing - total),
            **extent(windows),
        }
        found: dict[tuple[int, int], float] = {}
        for window, output in zip(windows, outputs, strict=True):
            for (start, end), score in _spans(window, output, options).items():
                span = start, after_marks(example.context, end)
                found[span] = max(score, found.get(span, -math.inf))
        if options.handle_impossible_answer or not found:
            found[0, 0] = nothing
        best = sorted(found.items(), key=lambda item: -item[1])[: options.top_k]
        answers = [
            {
                "score": math.exp(score - total),
                "start": start,
                "end": end,
                "answer": example.context[start:end],
                **common,
            }
            for (start, end), score in best
        ]
        return answers[0] if options.top_k == 1 else answers

    def features(
        self, example: QuestionExample, windows: Sequence[Window], setup: Setup, rng: np.random.Generator
    ) -> list[Feature]:
        """Point at the first right answer; a window that does not hold all of it points at ``[CLS]``."""
        span = _answer_span(example)
        features = []
        for window, (start, end) in zip(windows, _token_spans(windows, span or (0, 0)), strict=True):
            targets = {"start_positions": np.array(start), "end_positions": np.array(end)}
            features.append(Feature((window,), targets))
        return features

    def metric(
        self, examples: Sequence[QuestionExample], answers: Sequence[Answer], config: SqueezeBertConfig
    ) -> dict[str, float]:
        """Give SQuAD's F1 and exact match; see :func:`squad_scores`."""
        return squad_scores(
            [
                Prediction(
                    tuple(gold.text for gold in _answers(example)),
                    answer["answer"],
                    _log(answer["no_answer_score"]) - _log(answer["score"]),
                )
                for example, answer in zip(examples, answers, strict=True)
            ]
        )


def _log(probability: float) -> float:
    return math.log(max(probability, 5e-324))


def _shortened(example: QuestionExample, setup: Setup) -> tuple[str, int]:
    """The question, or as much of it as half a window holds, and its tokens with the special ones."""
    question = example.question
    parts = setup.tokenizer.encode_windows(question, max_length=setup.max_length // 2)
    if len(parts) == 1:
        return question, len(parts[0].ids)
    length = sum(len(part.ids) - SPECIAL_TOKENS for part in parts)
    if length > setup.max_length - SPECIAL_TOKENS:
        raise DataError(
            f"{example.where}: the question has {length} tokens, more than a window of {setup.max_length} "
            "holds; shorten it, and put what it asks about into the context"
        )
    start = question[: parts[0].offsets[-2][1]]
    # A word that was cut can be spelled in other pieces than before.
    return start, len(setup.tokenizer.encode_windows(start)[0].ids)


def _allowed(window: Window) -> NDArray[np.bool_]:
    """The tokens of the context ``[tokens]``."""
    return np.array([owner == 1 for owner in window.encoding.sequence_ids])


def _normalizer(windows: Sequence[Window], outputs: Sequence[Outputs]) -> tuple[float, float]:
    """Logarithm of the sum over all pairs of start and end, and the logit of no answer.

    Pairs are those of tokens of the context and ``[CLS]`` in one window; of those on ``[CLS]`` twice there is
    one, no answer.
    """
    totals, nothing = [], math.inf
    for window, output in zip(windows, outputs, strict=True):
        start, end = (output[name].astype(np.float64) for name in ("start_logits", "end_logits"))
        nothing = min(nothing, float(start[0] + end[0]))
        if (chosen := _allowed(window)).any():
            starts, ends = float(log_sum_exp(start[chosen])), float(log_sum_exp(end[chosen]))
            totals += [starts + ends, float(start[0]) + ends, starts + float(end[0])]
    return float(log_sum_exp(np.array([*totals, nothing]))), nothing


def _spans(
    window: Window, output: Outputs, options: QuestionAnsweringOptions
) -> dict[tuple[int, int], float]:
    """The best spans of a window, as characters of the context, with their logits."""
    positions = np.flatnonzero(_allowed(window))
    count, longest = len(positions), min(options.max_answer_len, len(positions))
    if not count:
        return {}
    start = output["start_logits"][positions].astype(np.float64)
    end = np.append(output["end_logits"][positions].astype(np.float64), np.full(longest, -np.inf))
    # [count, longest]: each start with the ends that follow it.
    scores = start[:, None] + np.lib.stride_tricks.sliding_window_view(end, longest)[:count]
    flat = scores.ravel()
    there, looked, wanted = int(np.isfinite(flat).sum()), 0, options.top_k
    found: dict[tuple[int, int], float] = {}
    # Several pairs of tokens can stand for the same words, as all of those within a long one do.
    while len(found) < options.top_k and looked < there:
        wanted *= _MORE
        looked = min(wanted, there)
        for place in np.argpartition(-flat, looked - 1)[:looked]:
            first, extra = divmod(int(place), longest)
            span = _characters(window, positions[first], positions[first + extra])
            found[span] = max(float(flat[place]), found.get(span, -math.inf))
    return found


def _characters(window: Window, first: int, last: int) -> tuple[int, int]:
    """Characters of the words in which the tokens ``first`` to ``last`` lie, as far as they are there."""
    encoding = window.encoding
    while encoding.sequence_ids[first - 1] == 1 and encoding.word_ids[first - 1] == encoding.word_ids[first]:
        first -= 1
    while encoding.sequence_ids[last + 1] == 1 and encoding.word_ids[last + 1] == encoding.word_ids[last]:
        last += 1
    return encoding.offsets[first][0], encoding.offsets[last][1]


def _token_spans(windows: Sequence[Window], span: tuple[int, int]) -> list[tuple[int, int]]:
    """First and last token of the characters in each window; ``[CLS]`` twice where one lacks some of them.

    White space and the like at either end has no token, and is not missed.
    """
    held = [_tokens_within(window, *span) for window in windows]
    spans = [_reach(window, tokens) for window, tokens in zip(windows, held, strict=True) if tokens]
    first = min((start for start, _ in spans), default=0)
    last = max((end for _, end in spans), default=0)
    return [
        (tokens[0], tokens[-1]) if tokens and _reach(window, tokens) == (first, last) else (0, 0)
        for window, tokens in zip(windows, held, strict=True)
    ]


def _tokens_within(window: Window, start: int, end: int) -> list[int]:
    """The tokens of the context that have some of the characters."""
    offsets = window.encoding.offsets
    return [int(p) for p in np.flatnonzero(_allowed(window)) if offsets[p][0] < end and offsets[p][1] > start]


def _reach(window: Window, tokens: Sequence[int]) -> tuple[int, int]:
    """The characters from the first to the last of some tokens."""
    return window.encoding.offsets[tokens[0]][0], window.encoding.offsets[tokens[-1]][1]


def _answers(example: QuestionExample) -> tuple[Gold, ...]:
    if example.answers is None:
        raise DataError(f"{example.where}: has no answers")
    return example.answers


def _answer_span(example: QuestionExample) -> tuple[int, int] | None:
    """Characters of the first right answer that occurs, nearest to where it is said to start."""
    answers = [gold for gold in _answers(example) if gold.text.strip()]
    if not answers:
        return None
    for gold in answers:
        if (span := _span_of(gold, example.context)) is not None:
            return span
    raise DataError(f"{example.where}: the answer {answers[0].text!r} does not occur in the context")


def _span_of(gold: Gold, context: str) -> tuple[int, int] | None:
    text, said = gold.text, gold.start or 0
    if context[said : said + len(text)] == text:
        return said, said + len(text)
    starts = [at for at in range(len(context) - len(text) + 1) if context.startswith(text, at)]
    start = min(starts, key=lambda at: abs(at - said), default=None)
    return None if start is None else (start, start + len(text))


def _read_answers(values: Mapping[str, Any], where: str) -> tuple[Gold, ...]:
    value = values["answers"]
    if isinstance(value, str):
        value = _from_cell(value)
    if value is None or isinstance(value, str):
        return (Gold(value, _read_start(values.get("answer_start"), where)),) if value else ()
    if isinstance(value, Mapping) and isinstance(value.get("text"), (list, tuple)):
        starts = _read_starts(_start_in(value), len(value["text"]), where)
        value = [{"text": text, "start": start} for text, start in zip(value["text"], starts, strict=True)]
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, (list, tuple)):
        raise DataError(f"{where}: answers is {value!r}; expected a string or a list of answers")
    column = values.get("answer_start")
    starts = [None] * len(value) if is_empty(column) else _read_starts(column, len(value), where)
    return tuple(_read_gold(item, start, where) for item, start in zip(value, starts, strict=True))


def _from_cell(cell: str) -> Any:
    """The answers that a cell of a table holds; any other cell is an answer."""
    value = parsed(cell)
    items = value if isinstance(value, list) else [value]
    return value if all(isinstance(item, str) or _is_answer(item) for item in items) else cell


def _read_starts(value: object, answers: int, where: str) -> list[int | None]:
    """Where a column says that each of several answers starts."""
    if isinstance(value, str):
        value = parsed(value)
    if is_empty(value):
        return [None] * answers
    items = value if isinstance(value, (list, tuple)) else [value]
    if len(items) != answers:
        raise DataError(f"{where}: has {answers} answers, and answer_start is {value!r}; give one for each")
    return [_read_start(item, where) for item in items]


def _read_start(value: object, where: str) -> int | None:
    """Where a column says that an answer starts; numbers have a point where some rows have none."""
    if is_empty(value):
        return None
    number = as_number(value)
    # A count of characters has no decimals, so that a comma is one of thousands.
    if number is None or number < 0 or not number.is_integer() or "," in str(value):
        raise DataError(
            f"{where}: answer_start is {value!r}; expected how many characters of the context stand before "
            "the answer, or no such column"
        )
    return int(number)


def _is_answer(item: object) -> bool:
    return isinstance(item, Mapping) and "text" in item


def _read_gold(item: object, start: int | None, where: str) -> Gold:
    """An answer, and where a column says that it starts, unless it says so itself."""
    if isinstance(item, str):
        return Gold(item, start)
    if isinstance(item, Mapping) and isinstance(item.get("text"), str):
        own = _read_start(_start_in(item), where)
        return Gold(item["text"], start if own is None else own)
    raise DataError(f"{where}: the answer {item!r} is not an object with 'text' and 'start'")


def _start_in(answer: Mapping[str, Any]) -> Any:
    """Where an answer says that it starts, under either name."""
    start = answer.get("start")
    return answer.get("answer_start") if is_empty(start) else start


def _is_true(value: object, where: str) -> bool:
    """Whether a cell says yes: as JSON has it, or as tables do."""
    if is_empty(value):
        return False
    said = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    name = str(value).strip().casefold().removesuffix(".0")
    if name not in said:
        raise DataError(f"{where}: is_impossible is {value!r}; expected true or false")
    return said[name]

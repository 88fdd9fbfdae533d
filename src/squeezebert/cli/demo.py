"""``squeezebert demo``: the embedded model at work on real text, offline; what ``make demo`` runs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from squeezebert.cli.options import verbose_option
from squeezebert.tasks import TASK_NAMES

SENTIMENT = "text-classification"


@dataclass(frozen=True)
class Sentence:
    """A sentence of the demo.

    Attributes:
        text: The sentence.
        label: Its sentiment, as people read it.
        clear: Whether a model that works has to get it right.
    """

    text: str
    label: str
    clear: bool = True


SENTENCES = (
    Sentence("A warm, funny film that the whole family loved.", "positive"),
    Sentence("The soup was cold and the waiter was rude.", "negative"),
    Sentence("This keyboard is a joy to type on.", "positive"),
    Sentence("The sound is terrible and the battery dies within an hour.", "negative"),
    Sentence("An excellent and beautifully told story.", "positive"),
    Sentence("A dull, boring waste of time.", "negative"),
    Sentence("It is not the worst way to spend an evening.", "positive", clear=False),
    Sentence("The plot is thin, but the music is wonderful.", "positive", clear=False),
    Sentence("I wanted to love this book, and I could not finish it.", "negative", clear=False),
)
TO_TOKENIZE = "Unbelievable: the café in Zürich reopened!"
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "token-classification": {"text": "Please send the report to John Smith at Siemens in Munich."},
    "question-answering": {
        "question": "Where did Ada Lovelace meet Charles Babbage?",
        "context": "In June 1833 Ada Lovelace met Charles Babbage at a party in London.",
    },
    "fill-mask": {"text": "She studied physics at the [MASK] of Cambridge."},
    "multiple-choice": {
        "prompt": "She put the kettle on because she wanted to",
        "choices": ["make some tea.", "drive to work.", "cut the grass."],
    },
    "zero-shot-classification": {
        "text": "The goalkeeper broke his arm in the first half.",
        "candidate_labels": ["politics", "sports", "cooking"],
    },
}
SEARCH = "feature-extraction"
QUESTION = "How do I get my money back?"
PASSAGES = (
    "You can return it within 30 days for a full refund.",
    "The parcel arrives within three working days.",
    "Our shop opens at nine o'clock.",
)


@click.command()
@verbose_option
@click.pass_context
def command(ctx: click.Context, /) -> None:
    """Show the embedded model at work on real text, offline.

    The exit code is 1 if the sentiment of a clear sentence comes out wrong.
    """
    from squeezebert.embedded import embedded_models

    there = embedded_models()
    right = _show_sentiment()
    _show_tokens()
    for task in there:
        if task in EXAMPLES:
            _show_example(task, EXAMPLES[task])
    if SEARCH in there:
        _show_search()
    missing = [task for task in TASK_NAMES if task not in there]
    if missing:
        click.echo(f"\nNo embedded model yet for: {', '.join(missing)}")
    ctx.exit(0 if right else 1)


def _show_sentiment() -> bool:
    """Show the sentences with their sentiment; tell whether the clear ones are right."""
    from squeezebert.embedded import embedded_model
    from squeezebert.pipelines import pipeline

    with _timed(f"Load {embedded_model(SENTIMENT)}"):
        classify = pipeline(SENTIMENT)
    all_right = True
    with _timed(f"Sentiment of {len(SENTENCES)} sentences"):
        answers = classify([sentence.text for sentence in SENTENCES])
    for sentence, answer in zip(SENTENCES, answers, strict=True):
        is_right = answer["label"] == sentence.label
        all_right = all_right and (is_right or not sentence.clear)
        mark = "right" if is_right else "WRONG" if sentence.clear else "wrong, but it is a hard one"
        click.echo(f"  {answer['label']:<9} {answer['score']:.3f}  {sentence.text}  [{mark}]")
    return all_right


def _show_tokens() -> None:
    """Show a tokenisation, each piece with the characters that it stands for."""
    from squeezebert.embedded import embedded_model
    from squeezebert.tokenization import SqueezeBertTokenizerFast

    tokenizer = SqueezeBertTokenizerFast.from_pretrained(embedded_model(SENTIMENT))
    with _timed(f"Tokens of {TO_TOKENIZE!r}"):
        encoding = tokenizer(TO_TOKENIZE).encodings[0]
    for piece, identity, (start, end) in zip(encoding.tokens, encoding.ids, encoding.offsets, strict=True):
        characters = f"{start:>2}:{end:<2}  {TO_TOKENIZE[start:end]}" if end else "  special"
        click.echo(f"  {piece:<12} {identity:>5}  {characters}")


def _show_example(task: str, inputs: Mapping[str, Any]) -> None:
    """Show one input of a task and its answer."""
    from squeezebert.cli.table import Table
    from squeezebert.pipelines import pipeline

    model = pipeline(task)
    with _timed(task):
        answer = model(**inputs)
    text = " / ".join(value for value in inputs.values() if isinstance(value, str))
    for line in Table().lines(text, answer):
        click.echo(f"  {line}")


def _show_search() -> None:
    """Show sentences by the cosine of their vectors with that of a question, the likest first."""
    from squeezebert.pipelines import pipeline

    extract = pipeline(SEARCH)
    with _timed(f"{SEARCH}: what is nearest to {QUESTION!r}?"):
        question, *passages = extract([QUESTION, *PASSAGES])
    cosines = [float(passage @ question) for passage in passages]
    for cosine, passage in sorted(zip(cosines, PASSAGES, strict=True), reverse=True):
        click.echo(f"  {cosine:.3f}  {passage}")


@contextmanager
def _timed(what: str) -> Iterator[None]:
    """Print a heading with the time that the block took."""
    start = time.perf_counter()
    yield
    click.echo(f"\n{what} ({(time.perf_counter() - start) * 1e3:.0f} ms)")

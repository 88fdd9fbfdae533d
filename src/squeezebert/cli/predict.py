"""``squeezebert predict``: texts in, answers out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TextIO

import click

from squeezebert.cli import options
from squeezebert.cli.answer_files import writer_for
from squeezebert.cli.inputs import files_read, rows_asked
from squeezebert.cli.main import Session
from squeezebert.cli.output import STDOUT, check_apart, check_output, opened, show_fields
from squeezebert.cli.progress import progress
from squeezebert.cli.table import Table
from squeezebert.files import exists
from squeezebert.tasks import TRUNK_TASKS

if TYPE_CHECKING:
    from squeezebert.cli.answering import Answered
    from squeezebert.pipelines import Pipeline

# The options that give every row a column of this name.
COLUMNS = ("text_pair", "question", "context", "choices", "candidate_labels", "hypothesis_template")
# What an option says about the model and how it is run; all others are options of the task.
SETTINGS = ("backend", "precision", "max_length", "stride", "batch_tokens", "threads")

EXAMPLES = """\b
Examples:
  squeezebert predict "A warm, funny film."
  squeezebert predict --input reviews.csv --column text=review --output answers.csv
  squeezebert predict --task ner "Ada Lovelace lived in London."
  squeezebert predict --task question-answering --question "Who wrote it?" "Ada wrote it."
  squeezebert predict --task zero-shot-classification --labels sport,politics "The goalkeeper is hurt."
  squeezebert predict --task feature-extraction --input reviews.csv --output vectors.npy
"""


@click.command(epilog=EXAMPLES)
@click.argument("texts", nargs=-1)
@click.option(
    "--input", "paths", multiple=True, metavar="FILE",
    help="Read rows from a .txt, .csv, .tsv, .jsonl, .json or .conll file, also .xz, .gz or .zst, from a "
    ".parquet file, or from the folder of a data set; - is the standard input. Repeatable.",
)  # fmt: skip
@click.option("--split", metavar="NAME", help="train, validation or test, where an input holds several.")
@click.option(
    "--output", metavar="FILE",
    help="Write there, as the name says: .csv, .jsonl, .json or .txt, also .xz, .gz or .zst; vectors as "
    ".npy or .jsonl; - is the standard output.",
)  # fmt: skip
@options.task_option
@options.model_option
@options.format_option
@options.column_option
@options.json_option
@click.option("--text-pair", metavar="TEXT", help="Text classification: the second text of a pair.")
@click.option("--question", metavar="TEXT", help="Question answering: the question to each text.")
@click.option("--context", metavar="TEXT", help="Question answering: where to look for the answers.")
@click.option(
    "--choice", "choices", multiple=True, metavar="TEXT", help="Multiple choice: a choice. Repeatable."
)
@click.option("--top-k", type=int, metavar="N", help="How many answers to give, best first.")
@click.option(
    "--threshold", type=float, metavar="SCORE",
    help="Text classification: all labels of at least this score.",
)  # fmt: skip
@click.option("--function-to-apply", metavar="NAME", help="Text classification: softmax, sigmoid or none.")
@click.option(
    "--aggregation", "aggregation_strategy", metavar="NAME",
    help="Token classification: none, word, simple, first, average or max.",
)  # fmt: skip
@click.option("--targets", multiple=True, metavar="WORD", help="Fill-mask: score this word. Repeatable.")
@click.option(
    "--max-answer-length", "max_answer_len", type=int, metavar="N",
    help="Question answering: longest answer, in tokens.",
)  # fmt: skip
@click.option(
    "--allow-no-answer", "handle_impossible_answer", is_flag=True,
    help="Question answering: a text may hold no answer.",
)  # fmt: skip
@click.option(
    "--labels", "candidate_labels", multiple=True, metavar="A,B,…",
    help="Zero-shot: the labels to choose from. Repeatable.",
)  # fmt: skip
@click.option("--hypothesis-template", metavar="TEXT", help="Zero-shot: a sentence with {} for the label.")
@click.option("--multi-label", is_flag=True, help="Zero-shot: several labels may fit.")
@options.pooling_option
@options.max_length_option
@options.stride_option
@options.batch_tokens_option
@click.option(
    "--look-ahead", type=int, metavar="N",
    help="Rows that are read before the first is answered, for speed; 1 answers a stream as it comes.  "
    "[default: 512]",
)  # fmt: skip
@options.threads_option
@options.backend_option
@options.precision_option
@options.dry_run_option
@options.verbose_option
@click.pass_context
def command(
    ctx: click.Context, /, texts: tuple[str, ...], paths: tuple[str, ...], split: str | None,
    output: str | None, task: str | None, model: str | None, format: str | None, column: tuple[str, ...],
    as_json: bool, dry_run: bool, **asked: Any,
) -> None:  # fmt: skip
    """Answer for TEXTS, for files (--input), or for what is piped in."""
    from squeezebert.cli.answering import answered, chosen, conditions, plan
    from squeezebert.engine import Engine
    from squeezebert.pipelines import pipeline

    kind, name = chosen(task, model)
    columns = options.columns_of(column)
    kind.check_columns(columns)
    given, settings = options.given(asked, COLUMNS), options.given(asked, (*SETTINGS, "look_ahead"))
    options.check_columns(ctx.command, kind, given)
    if "candidate_labels" in given:
        given["candidate_labels"] = ",".join(given["candidate_labels"])
    wished = options.given(asked, asked.keys() - {*COLUMNS, *SETTINGS, "look_ahead"})
    options.check_options(ctx.command, kind, wished)
    wanted = kind.options(**wished)
    output = None if output == STDOUT else output
    write = writer_for(output, kind.name, as_json=as_json)
    check_output(output)
    rows = rows_asked(kind.name, texts, paths, given, format=format, split=split)
    check_apart(output, files_read(paths, name, format=format, split=split))
    if dry_run:
        examples = progress((kind.example(row, columns) for row in rows), unit="texts")
        planned = plan(kind, name, examples, settings, wanted)
        show_fields({**planned, "output": output or "stdout"}, as_json=as_json)
        return
    with opened(output) as stream:
        pipe = pipeline(kind.name, name, **settings)
        if isinstance(pipe.backend, Engine):
            ctx.ensure_object(Session).kept = pipe
        options.say(ctx, conditions(pipe, name, settings))
        _wonder(texts)
        answers = progress(answered(pipe, rows, columns, wanted), unit="texts")
        if asked["look_ahead"] is not None:
            answers = _at_once(answers, stream)
        if write is not None:
            write(answers, stream)
            return
        table = Table.fitting(_labels(pipe), on_screen=output is None)
        for answer in answers:
            for line in table.lines(answer.text, answer.answer):
                print(line, file=stream)


def _at_once(answers: Iterable[Answered], stream: TextIO) -> Iterator[Answered]:
    """Let each answer be read before the next input is waited for."""
    for answer in answers:
        yield answer
        stream.flush()


def _wonder(texts: Sequence[str]) -> None:
    """Say so on stderr where a text looks like a forgotten ``--input``."""
    for text in texts:
        if PurePath(text).suffix and exists(Path(text)):
            click.echo(f"squeezebert: {text!r} is answered as a text; --input reads a file", err=True)


def _labels(pipe: Pipeline) -> list[str]:
    """What answers can say; nothing where they are taken from the text or its row."""
    says_labels = pipe.task.head.endswith("Classification") and pipe.task.name not in TRUNK_TASKS
    return list(pipe.setup.config.id2label.values()) if says_labels else []

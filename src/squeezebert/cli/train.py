"""``squeezebert train``: fine-tune a model on labelled rows."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from squeezebert.cli import options
from squeezebert.cli.output import show_fields
from squeezebert.errors import DataError, MissingExtraError, OptionError

if TYPE_CHECKING:
    from squeezebert.data import Row
    from squeezebert.training import TrainingData

_BATCH_SIZE = 32


@click.command()
@click.argument("data")
@options.task_option
@click.option(
    "--from",
    "start",
    metavar="MODEL",
    default="mini",
    show_default=True,
    help="Folder, embedded model or hub name to start from.",
)
@click.option("--out", metavar="FOLDER", help="Model folder to make; empty or missing.")
@click.option(
    "--validation",
    metavar="FILE",
    help="Rows to measure on; by default the data set's own, or a tenth of the training rows.",
)
@options.format_option
@options.column_option
@click.option("--epochs", type=float, default=3.0, show_default=True, help="Passes over the training rows.")
@click.option("--batch-size", type=int, metavar="N", help=f"Texts a step.  [default: {_BATCH_SIZE}]")
@click.option("--batch-tokens", type=int, metavar="N", help="Tokens a step, in place of --batch-size.")
@click.option(
    "--learning-rate",
    type=float,
    default=1e-4,
    show_default=True,
    help="Its peak; 3e-5 suits models of base size.",
)
@click.option(
    "--warmup",
    type=float,
    default=0.06,
    show_default=True,
    help="Share of the run in which the learning rate rises; then it falls to 0.",
)
@click.option("--weight-decay", type=float, default=0.01, show_default=True, help="That of AdamW.")
@click.option("--max-grad-norm", type=float, default=1.0, show_default=True, help="Longest gradient.")
@click.option("--dropout", type=float, metavar="FLOAT", help="In place of the checkpoint's.")
@click.option("--precision", default="auto", show_default=True, metavar="NAME", help="auto, fp32 or bf16.")
@click.option("--freeze-embeddings", is_flag=True, help="Leave the word embeddings as they are.")
@click.option(
    "--evaluate-every", type=int, metavar="STEPS", help="Steps between evaluations; one an epoch if left out."
)
@click.option(
    "--save-every",
    type=float,
    default=3.0,
    show_default=True,
    metavar="MINUTES",
    help="Minutes between the states that --resume goes on from.",
)
@options.max_length_option
@click.option("--seed", type=int, default=0, show_default=True, help="Decides everything that is random.")
@options.threads_option
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@options.dry_run_option
@options.json_option
@options.verbose_option
def command(
    data: str, task: str, start: str, out: str | None, validation: str | None, format: str | None,
    column: tuple[str, ...], resume: bool, dry_run: bool, as_json: bool, batch_size: int | None,
    batch_tokens: int | None, seed: int, **asked: Any,
) -> None:  # fmt: skip
    """Fine-tune a model on your rows.

    DATA is a file with labelled rows, or the folder of a published data set such as SST-2 or SQuAD. The best
    checkpoint by the task's metric on the validation rows is kept, with a model card.
    """
    _need_torch()
    from squeezebert.cli.training_bar import TrainingBar
    from squeezebert.training import TrainingSettings, plan, train

    if batch_size is not None and batch_tokens is not None:
        raise OptionError("give --batch-size or --batch-tokens, not both")
    if out is None and not dry_run:
        raise OptionError("give --out FOLDER, where the model goes, or --dry-run")
    settings = TrainingSettings(
        batch_size=_BATCH_SIZE if batch_size is None else batch_size,
        batch_tokens=batch_tokens, seed=seed, **asked,
    )  # fmt: skip
    rows = read_data(
        data, validation, task=task, format=format, columns=options.columns_of(column), seed=seed
    )
    if dry_run or out is None:
        with _new_heads_are_expected():
            show_fields(plan(rows, start=start, settings=settings).to_dict(), as_json=as_json)
        return
    bar = TrainingBar(sys.stderr, f"validation rows: {rows.validation_name}")
    try:
        with contextlib.closing(bar), _new_heads_are_expected():
            result = train(rows, out, start=start, settings=settings, resume=resume, observers=[bar])
    except KeyboardInterrupt:
        click.echo("squeezebert: stopped; the same command with --resume goes on", err=True)
        raise
    show_fields(result.to_dict(), as_json=as_json)


@contextlib.contextmanager
def _new_heads_are_expected() -> Iterator[None]:
    """A checkpoint without the head is what training starts from, and no reason for a warning."""
    logger = logging.getLogger("squeezebert.modeling")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _need_torch() -> None:
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError("training", "train") from error


def read_data(
    path: str,
    validation: str | None,
    *,
    task: str,
    format: str | None,
    columns: Mapping[str, str],
    seed: int,
) -> TrainingData:
    """Read the training rows and those to measure on: of ``validation``, of the data set, or held out.

    Raises:
        DataError: A file or row cannot be read, or does not fit the task.
        OptionError: There is no such task.
    """
    from squeezebert.data import load_dataset_rows
    from squeezebert.tasks import get_task
    from squeezebert.training import TrainingData

    kind = get_task(task)

    def rows(path: str, split: str | None) -> Iterator[Row]:
        return load_dataset_rows(path, task=kind.name, split=split, format=format)

    def part(path: str, split: str) -> Iterator[Row] | None:
        try:
            return rows(path, split)
        except DataError:
            # A file without splits, or a data set without this one; what else is wrong, reading it tells.
            return None

    name = Path(path).name
    held: Iterator[Row] | None
    if validation is not None:
        held = part(validation, "validation") or rows(validation, None)
        validation_name = Path(validation).name
    else:
        held, validation_name = part(path, "validation"), f"the validation split of {name}"
    training = part(path, "train") or rows(path, None)
    return TrainingData.read(
        kind, training, held, columns=columns, seed=seed, name=name, validation_name=validation_name
    )

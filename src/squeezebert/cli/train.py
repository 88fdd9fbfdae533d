"""``squeezebert train``: fine-tune a model on labelled rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from squeezebert.cli.options import (
    column_option,
    columns_of,
    dry_run_option,
    format_option,
    json_option,
    max_length_option,
    task_option,
    verbose_option,
)
from squeezebert.errors import DataError, MissingExtraError, OptionError

if TYPE_CHECKING:
    from squeezebert.training import Observer, TrainingData, TrainingPlan, TrainingResult


@click.command()
@click.argument("data")
@task_option
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
@format_option
@column_option
@click.option("--epochs", type=float, default=3.0, show_default=True, help="Passes over the training rows.")
@click.option("--batch-size", type=int, metavar="N", help="Sentences a step.  [default: 32]")
@click.option("--batch-tokens", type=int, metavar="N", help="Tokens a step, in place of --batch-size.")
@click.option(
    "--learning-rate", type=float, default=1e-4, show_default=True, help="Peak; 3e-5 for models of base size."
)
@click.option(
    "--warmup",
    type=float,
    default=0.06,
    show_default=True,
    help="Share of the run in which the learning rate rises.",
)
@click.option("--weight-decay", type=float, default=0.01, show_default=True, help="Of AdamW.")
@click.option("--max-grad-norm", type=float, default=1.0, show_default=True, help="Clip the gradient here.")
@click.option("--precision", default="auto", show_default=True, metavar="NAME", help="auto, fp32 or bf16.")
@click.option("--freeze-embeddings", is_flag=True, help="Leave the word embeddings as they are.")
@click.option("--evaluate-every", type=int, metavar="STEPS", help="Default: after each epoch.")
@click.option(
    "--save-every",
    type=int,
    default=200,
    show_default=True,
    metavar="STEPS",
    help="How often to write the state that --resume goes on from.",
)
@max_length_option
@click.option("--seed", type=int, default=0, show_default=True, help="Decides everything that is random.")
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@dry_run_option
@json_option
@verbose_option
def command(
    data: str, task: str, start: str, out: str | None, validation: str | None, format: str | None,
    column: tuple[str, ...], resume: bool, dry_run: bool, as_json: bool, batch_size: int | None,
    batch_tokens: int | None, seed: int, **chosen: Any,
) -> None:  # fmt: skip
    """Fine-tune a model on your rows.

    DATA is a file with labelled rows (csv, tsv, jsonl, json, conll) or the folder of a published data set.
    The best checkpoint by the task's metric on the validation rows is kept, with a model card.
    """
    try:
        from squeezebert.training import TrainingSettings, plan, train
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("training", "train") from error
    if batch_size is not None and batch_tokens is not None:
        raise OptionError("give --batch-size or --batch-tokens, not both")
    if out is None and not dry_run:
        raise OptionError("give --out FOLDER, where the model goes, or --dry-run")
    settings = TrainingSettings(
        batch_size=32 if batch_size is None else batch_size, batch_tokens=batch_tokens, seed=seed, **chosen
    )
    rows = read_data(data, validation, task=task, format=format, columns=columns_of(column), seed=seed)
    if dry_run or out is None:
        _print_plan(plan(rows, start=start, settings=settings), as_json)
        return
    try:
        result = train(rows, out, start=start, settings=settings, resume=resume, observer=_bar())
    except KeyboardInterrupt:
        click.echo("squeezebert: stopped; the same command with --resume goes on", err=True)
        raise
    _print_result(result, as_json)


def read_data(
    path: str,
    validation: str | None,
    *,
    task: str,
    format: str | None,
    columns: Mapping[str, str],
    seed: int,
) -> TrainingData:
    """Read both splits; where the validation rows come from is said on stderr when it was not asked for."""
    from squeezebert.data import load_dataset_rows
    from squeezebert.tasks import get_task
    from squeezebert.training import TrainingData

    kind = get_task(task)
    held, validation_name = None, Path(validation or path).name
    if validation is not None:
        held = load_dataset_rows(validation, task=kind.name, split="validation", format=format)
    elif Path(path).is_dir():
        try:
            held = load_dataset_rows(path, task=kind.name, split="validation", format=format)
            validation_name = f"{Path(path).name}, validation split"
        except DataError as error:
            click.echo(f"squeezebert: no validation split ({error})", err=True)
    training = load_dataset_rows(path, task=kind.name, split="train", format=format)
    read = TrainingData.read(
        kind,
        training,
        held,
        columns=columns,
        seed=seed,
        name=Path(path).name,
        validation_name=validation_name,
    )
    if validation is None:
        click.echo(f"squeezebert: validation rows: {read.validation_name}", err=True)
    return read


def _bar() -> Observer:
    from squeezebert.cli.training_bar import TrainingBar

    return TrainingBar(sys.stderr)


def _print_plan(made: TrainingPlan, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(made.to_dict(), ensure_ascii=False))
        return
    for name, value in made.to_dict().items():
        shown = ", ".join(value) if isinstance(value, list) else value
        click.echo(
            f"{name.replace('_', ' '):<20}{shown:,}"
            if isinstance(value, int)
            else f"{name.replace('_', ' '):<20}{shown}"
        )


def _print_result(result: TrainingResult, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result.to_dict(), ensure_ascii=False))
        return
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in result.metrics.items())
    click.echo(f"{result.folder}: {metrics} (step {result.best_step} of {result.steps})")

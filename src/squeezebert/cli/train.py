"""``squeezebert train``: fine-tune a model on labelled rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from squeezebert.cli import options
from squeezebert.cli.library_threads import import_torch
from squeezebert.cli.output import show_fields
from squeezebert.cli.sitting import check_out, code_of, new_heads_are_expected, sitting
from squeezebert.cli.teaching import teaching_of, teaching_options
from squeezebert.cli.training_options import loop_options
from squeezebert.config import PROBLEM_TYPES
from squeezebert.errors import DataError, NoSplitError, OptionError
from squeezebert.tasks import ALIASES, TRAINED_TASKS

if TYPE_CHECKING:
    from squeezebert.data import Row
    from squeezebert.training import TrainingData

_BATCH_SIZE = 32


@click.command()
@click.argument("data")
@click.option(
    "--task",
    metavar="TASK",
    help=f"One of {', '.join((*TRAINED_TASKS, *ALIASES))}; the columns tell if left out.",
)
@click.option(
    "--from",
    "start",
    metavar="MODEL",
    help="Folder, embedded model or hub name to start from.  [default: mini; for fill-mask and "
    "question-answering its own model]",
)
@click.option("--out", metavar="FOLDER", help="Model folder to make; empty or missing.")
@click.option(
    "--validation",
    metavar="FILE",
    help="Rows to measure on; by default the data set's own, or a tenth of the training rows (about 2,000 at "
    "most).",
)
@options.format_option
@options.column_option
@click.option("--batch-size", type=int, metavar="N", help=f"Texts a step.  [default: {_BATCH_SIZE}]")
@click.option("--batch-tokens", type=int, metavar="N", help="Tokens a step, in place of --batch-size.")
@click.option(
    "--blocks", type=int, metavar="N", help="Start from the first N blocks alone: smaller and faster."
)
@click.option(
    "--class-weights",
    metavar="NAME",
    default="none",
    show_default=True,
    help="balanced gives rare labels the weight of frequent ones.",
)
@click.option("--dropout", type=float, metavar="FLOAT", help="In place of the checkpoint's.")
@click.option("--freeze-embeddings", is_flag=True, help="Leave the word embeddings as they are.")
@click.option(
    "--freeze-blocks",
    type=int,
    default=0,
    metavar="N",
    help="Leave all embeddings and the first N blocks as they are.",
)
@click.option(
    "--hints",
    is_flag=True,
    help="Question answering: also learn which words of the text the question has, and which sentence holds "
    "the answer.",
)
@options.max_length_option
@click.option(
    "--metric", metavar="NAME", help="Keep the best checkpoint by this one of the task's metrics, such as f1."
)
@click.option(
    "--problem-type", metavar="NAME",
    help=f"Text classification: {', '.join(PROBLEM_TYPES)}; what the labels look like if left out.",
)  # fmt: skip
@click.option(
    "--swap-pairs",
    is_flag=True,
    help="Read pairs of texts in either order, where it means nothing, as for paraphrases.",
)
@teaching_options
@loop_options
@click.option(
    "--quantize",
    is_flag=True,
    help="Also write the finished model in int8, as FOLDER/int8, and measure it.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@options.dry_run_option
@options.json_option
@options.verbose_option
def command(
    data: str, task: str | None, start: str | None, out: str | None, validation: str | None,
    format: str | None, column: tuple[str, ...], quantize: bool, resume: bool, dry_run: bool, as_json: bool,
    batch_size: int | None, batch_tokens: int | None, seed: int, unlabelled: str | None, **asked: Any,
) -> int:  # fmt: skip
    """Fine-tune a model on your rows.

    DATA is a file with labelled rows, or the folder of a data set: of a published one such as SST-2 or SQuAD,
    or of files named train, validation and test, as the Hugging Face hub has them. The best checkpoint by the
    task's metric on the validation rows is kept, with a model card. With --teacher the model learns from the
    answers of another one, too.
    """
    import_torch()
    from squeezebert.cli.training_bar import hint
    from squeezebert.training import TrainingSettings, plan, train
    from squeezebert.training.distributed import is_first_process
    from squeezebert.training.finetuning.deploy import is_quantized
    from squeezebert.training.finetuning.deploy import quantize as quantized
    from squeezebert.training.run import check_report, check_rows, is_finished

    if batch_size is not None and batch_tokens is not None:
        raise OptionError("give --batch-size or --batch-tokens, not both")
    # Killed before the int8 model was complete, a run has only that left to do.
    folder = Path(out or "")
    is_ended = resume and quantize and not dry_run and is_finished(folder)
    if is_ended and not is_first_process():
        return 0
    is_trained = is_ended and not is_quantized(folder)
    if not is_trained:
        check_out(out, dry_run=dry_run, resume=resume)
    teaching = teaching_of(asked, unlabelled)
    settings = TrainingSettings(
        batch_size=_BATCH_SIZE if batch_size is None else batch_size,
        batch_tokens=batch_tokens, seed=seed, **asked,
    )  # fmt: skip
    rows = read_data(
        data, validation, task=task, format=format, columns=options.columns_of(column), seed=seed,
        unlabelled=unlabelled,
    )  # fmt: skip
    if dry_run or out is None:
        with new_heads_are_expected():
            planned = plan(rows, start=start, settings=settings, teaching=teaching)
        if is_first_process():
            show_fields(planned.to_dict(), as_json=as_json)
        return 0
    fields: dict[str, Any] = {"folder": out}
    code = 0
    if is_trained:
        # On rows that it has learnt from, the int8 model would look better than it is.
        check_rows(folder, rows.fingerprint())
        check_report(folder, "settings", settings.identity())
    else:
        with sitting([f"validation rows: {rows.validation_name}", *hint()]) as bar:
            result = train(
                rows, out, start=start, settings=settings, teaching=teaching, resume=resume, observers=[bar]
            )
        code = code_of(result)
        if not result.writes:
            return code
        fields = result.to_dict()
    if quantize and code == 0:
        made = quantized(Path(out), rows, max_length=settings.max_length, metric=settings.metric)
        fields["int8"] = made.to_dict()
    show_fields(fields, as_json=as_json)
    return code


def read_data(
    path: str,
    validation: str | None,
    *,
    task: str | None,
    format: str | None,
    columns: Mapping[str, str],
    seed: int,
    unlabelled: str | None = None,
) -> TrainingData:
    """Read the training rows and those to measure on: of ``validation``, of the data set, or held out.

    Raises:
        DataError: A file or row cannot be read, or does not fit the task; or no task was given, and the
            columns do not tell which it is.
        OptionError: There is no such task.
    """
    from squeezebert.data import load_dataset_rows
    from squeezebert.tasks import get_task
    from squeezebert.tasks.inference import infer_task
    from squeezebert.training import TrainingData

    kind = None if task is None else get_task(task)

    def rows(path: str, split: str | None) -> Iterator[Row]:
        return load_dataset_rows(path, task=kind.name if kind else None, split=split, format=format)

    def part(path: str, split: str) -> Iterator[Row] | None:
        try:
            return rows(path, split)
        except NoSplitError as error:
            # Rows to measure on are not to be learnt from.
            if split == "train" and not {"validation", "test"}.isdisjoint(error.splits):
                raise
            return None
        except DataError:
            # A file without splits; what else is wrong, reading it tells.
            return None

    training = part(path, "train") or rows(path, None)
    if kind is None:
        first = next(training)
        training = chain([first], training)
        kind = infer_task(first, columns)
    name = Path(path).name
    held: Iterator[Row] | None
    if validation is not None:
        held = part(validation, "validation") or rows(validation, None)
        validation_name = Path(validation).name
    else:
        held, validation_name = part(path, "validation"), f"the validation split of {name}"
    further = () if unlabelled is None else part(unlabelled, "train") or rows(unlabelled, None)
    return TrainingData.read(
        kind, training, held, unlabelled=further, columns=columns, seed=seed, name=name,
        validation_name=validation_name,
    )  # fmt: skip

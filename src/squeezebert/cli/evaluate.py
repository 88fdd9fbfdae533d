"""``squeezebert evaluate``: the field's metric of a model on labelled data."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from squeezebert.cli import options
from squeezebert.cli.inputs import files_read
from squeezebert.cli.output import STDOUT, check_apart, check_output, opened, show_fields
from squeezebert.cli.predict import SETTINGS
from squeezebert.cli.progress import progress
from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import OptionError, listed
from squeezebert.tasks.labels import is_index
from squeezebert.versions import versions_of

if TYPE_CHECKING:
    from squeezebert.pipelines import Pipeline
    from squeezebert.tasks.base import Task

_OTHER_KINDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".txt", ".npy")
"""Endings of names that say something else than JSON."""
PACKAGES = ("numpy", "tokenizers", "torch")
_SHOWN = 5


@click.command()
@click.argument("data")
@options.task_option
@options.model_option
@click.option("--split", metavar="NAME", help="train, validation or test, where DATA holds several.")
@click.option("--limit", type=int, metavar="N", help="Use the first N rows only.")
@options.format_option
@options.column_option
@options.pooling_option
@click.option("--output", metavar="FILE", help="Write the results there too, as JSON; - for --json.")
@options.max_length_option
@options.stride_option
@options.batch_tokens_option
@options.threads_option
@options.backend_option
@options.precision_option
@options.dry_run_option
@options.json_option
@options.verbose_option
@click.pass_context
def command(
    ctx: click.Context, /, data: str, task: str | None, model: str | None, split: str | None,
    limit: int | None, format: str | None, column: tuple[str, ...], pooling: str | None, output: str | None,
    dry_run: bool, as_json: bool, **asked: Any,
) -> None:  # fmt: skip
    """Measure a model on labelled data, with the field's metric of the task.

    DATA is a file with labelled rows, or the folder of a data set: of a published one such as SST-2 or SQuAD,
    or of files named train, validation or test, as the Hugging Face hub has them.
    """
    from squeezebert.cli.answering import chosen, conditions, plan
    from squeezebert.data import load_dataset_rows
    from squeezebert.data.opening import plain_name
    from squeezebert.pipelines import pipeline

    if output == STDOUT:
        output, as_json = None, True
    if limit is not None and limit < 1:
        raise OptionError(f"--limit {limit} is not positive")
    check_output(output)
    if output is not None and Path(plain_name(output)).suffix.lower() in _OTHER_KINDS:
        raise OptionError(f"--output {output}: results are JSON; end the name in .json")
    kind, name = chosen(task, model)
    # What else can be asked of an answer would make the metric another one than the field's.
    wanted = options.given({"pooling": pooling}, ("pooling",))
    options.check_options(ctx.command, kind, wanted)
    kind.options(**wanted)
    columns, settings = options.columns_of(column), options.given(asked, SETTINGS)
    kind.check_columns(columns)
    most = min(limit or sys.maxsize, sys.maxsize)
    rows = load_dataset_rows(data, task=kind.name, split=split, format=format)
    check_apart(output, files_read([data], name, format=format, split=split))
    # Gathered first: what all rows know together does not depend on how many are measured.
    examples = islice(kind.gather(_checked(kind, name, kind.labelled_examples(rows, columns))), most)
    source = {"data": data, **options.given({"split": split}, ("split",)), **wanted}
    if dry_run:
        planned = plan(kind, name, progress(examples, unit="rows"), settings, kind.options(**wanted))
        show_fields({**planned, **source, "output": output or "stdout"}, as_json=as_json)
        return
    pipe = pipeline(kind.name, name, **settings, **wanted)
    options.say(ctx, conditions(pipe, name, settings))
    measured = _measure(pipe, examples)
    results = {"task": kind.name, "model": name, **source, **measured, "versions": versions_of(PACKAGES)}
    if output is not None:
        with opened(output) as stream:
            stream.write(json.dumps(results, ensure_ascii=False, indent=2) + "\n")
    if as_json:
        show_fields(results, as_json=True)
        return
    metrics, _ = results.pop("metrics"), results.pop("versions")
    show_fields({**metrics, **results}, as_json=False)


def _checked(task: Task[Any, Any], model: str, examples: Iterable[Any]) -> Iterator[Any]:
    """Find a label that the model does not know when its row is read, and not after all are answered.

    Numbers in place of names mean nothing by themselves, so what they are taken for is said once.
    """
    config = SqueezeBertConfig.from_pretrained(model)
    is_said = task.name != "text-classification" or config.num_labels == 1
    for example in examples:
        task.check(example, config)
        if not is_said and is_index(example.label, config):
            is_said = True
            meant = listed([f"{index} for {name}" for index, name in config.id2label.items()], _SHOWN)
            click.echo(f"squeezebert: labels are numbers, and are taken by their order: {meant}", err=True)
        yield example


def _measure(pipe: Pipeline, examples: Iterable[Any]) -> dict[str, Any]:
    """Read all examples, then answer them and compare."""
    start = time.perf_counter()
    kept = list(examples)
    pipe.task.check_together(kept, pipe.setup.config)
    metrics = pipe.measure(progress(kept, unit="rows", total=len(kept)))
    seconds = time.perf_counter() - start
    return {
        "metrics": metrics,
        "rows": len(kept),
        "backend": pipe.backend.description,
        "max_length": pipe.setup.max_length,
        "stride": pipe.setup.stride,
        "seconds": round(seconds, 3),
    }

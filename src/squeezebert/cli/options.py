"""Options that commands share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from squeezebert.cli.library_threads import leave_numpy_alone, wait_briefly
from squeezebert.cli.main import Session
from squeezebert.errors import OptionError
from squeezebert.tasks import ALIASES, TASK_NAMES, get_task

if TYPE_CHECKING:
    from squeezebert.tasks.base import Task

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_MODEL = "mini/text-classification"


def _be_verbose(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        ctx.ensure_object(Session).verbose = True


def _with_its_threads(_: click.Context, __: click.Parameter, backend: str) -> str:
    if backend == "torch":
        wait_briefly()
    else:
        leave_numpy_alone()
    return backend


def adding(*added: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Give a decorator that adds options to a command, in their order."""

    def decorate(function: Function) -> Function:
        for option in reversed(added):
            function = option(function)
        return function

    return decorate


def columns_of(values: tuple[str, ...]) -> dict[str, str]:
    """Parse the values of ``--column``: canonical name to name in the file.

    Raises:
        OptionError: A value has not the form ``text=NAME``, or a name is given twice.
    """
    columns: dict[str, str] = {}
    for value in values:
        name, sign, column = value.partition("=")
        if not (name and sign and column):
            raise OptionError(f"--column {value!r} is not of the form text=NAME")
        if name in columns:
            raise OptionError(f"--column {name} is given twice, {columns[name]} and {column}; give one")
        columns[name] = column
    return columns


def given(asked: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those of the options that the user has given a value."""
    values = {name: asked[name] for name in names}
    # Not by equality alone: a zero is a value, and equal to False.
    return {name: value for name, value in values.items() if value not in (None, ()) and value is not False}


def check_options(command: click.Command, task: Task[Any, Any], names: Iterable[str]) -> None:
    """See that a task has the options that the command line gives it.

    Raises:
        OptionError: It has not; the message names a task that has.
    """
    _check_known(command, task, names, _options_of, "is no option of {}")


def check_columns(command: click.Command, task: Task[Any, Any], names: Iterable[str]) -> None:
    """See that a task reads the columns that the command line gives it.

    Raises:
        OptionError: It does not, so that the answer would be to something else than was asked.
    """
    _check_known(command, task, names, _columns_of, "is nothing that {} reads")


def _check_known(
    command: click.Command,
    task: Task[Any, Any],
    names: Iterable[str],
    known: Callable[[Task[Any, Any]], set[str]],
    complaint: str,
) -> None:
    for name in names:
        if name not in known(task):
            fitting = next(other for other in TASK_NAMES if name in known(get_task(other)))
            [option] = [parameter.opts[0] for parameter in command.params if parameter.name == name]
            raise OptionError(f"{option} {complaint.format(task.name)}; say --task {fitting}")


def _options_of(task: Task[Any, Any]) -> set[str]:
    return {field.name for field in dataclasses.fields(task.options_type)}


def _columns_of(task: Task[Any, Any]) -> set[str]:
    return {column.name for column in task.inputs}


def say(ctx: click.Context, message: str) -> None:
    """Write a line to stderr when ``--verbose`` is given."""
    if ctx.ensure_object(Session).verbose:
        click.echo(f"squeezebert: {message}", err=True)


task_option = click.option(
    "--task", metavar="TASK",
    help=f"One of {', '.join((*TASK_NAMES, *ALIASES))}; by default what MODEL says that it is for, "
    "else text-classification.",
)  # fmt: skip
model_option = click.option(
    "--model", metavar="MODEL",
    help="Folder, embedded model or hub name; the task's embedded model if left out.",
)  # fmt: skip
backend_option = click.option(
    "--backend", metavar="NAME", default="engine", show_default=True, callback=_with_its_threads,
    help="What runs the network: engine or torch.",
)  # fmt: skip
precision_option = click.option(
    "--precision", metavar="NAME", help="What the engine computes in: int8, which is its default, or fp32."
)
format_option = click.option(
    "--format", metavar="NAME",
    help="Format of the files, where their extension does not tell: txt, csv, tsv, jsonl, json, conll, "
    "parquet.",
)  # fmt: skip
column_option = click.option(
    "--column", multiple=True, metavar="NAME=COLUMN",
    help="Take a column of the file for one of the task's: --column text=review. Repeatable.",
)  # fmt: skip
max_length_option = click.option(
    "--max-length",
    type=int,
    metavar="N",
    help="Tokens that the model reads at once; longer texts are windowed.",
)
stride_option = click.option(
    "--stride", type=int, metavar="N", help="Tokens that neighbouring windows of a long text share."
)
batch_tokens_option = click.option(
    "--batch-tokens", type=int, metavar="N", help="Tokens of a batch: more is faster, less takes less memory."
)
threads_option = click.option(
    "--threads", type=int, metavar="N", help="Threads to compute with; by default what this process may use."
)
pooling_option = click.option("--pooling", metavar="NAME", help="Feature extraction: mean, cls or pooler.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
verbose_option = click.option(
    "--verbose", is_flag=True, expose_value=False, callback=_be_verbose, is_eager=True,
    help="Report settings, and tracebacks of errors, on stderr.",
)  # fmt: skip

"""``squeezebert trim``: a checkpoint with the vocabulary of a corpus."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import click

from squeezebert.cli.inputs import from_files
from squeezebert.cli.options import dry_run_option, format_option, json_option, verbose_option
from squeezebert.cli.output import show_fields
from squeezebert.cli.progress import progress
from squeezebert.data import Row
from squeezebert.errors import DataError


@click.command()
@click.argument("model")
@click.argument("output")
@click.option(
    "--corpus", "paths", multiple=True, required=True, metavar="FILE",
    help="Texts like those that the model will read: a file as predict takes it. Repeatable.",
)  # fmt: skip
@click.option(
    "--text-column", "columns", multiple=True, metavar="COLUMN",
    help="Count only this column of the corpus; all text in it by default. Repeatable.",
)  # fmt: skip
@format_option
@click.option("--keep", type=int, metavar="N", help="Keep the N most frequent pieces of the corpus.")
@click.option(
    "--coverage", type=float, metavar="SHARE",
    help="Keep the most frequent pieces that make up this share of its tokens; all that occur by default.",
)  # fmt: skip
@click.option(
    "--drop-characters", is_flag=True,
    help="Drop single characters, too: smaller, but words that the corpus lacks may become unknown.",
)  # fmt: skip
@dry_run_option
@json_option
@verbose_option
def command(
    model: str, output: str, paths: tuple[str, ...], columns: tuple[str, ...], format: str | None,
    keep: int | None, coverage: float | None, drop_characters: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Drop the vocabulary that your texts do not use, and write what is left of MODEL to the folder OUTPUT.

    MODEL is a folder, an embedded model, or a name on the hub. Special tokens stay, and single characters,
    from which any word can be spelled. Texts of the pieces that stay give the same bits as before.
    """
    from squeezebert.trimming import Selection, Trimming

    selection = Selection(keep, coverage, characters=not drop_characters)
    rows = progress(from_files(paths, format), unit="rows")
    trimming = Trimming.read(model, output, texts_of(rows, columns), selection)
    if not dry_run:
        trimming.write()
    fields: dict[str, Any] = {"model": model, "output": output, **trimming.losses()}
    show_fields(fields, as_json=as_json)


def texts_of(rows: Iterable[Row], columns: Collection[str] = ()) -> Iterator[str]:
    """Give all text of rows, that within lists and objects included, or that of some columns only.

    Raises:
        DataError: A row has none of the columns, or no row has one of them.
    """
    missing = set(columns)
    for row in rows:
        values = {name: value for name, value in row.values.items() if not columns or name in columns}
        if not values:
            raise DataError(f"{row.where}: has none of the columns; it has {', '.join(row.values)}")
        missing -= values.keys()
        yield from _strings(values)
    if missing:
        raise DataError(f"the corpus has no column {', '.join(map(repr, sorted(missing)))}; it is in no row")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)

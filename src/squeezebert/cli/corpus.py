"""``squeezebert corpus``: text to learn from, as token ids."""

from __future__ import annotations

import sys

import click

from squeezebert.cli.options import dry_run_option, json_option, verbose_option
from squeezebert.cli.output import show_fields
from squeezebert.errors import OptionError


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("--out", metavar="FOLDER", help="Where the corpus of these sources goes.")
@click.option(
    "--tokenizer",
    metavar="MODEL",
    default="mini",
    show_default=True,
    help="Folder, embedded model or hub name whose tokenizer divides the text.",
)
@click.option(
    "--hold-out",
    type=int,
    default=100,
    show_default=True,
    metavar="N",
    help="Keep the documents whose number N divides apart, to measure on.",
)
@dry_run_option
@json_option
@verbose_option
def command(
    sources: tuple[str, ...], out: str | None, tokenizer: str, hold_out: int, dry_run: bool, as_json: bool
) -> None:
    """Cut text into sentences and store their token ids, for `pretrain` and `distill`.

    SOURCE is a file, or a folder of files: .txt (one document, or Wikipedia articles as WikiExtractor writes
    them), .jsonl (a document a line, in the column "text") or .tar of text files; plain, .xz, .gz or .zst; or
    .parquet (a document a row). A source that cannot be read is reported and left out. The same command again
    goes on where it stopped; with further sources, those that are stored already are not made again.
    """
    from tqdm import tqdm

    from squeezebert.corpus import build_corpus, corpus_sources
    from squeezebert.tokenization import SqueezeBertTokenizerFast

    found = corpus_sources(sources)
    if dry_run:
        size = sum(path.stat().st_size for path in found)
        show_fields({"sources": [str(path) for path in found], "bytes": size}, as_json=as_json)
        return
    if out is None:
        raise OptionError("give --out FOLDER, where the corpus goes, or --dry-run")
    size = sum(path.stat().st_size for path in found)
    with tqdm(total=size, unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
        report = build_corpus(
            found, out, tokenizer=SqueezeBertTokenizerFast.from_pretrained(tokenizer), hold_out=hold_out,
            finished=lambda source: bar.update(source.stat().st_size),
        )  # fmt: skip
    for error in report.unreadable:
        click.echo(f"squeezebert: left out: {error}", err=True)
    show_fields(report.to_dict(), as_json=as_json)

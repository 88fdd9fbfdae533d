"""``squeezebert quantize``: a checkpoint in int8."""

from __future__ import annotations

from typing import Any

import click

from squeezebert.cli.options import dry_run_option, json_option, verbose_option
from squeezebert.cli.output import show_fields
from squeezebert.cli.progress import progress


@click.command()
@click.argument("model")
@click.argument("output")
@dry_run_option
@json_option
@verbose_option
def command(model: str, output: str, dry_run: bool, as_json: bool) -> None:
    """Store MODEL in int8 in the folder OUTPUT, at about a quarter of the size of float32.

    MODEL is a folder, an embedded model, or a name on the hub. Weights get one scale per output channel;
    the engine reads them as they are. The largest relative error of each kind of matrix is shown.
    """
    from squeezebert.quantization import Quantization

    quantization = Quantization.read(model, output)
    errors: dict[str, float] = {}
    for kind, error in progress(quantization.errors(), unit="matrices"):
        errors[kind] = max(error, errors.get(kind, 0.0))
    if not dry_run:
        quantization.write()
    fields: dict[str, Any] = {
        "model": model,
        "output": output,
        "bytes_before": quantization.bytes_before,
        "bytes_after": quantization.bytes_after,
        "tokenizer_files": list(quantization.tokenizer_files),
        "relative_error": errors,
    }
    show_fields(fields, as_json=as_json)

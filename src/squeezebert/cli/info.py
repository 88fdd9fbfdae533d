"""``squeezebert info``: what is in a checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from squeezebert.cli.options import DEFAULT_MODEL, json_option, verbose_option
from squeezebert.cli.table import printable
from squeezebert.errors import listed

if TYPE_CHECKING:
    from squeezebert.inspection import Inspection, WeightsFile


@click.command()
@click.argument("model", default=DEFAULT_MODEL)
@click.option(
    "--tokens", type=int, metavar="N",
    help="Length of text to count operations for; 128, or less if the model reads less.",
)  # fmt: skip
@json_option
@verbose_option
def command(model: str, tokens: int | None, as_json: bool) -> None:
    """Show what is in a checkpoint and what it costs to run.

    MODEL is a folder, an embedded model such as mini/text-classification, or a name on the hub.
    """
    from squeezebert.inspection import inspect_checkpoint

    inspection = inspect_checkpoint(model, tokens=tokens)
    if as_json:
        click.echo(json.dumps(_as_json(model, inspection), ensure_ascii=False))
        return
    for name, value in _lines(model, inspection):
        click.echo(f"{name:<14}{value}")


def _tokenizer(inspection: Inspection) -> dict[str, Any] | None:
    """What there is to say of the tokenizer beside the weights, None where there is none."""
    from squeezebert.tokenization import SqueezeBertTokenizerFast
    from squeezebert.tokenization.store import TOKENIZER_NAME, VOCAB_NAME

    folders = (inspection.folder, *(file.path.parent for file in inspection.files))
    for folder in folders:
        if any((folder / name).is_file() for name in (VOCAB_NAME, TOKENIZER_NAME)):
            tokenizer = SqueezeBertTokenizerFast.from_pretrained(folder)
            return {
                "pieces": tokenizer.vocab_size,
                "do_lower_case": tokenizer.do_lower_case,
                "model_max_length": tokenizer.model_max_length,
            }
    return None


def _as_json(model: str, inspection: Inspection) -> dict[str, Any]:
    return {
        "model": model,
        "folder": str(inspection.folder),
        "config": inspection.config.to_dict(),
        "parameters": {"total": sum(inspection.parameters.values()), **inspection.parameters},
        "files": [
            {"path": str(file.path), "bytes": file.size, "dtypes": list(file.dtypes)}
            for file in inspection.files
        ],
        "bytes_as": inspection.sizes,
        "tokens": inspection.tokens,
        "encoder_flops": {"total": sum(inspection.operations.values()), **inspection.operations},
        "tokenizer": _tokenizer(inspection),
    }


def _lines(model: str, inspection: Inspection) -> list[tuple[str, str]]:
    config = inspection.config
    labels = [f"{index} {printable(label)}" for index, label in config.id2label.items()]
    total = sum(inspection.parameters.values())
    operations = sum(inspection.operations.values())
    tokenizer = _tokenizer(inspection)
    return [
        ("model", f"{model} ({', '.join(config.architectures) or 'no architecture named'})"),
        ("folder", str(inspection.folder)),
        (
            "sizes",
            f"{config.num_hidden_layers} blocks, hidden {config.hidden_size}, "
            f"{config.num_attention_heads} heads of {config.head_size}, "
            f"feed-forward {config.intermediate_size}, {config.max_position_embeddings} positions, "
            f"vocabulary {config.vocab_size}",
        ),
        ("groups", ", ".join(f"{layer} {count}" for layer, count in inspection.groups.items())),
        *([("labels", listed(labels, 12))] if "classifier" in inspection.parameters else []),
        ("parameters", f"{total:,}"),
        *(
            ("", f"{count:>12,}  {part} ({count / total:.0%})")
            for part, count in inspection.parameters.items()
        ),
        ("files", "; ".join(_file(file) for file in inspection.files)),
        ("size as", ", ".join(f"{dtype} {_megabytes(size)}" for dtype, size in inspection.sizes.items())),
        ("operations", f"{operations / 1e9:.2f} GFLOP in the encoder at {inspection.tokens} tokens"),
        *(("", f"{count / operations:>12.0%}  {layer}") for layer, count in inspection.operations.items()),
        ("tokenizer", _tokenizer_line(tokenizer)),
    ]


def _file(file: WeightsFile) -> str:
    dtypes = f", {' and '.join(file.dtypes)}" if file.dtypes else ""
    return f"{file.path.parent.name}/{file.path.name} {_megabytes(file.size)}{dtypes}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.3g} MB" if size >= 1e5 else f"{size / 1e3:.3g} kB"


def _tokenizer_line(tokenizer: dict[str, Any] | None) -> str:
    if tokenizer is None:
        return "none in the folder"
    case = "uncased" if tokenizer["do_lower_case"] else "cased"
    return f"{case} WordPiece, {tokenizer['pieces']} pieces, at most {tokenizer['model_max_length']} tokens"

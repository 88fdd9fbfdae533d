"""The group of commands, each imported only when it is called, so that ``--help`` is instant."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

# The summaries stand here, because showing them must not import the commands.
COMMANDS: Mapping[str, str] = {
    "predict": "Answer for texts, files or standard input.",
    "evaluate": "Measure a model on labelled data, with the field's metric.",
    "train": "Fine-tune a model on your rows.",
    "pretrain": "Pre-train a model on text without labels.",
    "distill": "Teach a model what another one makes of text.",
    "corpus": "Store text as token ids, to pre-train or distil from.",
    "quantize": "Store a model in int8, at a quarter of its size.",
    "trim": "Drop the vocabulary that your texts do not use.",
    "info": "Show what is in a checkpoint and what it costs to run.",
    "benchmark": "Compare the speed with other runtimes and models.",
    "demo": "Show the embedded model at work on real text, offline.",
}


class LazyGroup(click.Group):
    """A group whose command ``name`` is the object ``command`` of the module ``squeezebert.cli.name``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the order of the tour."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, None if there is none of the name."""
        if cmd_name not in COMMANDS:
            return None
        ctx.obj.command = importlib.import_module(f"squeezebert.cli.{cmd_name}").command
        command: click.Command = ctx.obj.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands into the help page."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        import importlib.metadata

        click.echo(f"squeezebert {importlib.metadata.version('squeezebert')}")
        ctx.exit()


@click.group(cls=LazyGroup, invoke_without_command=True)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show the version.",
)  # fmt: skip
@click.pass_context
def group(ctx: click.Context, /) -> None:
    """Language understanding for cheap hardware: answers about text from a small model, offline.

    `squeezebert COMMAND --help` explains a command. SQUEEZEBERT_DEBUG=1 shows the traceback of an error.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())

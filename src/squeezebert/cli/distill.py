"""``squeezebert distill``: a student learns from a teacher, on text without labels."""

from __future__ import annotations

from typing import Any

import click

from squeezebert.cli.output import show_fields
from squeezebert.cli.recipes import corpora_of, overrides_of, recipe_options, train_on_terminal
from squeezebert.errors import OptionError


@click.command()
@click.argument("recipe")
@click.option(
    "--teacher", metavar="MODEL", help="Folder, embedded model or hub name, in place of the recipe's."
)
@click.option(
    "--from", "start", metavar="MODEL", help="Checkpoint to go on from, in place of the recipe's [model]."
)
@recipe_options
def command(
    recipe: str, teacher: str | None, start: str | None, out: str | None, dry_run: bool, **asked: Any
) -> None:
    """Teach a model what another one makes of text.

    RECIPE is a TOML file with the tables [model], [teacher], [corpora] and [settings]; see the guide on
    distillation. Corpora are made by `squeezebert corpus`.
    """
    with train_on_terminal() as bar:
        from squeezebert.training.distillation import DistillationSettings, distill, make_distillation
        from squeezebert.training.planning import measure
        from squeezebert.training.recipe import Recipe

        read = Recipe.read(recipe, ("model", "teacher", "corpora", "settings"))
        settings = read.settings(DistillationSettings, "settings", overrides_of(asked))
        source = teacher or read.table("teacher").get("from")
        if not isinstance(source, str):
            raise OptionError(f'{recipe}: [teacher] has no from = "MODEL"; or give --teacher')
        corpora, student = corpora_of(asked["corpus"], read), start or read.model()
        if dry_run or out is None:
            objective = make_distillation(corpora, source, student, settings)
            show_fields(measure(objective, settings).to_dict(), as_json=asked["as_json"])
            return
        result = distill(
            corpora, out, teacher=source, student=student, settings=settings,
            resume=asked["resume"], observers=[bar],
        )  # fmt: skip
        show_fields(result.to_dict(), as_json=asked["as_json"])

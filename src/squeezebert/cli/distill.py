"""``squeezebert distill``: a student learns from a teacher, on text without labels."""

from __future__ import annotations

from typing import Any

import click

from squeezebert.cli.library_threads import import_torch
from squeezebert.cli.output import show_fields
from squeezebert.cli.recipes import MEASURED_ON, corpora_of, overrides_of, recipe_options, vocab_size_of
from squeezebert.cli.sitting import check_out, code_of, new_heads_are_expected, sitting
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
) -> int:
    """Teach a model what another one makes of text.

    RECIPE is a TOML file with the tables [model], [teacher], [corpora] and [settings]; see the guide on
    distillation. Corpora are made by `squeezebert corpus`.
    """
    import_torch()
    from squeezebert.training.distillation import DistillationSettings, distill, make_distillation
    from squeezebert.training.distributed import is_first_process
    from squeezebert.training.planning import measure
    from squeezebert.training.recipe import Recipe

    read = Recipe.read(recipe, ("model", "teacher", "corpora", "settings"))
    settings = read.settings(DistillationSettings, "settings", overrides_of(asked))
    source = teacher or read.only("teacher", ("from",)).get("from")
    if not isinstance(source, str):
        raise OptionError(f'{recipe}: [teacher] has no from = "MODEL"; or give --teacher')
    corpora = corpora_of(asked["corpus"], read)
    check_out(out, dry_run=dry_run, resume=asked["resume"])
    student = start or read.model(vocab_size_of(corpora))
    if dry_run or out is None:
        with new_heads_are_expected():
            objective = make_distillation(corpora, source, student, settings)
            planned = measure(objective, settings)
        if is_first_process():
            show_fields(planned.to_dict(), as_json=asked["as_json"])
        return 0
    with sitting(MEASURED_ON) as bar:
        result = distill(
            corpora, out, teacher=source, student=student, settings=settings,
            resume=asked["resume"], observers=[bar],
        )  # fmt: skip
    if result.writes:
        show_fields(result.to_dict(), as_json=asked["as_json"])
    return code_of(result)

"""``squeezebert pretrain``: masked language modelling and sentence order on text without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from squeezebert.cli.library_threads import import_torch
from squeezebert.cli.output import show_fields
from squeezebert.cli.recipes import MEASURED_ON, corpora_of, overrides_of, recipe_options, vocab_size_of
from squeezebert.cli.sitting import check_out, code_of, new_heads_are_expected, sitting
from squeezebert.errors import OptionError


@click.command()
@click.argument("recipe")
@recipe_options
def command(recipe: str, out: str | None, dry_run: bool, **asked: Any) -> int:
    """Pre-train a model from scratch, or go on with one.

    RECIPE is a TOML file with the tables [model], [corpora], [settings] and one [[phases]] for each phase,
    whose values stand over those of [settings]; see the guide on pre-training. Corpora are made by
    `squeezebert corpus`.
    """
    import_torch()
    from squeezebert.training.distributed import is_first_process, joined
    from squeezebert.training.planning import measure
    from squeezebert.training.pretraining import PretrainingSettings, make_pretraining, pretrain
    from squeezebert.training.pretraining.run import check_folders, check_phases
    from squeezebert.training.recipe import Recipe

    read = Recipe.read(recipe, ("model", "corpora", "settings", "phases"))
    phases = read.phases(PretrainingSettings, overrides_of(asked))
    model, corpora = read.model(), corpora_of(asked["corpus"], read)
    finished = 0
    if out is None:
        check_out(out, dry_run=dry_run, resume=False)
    else:
        finished = check_folders(Path(out), len(phases), asked["resume"])
    try:
        check_phases(model, phases, finished=finished)
    except OptionError as error:
        raise OptionError(f"{recipe}: {error}") from error
    model = read.model(vocab_size_of(corpora))
    if dry_run or out is None:
        with new_heads_are_expected(), joined():
            plans = [measure(make_pretraining(corpora, model, phase), phase).to_dict() for phase in phases]
        for number, plan in enumerate(plans if is_first_process() else [], 1):
            show_fields({"phase": number, **plan}, as_json=asked["as_json"])
        return 0
    with sitting(MEASURED_ON) as bar:
        results = pretrain(corpora, out, model=model, phases=phases, resume=asked["resume"], observers=[bar])
    for result in results:
        if result.writes:
            show_fields(result.to_dict(), as_json=asked["as_json"])
    return code_of(results[-1])

"""The trunk and its heads, learnt together: one encoder that serves them all.

    python recipes/mini/adapt_trunk.py --data $SQUEEZEBERT_DATA --trunk runs/mini/trunk --runs runs/mini/heads

Every step goes on with the distillation of the trunk, and learns the tasks of plan.py: each from its labels,
and most from the answers of a teacher too, which is fine-tuned first. Heads that share all blocks and the
word embeddings cost the package next to nothing, and the encoder knows what they need, as blocks that are
frozen under a head do not (docs/decisions.md has figures). Run again to go on, in stretches by
``--stop-after 9``.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from distill_trunk import RECIPE, SHARES, teacher_folder
from plan import HEADS, TRUNK
from squeezebert.cli.training_bar import TrainingBar
from squeezebert.data import load_dataset_rows
from squeezebert.tasks import get_task
from squeezebert.training import LoopSettings, Teaching, TrainingData, TrainingSettings, run
from squeezebert.training.distillation.run import make_distillation
from squeezebert.training.distillation.settings import DistillationSettings
from squeezebert.training.finetune import make_objective
from squeezebert.training.multitask import Member, MultiTask
from squeezebert.training.recipe import Recipe
from workshop import Workshop, add_options, unfinished

STEPS = 200
"""Between evaluations."""


def trunk_member(workshop: Workshop, corpora: Path) -> Member:
    """The trunk's own distillation, as before."""
    recipe = Recipe.read(RECIPE, ("model", "settings"))
    # Another seed: other texts than those that the trunk read first.
    settings = recipe.settings(DistillationSettings, "settings", {"seed": 1})
    shares = {str(corpora / name): share for name, share in SHARES.items()}
    return Member(make_distillation(shares, str(teacher_folder()), str(workshop.trunk), settings))


def head_member(workshop: Workshop, name: str) -> Member:
    """A head with its teacher."""
    head = HEADS[name]
    task = get_task(head.task)
    rows = workshop.rows(name)
    data = TrainingData.read(task, load_dataset_rows(rows, task=task.name), None, name=name)
    teaching = None
    if head.teacher is not None:
        teaching = Teaching(teacher=str(workshop.teacher(name)), soft_share=head.soft_share)
    settings = TrainingSettings(batch_tokens=head.batch_tokens, dropout=head.dropout)
    return Member(make_objective(data, str(workshop.trunk), settings, teaching))


def main() -> None:
    """Learn, or go on with it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--corpora", type=Path, help="those of the trunk; beside it if left out")
    parser.add_argument("--tasks", nargs="+", choices=tuple(HEADS), default=list(HEADS))
    parser.add_argument("--tokens", type=float, default=40e6, help="length of the run")
    arguments = parser.parse_args()
    workshop = Workshop.of(arguments)
    for name in arguments.tasks:
        if HEADS[name].teacher is not None:
            workshop.teacher(name)
    corpora = arguments.corpora or arguments.trunk.with_name("corpora")
    settings = LoopSettings(
        tokens=int(arguments.tokens), learning_rate=5e-4, beta2=0.98, warmup=0.03, micro_batch_size=1,
        stop_after=workshop.stop_after(),
    )  # fmt: skip

    def make() -> MultiTask:
        members = {TRUNK: trunk_member(workshop, corpora)}
        return MultiTask(members | {name: head_member(workshop, name) for name in arguments.tasks}, STEPS)

    with contextlib.closing(TrainingBar(sys.stderr, [])) as bar:
        result = run(make, workshop.shared, settings, resume=True, observers=[bar])
    if not result.finished:
        unfinished()


if __name__ == "__main__":
    main()

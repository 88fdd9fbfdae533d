"""Heads of the embedded model, learnt together on one adapted copy of the trunk's blocks.

    python recipes/mini/adapt_heads.py --data $SQUEEZEBERT_DATA --trunk runs/mini/trunk --runs runs/mini/heads

Every step learns all tasks that are asked for: each from its labels, and those with a teacher in plan.py from
the teacher's answers too, also to texts without labels. The word embeddings stay those of the trunk. One copy
of the blocks serves all these heads, where a copy for each would not fit into the package. Run again to go
on, in stretches by ``--stop-after 9``.
"""

from __future__ import annotations

import argparse
import contextlib
import sys

from plan import HEADS
from squeezebert.cli.training_bar import TrainingBar
from squeezebert.data import load_dataset_rows
from squeezebert.tasks import get_task
from squeezebert.training import LoopSettings, Teaching, TrainingData, TrainingSettings, run
from squeezebert.training.finetune import make_objective
from squeezebert.training.multitask import Member, MultiTask
from workshop import Workshop, add_options, unfinished

STEPS = 200
"""Between evaluations."""


def head_member(workshop: Workshop, name: str) -> Member:
    """A head with its teacher."""
    head = HEADS[name]
    task = get_task(head.task)
    rows, texts = (
        load_dataset_rows(path, task=task.name) if path else []
        for path in (workshop.rows(name), workshop.unlabelled(name) if head.unlabelled else None)
    )
    data = TrainingData.read(task, rows, None, unlabelled=texts, name=name)
    teaching = None
    if head.teacher is not None:
        teaching = Teaching(teacher=str(workshop.teacher(name)), soft_share=head.soft_share)
    settings = TrainingSettings(batch_tokens=head.batch_tokens, dropout=head.dropout, freeze_embeddings=True)
    return Member(make_objective(data, str(workshop.trunk), settings, teaching))


def main() -> None:
    """Learn, or go on with it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--tasks", nargs="+", choices=tuple(HEADS), default=list(HEADS))
    parser.add_argument("--tokens", type=float, default=6e6, help="length of the run")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    arguments = parser.parse_args()
    workshop = Workshop.of(arguments)
    for name in arguments.tasks:
        if HEADS[name].teacher is not None:
            workshop.teacher(name)
    settings = LoopSettings(
        tokens=int(arguments.tokens), learning_rate=arguments.learning_rate, beta2=0.98, warmup=0.05,
        micro_batch_size=1, stop_after=workshop.stop_after(),
    )  # fmt: skip

    def make() -> MultiTask:
        return MultiTask({name: head_member(workshop, name) for name in arguments.tasks}, STEPS)

    with contextlib.closing(TrainingBar(sys.stderr, [])) as bar:
        result = run(make, workshop.shared, settings, resume=True, observers=[bar])
    if not result.finished:
        unfinished()


if __name__ == "__main__":
    main()

"""A sitting of a training run: its bar, the signals that stop it, its exit code."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from squeezebert.cli.library_threads import import_torch
from squeezebert.errors import OptionError

if TYPE_CHECKING:
    from squeezebert.cli.training_bar import TrainingBar
    from squeezebert.training import TrainingResult

UNFINISHED = 3
"""Exit code where the sitting ended before the run."""


def check_out(out: str | None, *, dry_run: bool, resume: bool) -> None:
    """See that a run has a folder, and may have it.

    Args:
        out: The folder.
        dry_run: Whether it may be left out.
        resume: Whether the run goes on.

    Raises:
        OptionError: There is none, or it is taken.
    """
    from squeezebert.training.run import check_free

    if out is not None:
        check_free(Path(out), resume)
    elif not dry_run:
        raise OptionError("give --out FOLDER, where the model goes, or --dry-run")


@contextlib.contextmanager
def sitting(notes: Sequence[str]) -> Iterator[TrainingBar]:
    """Give the bar of a run; Ctrl-C and SIGTERM stop it after its step.

    Args:
        notes: Lines to show above the bar.
    """
    import_torch()
    from squeezebert.cli.training_bar import TrainingBar

    bar = TrainingBar(sys.stderr, notes)
    with contextlib.closing(bar), new_heads_are_expected(), bar.stopped_by_signals():
        yield bar


@contextlib.contextmanager
def new_heads_are_expected() -> Iterator[None]:
    """A checkpoint without the head is what training starts from, and no reason for a warning."""
    logger = logging.getLogger("squeezebert.modeling")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def code_of(result: TrainingResult) -> int:
    """The exit code of a sitting; where it ended before the run, say how to go on."""
    if result.finished or not result.writes:
        return 0
    click.echo(
        f"squeezebert: stopped after step {result.steps:,}; the same command with --resume goes on", err=True
    )
    return UNFINISHED

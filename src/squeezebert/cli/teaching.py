"""Options of ``squeezebert train`` for learning from a teacher."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from squeezebert.cli import options
from squeezebert.errors import OptionError

if TYPE_CHECKING:
    from squeezebert.training import Teaching

teaching_options = options.adding(
    click.option(
        "--teacher", metavar="MODEL",
        help="Learn from the answers of this model, too: folder, embedded model or hub name.",
    ),
    click.option(
        "--unlabelled", metavar="FILE", help="Further rows, without labels, that the teacher answers."
    ),
    click.option(
        "--soft-share", type=float, metavar="SHARE",
        help="Share of the teacher's answers in the loss, the rest is that of the labels.  [default: 0.5]",
    ),
    click.option(
        "--temperature", type=float, metavar="T", help="Divides the logits that are compared.  [default: 2]"
    ),
    click.option(
        "--layers", multiple=True, metavar="STUDENT=TEACHER",
        help="Blocks to compare, counted from 1; needs --teacher-precision torch. Repeatable.",
    ),
    click.option(
        "--hidden-factor", type=float, metavar="FACTOR",
        help="Weight of the compared blocks in the loss.  [default: 1]",
    ),
    click.option(
        "--teacher-precision", metavar="NAME",
        help="int8 or fp32 on the engine, or torch.  [default: int8]",
    ),
)  # fmt: skip
_VALUES = ("soft_share", "temperature", "hidden_factor", "teacher_precision")


def teaching_of(asked: dict[str, Any], unlabelled: str | None) -> Teaching | None:
    """Take the options out of ``asked``; None where no teacher is given.

    Raises:
        OptionError: There is no teacher for what is asked, or a value makes no sense.
    """
    from squeezebert.training import Teaching

    teacher, layers = asked.pop("teacher"), asked.pop("layers")
    values = options.given({name: asked.pop(name) for name in _VALUES}, _VALUES)
    if teacher is not None:
        if "hidden_factor" in values and not layers:
            raise OptionError(
                "--hidden-factor weighs the blocks that are compared; give --layers STUDENT=TEACHER"
            )
        return Teaching(teacher=teacher, layer_map=layer_map(layers), **values)
    if values or layers or unlabelled is not None:
        name = next(iter(values), "layers" if layers else "unlabelled").replace("_", "-")
        raise OptionError(f"--{name} needs a teacher; give --teacher MODEL")
    return None


def layer_map(texts: Iterable[str]) -> tuple[tuple[int, int], ...]:
    """Parse ``STUDENT=TEACHER``.

    Raises:
        OptionError: A text has another form.
    """
    pairs = []
    for text in texts:
        mine, _, theirs = text.partition("=")
        if not (mine.isdecimal() and theirs.isdecimal()):
            raise OptionError(f"--layers {text!r} is not of the form STUDENT=TEACHER, such as 2=4")
        pairs.append((int(mine), int(theirs)))
    return tuple(pairs)

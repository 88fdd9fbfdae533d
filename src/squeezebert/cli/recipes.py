"""What the commands that follow a recipe share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from squeezebert.cli import options
from squeezebert.errors import OptionError

if TYPE_CHECKING:
    from squeezebert.training.recipe import Recipe

recipe_options = options.adding(
    click.option("--out", metavar="FOLDER", help="Model folder to make; empty or missing."),
    click.option(
        "--corpus", multiple=True, metavar="FOLDER[=SHARE]",
        help="Corpora in place of the recipe's, with the share of texts to take from each. Repeatable.",
    ),
    click.option(
        "--set", "assignments", multiple=True, metavar="NAME=VALUE",
        help="A setting in place of the recipe's. Repeatable.",
    ),
    click.option("--resume", is_flag=True, help="Go on with the run in --out, if there is one."),
    click.option(
        "--stop-after", type=float, metavar="MINUTES", help="Save the state after this time and stop."
    ),
    options.threads_option,
    options.dry_run_option,
    options.json_option,
    options.verbose_option,
)  # fmt: skip
MEASURED_ON = ["measured on held-out documents"]


def overrides_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that the command line gives in place of the recipe's."""
    from squeezebert.training.recipe import parse_assignments

    return {
        **parse_assignments(asked["assignments"]),
        **options.given(asked, ("stop_after", "threads")),
    }


def corpora_of(given: tuple[str, ...], recipe: Recipe) -> dict[str, float]:
    """Folders of corpora with their shares, of the command line or else of the recipe.

    Raises:
        OptionError: A share is no positive number, a corpus is given twice, or there is none.
    """
    shares: dict[str, Any] = recipe.table("corpora")
    if given:
        pairs = [text.rpartition("=") if "=" in text else (text, "=", "1") for text in given]
        shares = {folder: share for folder, _, share in pairs}
        _check_places([folder for folder, *_ in pairs])
    if not shares:
        raise OptionError(f"{recipe.place}: [corpora] is empty; or give --corpus FOLDER")
    _check_places([*shares])
    corpora = {}
    for folder, share in shares.items():
        try:
            if isinstance(share, bool):
                raise TypeError
            corpora[folder] = float(share)
        except (TypeError, ValueError) as error:
            raise OptionError(f"{folder}: the share {share!r} is no number") from error
        if not 0 < corpora[folder] < float("inf"):
            raise OptionError(f"{folder}: the share {share} is not positive")
    if sum(corpora.values()) == float("inf"):
        raise OptionError(f"{', '.join(corpora)}: the shares are too large to be added; make them smaller")
    return corpora


def vocab_size_of(corpora: Iterable[str]) -> int:
    """Pieces of the tokenizer of corpora, which have the same one.

    Raises:
        DataError: The first is no corpus.
    """
    from squeezebert.corpus import Corpus

    return Corpus(next(iter(corpora))).vocab_size


def _check_places(folders: Sequence[str]) -> None:
    [(place, times)] = Counter(Path(folder).resolve() for folder in folders).most_common(1)
    if times > 1:
        twice = next(folder for folder in folders if Path(folder).resolve() == place)
        raise OptionError(f"corpus {twice} is given twice; give it once, with the share of both")

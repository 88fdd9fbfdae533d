"""A progress bar for work that takes a while: on a terminal only, and only after two seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

PATIENCE = 2.0


def progress(items: Iterable[Item], *, unit: str, total: int | None = None) -> Iterator[Item]:
    """Pass items on, and show on stderr how many there were."""
    from tqdm import tqdm

    yield from tqdm(
        items, total=total, unit=f" {unit}", file=sys.stderr, delay=PATIENCE, leave=False,
        dynamic_ncols=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip

"""A progress bar for work that takes a while: on a terminal only, and only after two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

PATIENCE = 2.0


def progress(items: Iterable[Item], *, unit: str, total: int | None = None) -> Iterator[Item]:
    """Pass items on, and show on stderr how many there were."""
    if not sys.stderr.isatty():
        yield from items
        return
    rest, start, done = iter(items), time.monotonic(), 0
    for item in rest:
        yield item
        done += 1
        if time.monotonic() - start > PATIENCE:
            break
    else:
        return
    # Imported here, because quick work should not wait for it.
    from tqdm import tqdm

    yield from tqdm(
        rest, total=total, initial=done, unit=f" {unit}", file=sys.stderr, leave=False, dynamic_ncols=True
    )

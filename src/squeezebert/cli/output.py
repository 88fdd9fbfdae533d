"""Where answers go: to the standard output, or to a file that appears when it is complete."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from squeezebert.errors import OptionError
from squeezebert.files import atomic_path


@contextmanager
def opened(output: str | None) -> Iterator[TextIO]:
    """Give a text stream to print to.

    Args:
        output: The file, which replaces an older one when the block ends without an error; None for the
            standard output.

    Raises:
        OptionError: The file cannot be written.
    """
    if output is None:
        yield sys.stdout
        return
    path = Path(output)
    if path.is_dir():
        raise OptionError(f"{output}: is a folder; name a file in it")
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file

"""The versions that a result was made with."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Give the versions of Python, of this package and of those of the packages that are installed."""
    found = {"python": platform.python_version()}
    for name in ("squeezebert", *packages):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found

"""Data files in: rows from users' own files and from the published data sets."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from squeezebert.data.loading import load_dataset_rows
    from squeezebert.data.opening import open_text
    from squeezebert.data.published import DATASETS
    from squeezebert.data.row import Row
    from squeezebert.data.rows import EXTENSIONS, FORMATS, read_rows

__all__ = ["DATASETS", "EXTENSIONS", "FORMATS", "Row", "load_dataset_rows", "open_text", "read_rows"]

_MODULES = {
    "DATASETS": "published",
    "EXTENSIONS": "rows",
    "FORMATS": "rows",
    "Row": "row",
    "load_dataset_rows": "loading",
    "open_text": "opening",
    "read_rows": "rows",
}


def __getattr__(name: str) -> Any:
    """Import the readers when they are first used: a text on the command line needs none of them."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"squeezebert.data.{_MODULES[name]}"), name)

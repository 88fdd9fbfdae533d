"""Data files in: rows from users' own files and from the published data sets."""

from squeezebert.data.opening import open_text
from squeezebert.data.row import Row
from squeezebert.data.rows import EXTENSIONS, FORMATS, read_rows

__all__ = ["EXTENSIONS", "FORMATS", "Row", "open_text", "read_rows"]

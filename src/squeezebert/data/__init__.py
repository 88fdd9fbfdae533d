"""Data files in: rows from users' own files and from the published data sets."""

from squeezebert.data.loading import load_dataset_rows
from squeezebert.data.opening import open_text
from squeezebert.data.published import DATASETS
from squeezebert.data.row import Row
from squeezebert.data.rows import EXTENSIONS, FORMATS, read_rows

__all__ = ["DATASETS", "EXTENSIONS", "FORMATS", "Row", "load_dataset_rows", "open_text", "read_rows"]

"""What the loaders of all peers share: the job they get, timing, padding, and a cache of what they build."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from squeezebert.benchmark.models import Model
from squeezebert.benchmark.workloads import Ids

# Gives milliseconds of a call, or billions of operations per second of a ceiling.
Measure = Callable[[], float]
Prepare = Callable[[Ids], Measure]


@dataclass(frozen=True)
class Job:
    """What a loader is to load.

    Attributes:
        model: The network.
        threads: Threads to compute with.
        cache: A folder for what takes long to build.
    """

    model: Model
    threads: int
    cache: Path

    def built(self, name: str, build: Callable[[Path], None]) -> Path:
        """Give the folder of something built from the model, and build it where the cache has none.

        Args:
            name: What it is.
            build: Writes it into a folder.
        """
        digest = hashlib.sha256(json.dumps(self.model.to_dict(), sort_keys=True).encode()).hexdigest()
        folder = self.cache / f"{self.model.name}-{digest[:12]}-{name}"
        if not folder.is_dir():
            self.cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.cache) as temporary:
                new = Path(temporary, "new")
                new.mkdir()
                build(new)
                # At once or not at all, so that an interrupted export is not taken for a finished one.
                new.rename(folder)
        return folder


def timed(call: Callable[[], object]) -> Measure:
    """Give a function that calls and returns the milliseconds that it took."""

    def measure() -> float:
        start = time.perf_counter()
        call()
        return (time.perf_counter() - start) * 1e3

    return measure


def padded(ids: Ids) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pad to the longest: ``input_ids`` and ``attention_mask``, each ``[batch, tokens]``."""
    longest = max(map(len, ids))
    input_ids = np.array([[*text, *[0] * (longest - len(text))] for text in ids], dtype=np.int64)
    mask = np.array([[1] * len(text) + [0] * (longest - len(text)) for text in ids], dtype=np.int64)
    return input_ids, mask

"""This package's engine. It takes texts as they are, without padding, and needs no torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from squeezebert.benchmark.peers.base import Job, Measure, Prepare, timed
from squeezebert.benchmark.workloads import Ids
from squeezebert.config import SqueezeBertConfig
from squeezebert.engine import Engine
from squeezebert.engine.weights import network_shapes
from squeezebert.errors import OptionError

_SEED = 13


def load_int8(job: Job) -> Prepare:
    """The engine in int8."""
    return _load(job, "int8")


def load_fp32(job: Job) -> Prepare:
    """The engine in fp32."""
    return _load(job, "fp32")


def _load(job: Job, precision: str) -> Prepare:
    config = job.model.config
    if config is None:
        raise OptionError(f"the engine does not run a {job.model.architecture}")
    engine = Engine(config, random_arrays(config), precision=precision, threads=job.threads)

    def prepare(ids: Ids) -> Measure:
        return timed(lambda: engine(input_ids=ids))

    return prepare


def random_arrays(config: SqueezeBertConfig) -> dict[str, NDArray[np.float32]]:
    """Weights as a network starts with them, under their published names; no pooler, as peers have none."""
    draw = np.random.default_rng(_SEED)
    arrays = {}
    for name, shape in network_shapes(config, "SqueezeBertModel", pooler=False).items():
        if name.lower().endswith("layernorm.weight"):
            arrays[name] = np.ones(shape, np.float32)
        else:
            arrays[name] = draw.standard_normal(shape, np.float32) * np.float32(config.initializer_range)
    return arrays

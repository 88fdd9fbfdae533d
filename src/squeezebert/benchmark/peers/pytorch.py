"""torch, as it stands and compiled."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from squeezebert.benchmark.peers.base import Job, Measure, Prepare, padded, timed
from squeezebert.benchmark.peers.networks import build
from squeezebert.benchmark.workloads import Ids


def load_eager(job: Job) -> Prepare:
    """The network as it stands, with fused attention where it has it."""
    torch.set_num_threads(job.threads)
    return _prepare(build(job.model))


def load_compiled(job: Job) -> Prepare:
    """The network through ``torch.compile``, for each shape anew and with its weights as constants.

    Freezing lets Inductor pack the weights beforehand. Source: ``torch/_inductor/config.py``, ``freezing``.
    """
    import torch._inductor.config as inductor

    torch.set_num_threads(job.threads)
    inductor.freezing = True
    return _prepare(torch.compile(build(job.model), dynamic=False))


def _prepare(network: Callable[[Tensor, Tensor | None], Tensor]) -> Prepare:
    def prepare(ids: Ids) -> Measure:
        input_ids, mask = map(torch.from_numpy, padded(ids))
        # Without padding there is nothing to mask, and attention has a faster way.
        wanted = None if bool(mask.all()) else mask

        def call() -> Tensor:
            # Freezing works under no_grad, and not under inference_mode.
            with torch.no_grad():
                return network(input_ids, wanted)

        return timed(call)

    return prepare

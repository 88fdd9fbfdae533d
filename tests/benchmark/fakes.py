"""Loaders that stand for runtimes; real processes run them, which start in milliseconds."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from squeezebert.benchmark.models import MODELS, Model
from squeezebert.benchmark.peers import PEERS, REFERENCE, Peer
from squeezebert.benchmark.peers.base import Job, Measure, Prepare
from squeezebert.benchmark.plan import Contestant
from squeezebert.benchmark.schedule import Settings
from squeezebert.benchmark.workloads import Ids

TINY = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
TINY_SQUEEZEBERT = {
    **TINY, "embedding_size": 12, "vocab_size": 97, "q_groups": 2, "k_groups": 2, "v_groups": 2,
    "intermediate_groups": 2, "output_groups": 2,
}  # fmt: skip


def load_counter(job: Job) -> Prepare:
    """As many milliseconds as there are ids, so that what comes back is known."""

    def prepare(ids: Ids) -> Measure:
        return lambda: float(sum(map(len, ids)) * job.threads)

    return prepare


def load_double(job: Job) -> Prepare:
    prepare = load_counter(job)
    return lambda ids: lambda: 2 * prepare(ids)()


def load_noisy(job: Job) -> Prepare:
    """Prints where the answers go, from Python and past it."""
    print("loading …")
    os.system("echo loading")
    return load_counter(job)


def load_nothing(job: Job) -> Prepare:
    raise RuntimeError("no weights\nfor this")


def load_then_die(job: Job) -> Prepare:
    """Works once, when it is loaded, and then dies."""

    def prepare(ids: Ids) -> Measure:
        calls: list[int] = []

        def measure() -> float:
            calls.append(1)
            if len(calls) > 1:
                print("out of luck", file=sys.stderr)
                os._exit(7)
            return 1.0

        return measure

    return prepare


def load_sleeper(job: Job) -> Prepare:
    time.sleep(60)
    return load_counter(job)


def load_spinner(job: Job) -> Prepare:
    """Like runtimes whose threads go on spinning after a call."""
    import threading

    def spin() -> None:
        while True:
            pass

    threading.Thread(target=spin, daemon=True).start()
    return load_counter(job)


def fake(loader: str, model: Model | None = None, **values: Any) -> Contestant:
    """A contestant with one of the loaders above, and values of its peer."""
    peer = Peer(loader, loader, "fake", "fp32", f"tests.benchmark.fakes:load_{loader}", **values)
    return Contestant(peer, model or MODELS["squeezebert"])


def fake_reference() -> Contestant:
    """The reference by name, with a loader above."""
    real = PEERS[REFERENCE]
    peer = Peer(real.name, real.title, real.family, real.precision, "tests.benchmark.fakes:load_counter")
    return Contestant(peer, MODELS["squeezebert"])


def quick(cache: Path, **values: float) -> Settings:
    """Settings under which a row takes no time."""
    return Settings(
        threads=1, cache=cache, **{"rounds": 3, "seconds": 0.001, "warm_up": 0.0, "pause": 0.0, **values}
    )  # type: ignore[arg-type]

"""The process that measures one peer on one model: it loads, and then measures whenever it is told to.

Spoken are lines of JSON, over the standard input and what was the standard output. Runtimes print what they
like; it goes to the standard error.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from squeezebert.benchmark.models import Model
from squeezebert.benchmark.peers.base import Job, Measure

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until the standard input ends."""
    _die_with_parent()
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())
    try:
        measures = load(request)
    except Exception as error:  # Whatever a runtime raises is the reason why it is skipped.
        _say(channel, {"error": f"{type(error).__name__}: {error}"})
        return
    gc.collect()
    gc.disable()
    _say(channel, {"ready": True})
    for line in sys.stdin:
        turn = json.loads(line)
        _say(channel, take_turn(measures[turn["work"]], turn["warm_up"], turn["seconds"], turn["calls"]))


def load(request: dict[str, Any]) -> dict[str, Measure]:
    """Load what a request names, and measure each work once: some runtimes compile then.

    Args:
        request: ``loader`` (``module:function``), ``model``, ``threads``, ``cache``, and ``works``: the ids
            by the name of the work.
    """
    module, _, function = request["loader"].partition(":")
    job = Job(Model(**request["model"]), request["threads"], Path(request["cache"]))
    prepare = getattr(importlib.import_module(module), function)(job)
    measures: dict[str, Measure] = {name: prepare(ids) for name, ids in request["works"].items()}
    for measure in measures.values():
        measure()
    return measures


def take_turn(measure: Measure, warm_up: float, seconds: float, calls: int) -> dict[str, Any]:
    """Warm up, then measure.

    Args:
        measure: Does it once.
        warm_up: Seconds to go on warming up, by whole calls, at least one.
        seconds: Seconds to go on measuring, by whole calls, at least one.
        calls: The most to measure.

    Returns:
        ``values``, and ``cpu``: seconds of processor time that all of it took.
    """
    cpu, start = time.process_time(), time.perf_counter()
    measure()
    while time.perf_counter() - start < warm_up:
        measure()
    values: list[float] = []
    start = time.perf_counter()
    while not values or (len(values) < calls and time.perf_counter() - start < seconds):
        values.append(measure())
    return {"values": values, "cpu": time.process_time() - cpu}


def _die_with_parent() -> None:
    """Ask the system to end this process with its parent, which may be killed while it holds this one.

    Source: Linux manual, ``PR_SET_PDEATHSIG(2const)``.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _say(channel: TextIO, message: dict[str, Any]) -> None:
    channel.write(json.dumps(message) + "\n")
    channel.flush()


if __name__ == "__main__":
    main()

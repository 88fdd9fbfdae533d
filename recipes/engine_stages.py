"""Where the engine's time goes, and what share of the int8 ceiling its linear layers reach.

Takes turns between the engine and the ceiling (dot products on registers, nothing else), so that both see
the same machine, with each of the machine's instruction sets. Writes docs/results/engine_stages.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from pathlib import Path

from squeezebert import _native
from squeezebert.benchmark.machine import describe_machine
from squeezebert.benchmark.peers.ours import random_arrays
from squeezebert.config import SqueezeBertConfig
from squeezebert.costs import encoder_operations
from squeezebert.engine import Engine, instruction_sets
from squeezebert.files import write_text
from squeezebert.threads import default_threads

WORKS = {"1x32": [32], "1x128": [128], "8x128": [128] * 8, "1x512": [512]}


def measure(work: str, engine: Engine, rounds: int) -> dict[str, object]:
    """Medians over rounds of seconds per stage, summed over threads, and of the ceiling."""
    config, lengths = engine.config, WORKS[work]
    ids = [[(7 * i + 13) % config.vocab_size for i in range(length)] for length in lengths]
    operations = 0
    for length in lengths:
        parts = encoder_operations(config, length)
        operations += sum(count for name, count in parts.items() if name != "attention")
    stages: dict[str, list[float]] = {}
    ceilings, shares = [], []
    for _ in range(3):
        engine(ids)
    for _ in range(rounds):
        ceiling = _native.int8_ceiling(engine.threads, 0.05)
        engine(ids)
        seconds = engine.stage_seconds()
        for name, value in seconds.items():
            stages.setdefault(name, []).append(value)
        ceilings.append(ceiling)
        # The stages are summed over the threads, the ceiling is that of all of them together.
        shares.append(operations / (seconds["linear"] / engine.threads) / 1e9 / ceiling)
    return {
        "linear_operations": operations,
        "ceiling_gop_per_second": statistics.median(ceilings),
        "linear_share_of_ceiling": statistics.median(shares),
        "milliseconds_by_stage": {name: 1e3 * statistics.median(values) for name, values in stages.items()},
    }


def main() -> None:
    """Measure all works."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=51)
    parser.add_argument("--output", type=Path, default=Path("docs/results/engine_stages.json"))
    arguments = parser.parse_args()
    config = SqueezeBertConfig()
    arrays = random_arrays(config)
    isas = {}
    for isa in instruction_sets():
        if isa == "portable":
            continue  # Compilers keep its ceiling's sums in memory.
        # The ceiling is that of the same instruction set.
        os.environ["SQUEEZEBERT_ISA"] = isa
        engine = Engine(config, arrays, precision="int8", threads=default_threads())
        isas[isa] = {work: measure(work, engine, arguments.rounds) for work in WORKS}
        for work, values in isas[isa].items():
            print(isa, work, json.dumps(values))
    result = {
        "machine": describe_machine(),
        "threads": default_threads(),
        "rounds": arguments.rounds,
        "instruction_sets": isas,
    }
    write_text(arguments.output, json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

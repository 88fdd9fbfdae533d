"""Training tokens per second of SqueezeBERT: this package beside transformers, on a CPU.

    python recipes/training_speed.py --out docs/results/training_speed.json

A Markdown table is written beside the file.

A step is forward, backward, clipping and AdamW of the base size with masked-LM labels left out: the loss is a
mean over the last hidden states, so that all do the same work. Each program is a process of its own: this
package keeps the memory that it frees, as its training loop does (training/memory.py), and its threads wait
briefly for each other, as its commands have them (cli/torch_threads.py); transformers leaves that to the
libraries, and in a third process keeps memory, too. Their steps take turns, so that a machine busy
with other things disturbs all alike; the figure is the median of as many rounds as fit into ``--seconds``,
after one that is not counted. bf16 is measured where the processor has it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from squeezebert.benchmark.machine import describe_machine
from squeezebert.cli.library_threads import BRIEFLY
from squeezebert.config import SqueezeBertConfig
from squeezebert.files import write_text
from squeezebert.modeling import SqueezeBertModel
from squeezebert.threads import check_threads
from squeezebert.training.memory import keep_freed_memory
from squeezebert.training.precision import choose_precision

BATCH, TOKENS = 32, 64
LEAST_ROUNDS = 3
OURS = "squeezebert"
THEIRS = "transformers"
THEIRS_KEEPING = "transformers, memory kept"


@dataclass(frozen=True)
class Program:
    """What takes turns.

    Attributes:
        model: Makes the base size.
        keeps_memory: Whether the process keeps the memory that it frees.
        environment: Variables that the process has besides.
    """

    model: Callable[[], nn.Module]
    keeps_memory: bool
    environment: Mapping[str, str] = field(default_factory=dict)


def _ours() -> nn.Module:
    return SqueezeBertModel(SqueezeBertConfig())


def _theirs() -> nn.Module:
    return transformers.SqueezeBertModel(transformers.SqueezeBertConfig())


PROGRAMS = {
    OURS: Program(_ours, keeps_memory=True, environment=BRIEFLY),
    THEIRS: Program(_theirs, keeps_memory=False),
    THEIRS_KEEPING: Program(_theirs, keeps_memory=True),
}


def stepper(model: nn.Module, precision: str) -> Callable[[], float]:
    """A function that does one step on random ids and gives its seconds."""
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-5, fused=True)

    def step() -> float:
        ids = torch.randint(1000, 30000, (BATCH, TOKENS))
        began = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            output = model(input_ids=ids, attention_mask=torch.ones_like(ids))
        output.last_hidden_state.float().square().mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - began

    return step


def serve(name: str, precision: str, threads: int, calls: Connection) -> None:
    """Do a step whenever one is asked for, and answer its seconds; in a process of its own."""
    program = PROGRAMS[name]
    if program.keeps_memory:
        keep_freed_memory()
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    step = stepper(program.model(), precision)
    step()  # The first one also allocates.
    calls.send(0.0)
    while calls.recv():
        calls.send(step())


def measure(precision: str, seconds: float, threads: int) -> dict[str, list[float]]:
    """Seconds of the steps of all, taking turns for so long, but three rounds at least."""
    context = multiprocessing.get_context("spawn")
    calls: dict[str, Connection] = {}
    for name, program in PROGRAMS.items():
        calls[name], other = context.Pipe()
        process = context.Process(target=serve, args=(name, precision, threads, other), daemon=True)
        # What a process finds when it imports torch is what its parent has when it starts.
        os.environ.update(program.environment)
        process.start()
        for variable in program.environment:
            del os.environ[variable]
        other.close()  # So that the end of a process that failed is an error here, and no wait for ever.
        calls[name].recv()
    began = time.monotonic()
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    while len(taken[OURS]) < LEAST_ROUNDS or time.monotonic() - began < seconds:
        for name, call in calls.items():
            call.send(True)
            taken[name].append(call.recv())
    for call in calls.values():
        call.send(False)
    return taken


def rates_of(taken: dict[str, list[float]]) -> dict[str, float]:
    """Median tokens per second."""
    return {name: round(BATCH * TOKENS / statistics.median(seconds), 1) for name, seconds in taken.items()}


def ratios_of(rates: dict[str, float]) -> dict[str, float]:
    """How many times as fast as each of the others this package is."""
    return {name: round(rates[OURS] / rate, 2) for name, rate in rates.items() if name != OURS}


def table(result: Mapping[str, Any]) -> str:
    """The result in Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    rows = "".join(
        f"| {precision} | {rates[OURS]:,.0f} "
        + "".join(f"| {rates[name]:,.0f} | {ratio:.2f}× " for name, ratio in ratios.items())
        + "|\n"
        for precision, rates in result["tokens_per_second"].items()
        for ratios in [result["ratio"][precision]]
    )
    programs = " | ratio | ".join((THEIRS, THEIRS_KEEPING))
    return (
        f"# Training speed\n\n{result['cpu']}, {result['threads']} threads; {versions}. Training steps of "
        f"the base size, {result['batch']} texts of {result['tokens']} tokens. Tokens per second, median; "
        "each is a process of its own, and their steps take turns. This package keeps the memory that it "
        "frees, and its threads wait briefly for each other, as its training does.\n\n"
        f"| precision | this package | {programs} | ratio |\n"
        f"|---|---|---|---|---|---|\n{rows}"
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=50, help="time for each precision")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    threads = check_threads(arguments.threads)
    precisions = dict.fromkeys(("fp32", choose_precision("auto")))
    taken = {precision: measure(precision, arguments.seconds, threads) for precision in precisions}
    rates = {precision: rates_of(seconds) for precision, seconds in taken.items()}
    result = {
        "batch": BATCH,
        "tokens": TOKENS,
        "cpu": describe_machine()["cpu"],
        "threads": threads,
        "rounds": {precision: len(seconds[OURS]) for precision, seconds in taken.items()},
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "tokens_per_second": rates,
        "ratio": {precision: ratios_of(rate) for precision, rate in rates.items()},
    }
    write_text(arguments.out, json.dumps(result, indent=2) + "\n")
    write_text(arguments.out.with_suffix(".md"), table(result))
    print(table(result))


if __name__ == "__main__":
    main()

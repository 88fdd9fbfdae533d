"""Training tokens per second of SqueezeBERT: this package beside transformers, on a CPU.

    python recipes/training_speed.py --out docs/results/training_speed.json

A Markdown table is written beside the file.

A step is forward, backward, clipping and AdamW of the base size with masked-LM labels left out: the loss is a
mean over the last hidden states, so that both do the same work. Steps of both take turns, so that a machine
busy with other things disturbs both alike; the figure is the median of as many rounds as fit into
``--seconds``, after one that is not counted. With the defaults all is done in about two minutes. bf16 is
measured where the processor has it.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from squeezebert.benchmark.machine import describe_machine
from squeezebert.config import SqueezeBertConfig
from squeezebert.files import write_text
from squeezebert.modeling import SqueezeBertModel
from squeezebert.threads import check_threads
from squeezebert.training.precision import choose_precision

BATCH, TOKENS = 32, 64
LEAST_ROUNDS = 3


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


def measure(precision: str, seconds: float) -> dict[str, list[float]]:
    """Seconds of the steps of both, taking turns for so long, but three rounds at least."""
    theirs = transformers.SqueezeBertModel(transformers.SqueezeBertConfig())
    steps = {
        "squeezebert": stepper(SqueezeBertModel(SqueezeBertConfig()), precision),
        "transformers": stepper(theirs, precision),
    }
    began = time.monotonic()
    for step in steps.values():
        step()  # the first one also allocates
    taken: dict[str, list[float]] = {name: [] for name in steps}
    rounds = 0
    while rounds < LEAST_ROUNDS or time.monotonic() - began < seconds:
        for name, step in steps.items():
            taken[name].append(step())
        rounds += 1
    return taken


def rates_of(taken: dict[str, list[float]]) -> dict[str, float]:
    """Median tokens per second."""
    return {name: round(BATCH * TOKENS / statistics.median(seconds), 1) for name, seconds in taken.items()}


def table(result: Mapping[str, Any]) -> str:
    """The result in Markdown."""
    rates, ratio, versions = (result[key] for key in ("tokens_per_second", "ratio", "versions"))
    rows = (
        f"| {name} | {rate['squeezebert']:,.0f} | {rate['transformers']:,.0f} | {ratio[name]:.2f}× |\n"
        for name, rate in rates.items()
    )
    made = ", ".join(f"{name} {version}" for name, version in versions.items())
    what = (
        f"Training steps of the base size, {result['batch']} texts of {result['tokens']} tokens. Tokens per "
        "second, median; steps of both take turns."
    )
    head = "| precision | this package | transformers | ratio |\n|---|---|---|---|\n"
    machine = f"{result['cpu']}, {result['threads']} threads; {made}."
    return f"# Training speed\n\n{machine} {what}\n\n{head}{''.join(rows)}"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=50, help="time for each precision")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(check_threads(arguments.threads))
    precisions = dict.fromkeys(("fp32", choose_precision("auto")))
    taken = {precision: measure(precision, arguments.seconds) for precision in precisions}
    rates = {precision: rates_of(seconds) for precision, seconds in taken.items()}
    result = {
        "batch": BATCH,
        "tokens": TOKENS,
        "cpu": describe_machine()["cpu"],
        "threads": torch.get_num_threads(),
        "rounds": {precision: len(seconds["squeezebert"]) for precision, seconds in taken.items()},
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "tokens_per_second": rates,
        "ratio": {name: round(rate["squeezebert"] / rate["transformers"], 2) for name, rate in rates.items()},
    }
    write_text(arguments.out, json.dumps(result, indent=2) + "\n")
    write_text(arguments.out.with_suffix(".md"), table(result))
    print(table(result))


if __name__ == "__main__":
    main()

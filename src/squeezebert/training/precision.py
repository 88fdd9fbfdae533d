"""How a training step computes on this processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

_CPU_INFO = Path("/proc/cpuinfo")
_FAST_BF16 = {"avx512_bf16", "amx_bf16"}
_SHORT = 256


def choose_precision(wanted: str) -> str:
    """Give "bf16" or "fp32" for one of ``PRECISIONS``.

    "auto" asks the processor's flags, as Linux lists them: torch computes bf16 everywhere, but where the
    instructions are missing it is slower than fp32.
    """
    if wanted != "auto":
        return wanted
    try:
        flags = set(_CPU_INFO.read_text(encoding="utf-8").split())
    except OSError:
        return "fp32"
    return "bf16" if flags & _FAST_BF16 else "fp32"


@contextmanager
def forward_context(precision: str, tokens: int) -> Iterator[None]:
    """Set up the forward pass of a training step whose rows have ``tokens`` tokens."""
    with ExitStack() as stack:
        if tokens <= _SHORT:
            # The backward of torch's fused CPU attention takes twice the time of the rest of the step at
            # short lengths; written out as matrix products, a 6 × 384 step of 25 tokens is 1.8 × faster.
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if precision == "bf16":
            stack.enter_context(torch.autocast("cpu", dtype=torch.bfloat16))
        yield

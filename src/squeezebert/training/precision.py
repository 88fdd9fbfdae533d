"""Where and how a training step computes on this machine."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch

from squeezebert.errors import OptionError

_CPU_INFO = Path("/proc/cpuinfo")
_FAST_BF16 = {"avx512_bf16", "amx_bf16"}


def choose_device(wanted: str | None, local_rank: int = 0) -> torch.device:
    """Give the device to compute on: a GPU if there is one, unless told else.

    Args:
        wanted: A name of torch's, or None.
        local_rank: Of several processes on this machine, which this is; each takes its own GPU.

    Raises:
        OptionError: There is no such device here.
    """
    if wanted is None:
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(f"cuda:{local_rank}" if wanted == "cuda" else wanted)
        torch.zeros(1, device=device).item()  # Meta tensors hold nothing.
    # Torch without CUDA reports an AssertionError.
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(
            f"device {wanted!r} cannot be used here ({reason}); leave it out for the best"
        ) from error
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def choose_precision(wanted: str, device: str = "cpu") -> str:
    """Give "bf16", "tf32" or "fp32" for one of ``PRECISIONS``.

    "auto" asks the GPU or the processor's flags, as Linux lists them: torch computes bf16 everywhere, but
    where the instructions are missing it is slower than fp32.

    Raises:
        OptionError: "tf32" is wanted of something other than a GPU.
    """
    if wanted == "tf32" and device != "cuda":
        raise OptionError("precision 'tf32' needs a GPU; give fp32 or bf16")
    if wanted != "auto":
        return wanted
    if device == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "tf32"
    if device != "cpu":
        return "fp32"
    try:
        flags = set(_CPU_INFO.read_text(encoding="utf-8").split())
    except OSError:
        return "fp32"
    return "bf16" if flags & _FAST_BF16 else "fp32"


def forward_context(precision: str, device: str = "cpu") -> AbstractContextManager[object]:
    """Choose the precision of the forward pass."""
    if precision == "bf16":
        return torch.autocast(device, dtype=torch.bfloat16)
    return nullcontext()

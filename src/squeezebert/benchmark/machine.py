"""What a measurement was made on, and how busy that was with other things."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from squeezebert.engine import instruction_sets
from squeezebert.errors import OptionError
from squeezebert.versions import versions_of

PACKAGES = (
    "numpy", "torch", "transformers", "onnx", "onnxruntime", "openvino", "nncf",
)  # fmt: skip

# Instruction sets that matter for arithmetic on vectors and matrices, on x86-64 and Arm.
_VECTOR_FLAGS = ("sse4", "avx", "fma", "f16c", "amx", "asimd", "sve", "sme", "i8mm", "bf16")


def describe_machine() -> dict[str, Any]:
    """Give processor, cores, vector instruction sets, memory and system, and what the engine is held to.

    Raises:
        OptionError: ``SQUEEZEBERT_ISA`` names an instruction set that this machine lacks.
    """
    info = _fields(Path("/proc/cpuinfo"))
    flags = sorted(info.get("flags", info.get("Features", "")).split())
    return {
        "cpu": info.get("model name") or platform.processor() or platform.machine(),
        "family_model_stepping": [info[key] for key in ("cpu family", "model", "stepping") if key in info],
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "vector_flags": [flag for flag in flags if flag.startswith(_VECTOR_FLAGS)],
        "memory": _fields(Path("/proc/meminfo")).get("MemTotal"),
        "system": platform.platform(),
        **_forced(),
    }


def _forced() -> dict[str, str]:
    forced = os.environ.get("SQUEEZEBERT_ISA")
    if not forced:
        return {}
    if forced not in instruction_sets():
        raise OptionError(f"SQUEEZEBERT_ISA {forced!r} is not one of {', '.join(instruction_sets())}")
    return {"forced_instruction_set": forced}


def describe_versions() -> dict[str, str]:
    """Give the versions of Python and of the packages that are installed."""
    return versions_of(PACKAGES)


def busy_seconds() -> float | None:
    """Processor seconds that all cores together were busy since the system started; None if not known.

    What other guests of a host took away ("steal") counts too. Source: Linux manual, ``proc_stat(5)``.
    """
    try:
        user, nice, system, _, _, irq, softirq, steal = map(
            int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
        )
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _fields(path: Path) -> dict[str, str]:
    """The first value of each ``name : value`` of a file of Linux's ``/proc``."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields

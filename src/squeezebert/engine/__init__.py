"""The network without torch: ragged batches and the compiled kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from squeezebert._native import instruction_sets
    from squeezebert.engine.session import Engine

__all__ = ["Engine", "instruction_sets"]


def __getattr__(name: str) -> Any:
    """Import the engine when it is first used: checkpoints, which it reads, use the kernels beside it."""
    if name == "Engine":
        from squeezebert.engine.session import Engine

        return Engine
    if name == "instruction_sets":
        from squeezebert._native import instruction_sets

        return instruction_sets
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

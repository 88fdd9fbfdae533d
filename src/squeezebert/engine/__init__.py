"""The network without torch: ragged batches and the compiled kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from squeezebert.engine.session import Engine

__all__ = ["Engine"]


def __getattr__(name: str) -> Any:
    """Import the engine when it is first used: checkpoints, which it reads, use the kernels beside it."""
    if name == "Engine":
        from squeezebert.engine.session import Engine

        return Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

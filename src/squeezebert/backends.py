"""What runs the network of a pipeline, by name or loaded already; imported only when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from squeezebert.errors import MissingExtraError, OptionError

if TYPE_CHECKING:
    from squeezebert.engine.backend import Backend


def _engine_backend() -> Callable[..., Backend]:
    from squeezebert.engine import Engine

    return Engine.from_pretrained


def _torch_backend() -> Callable[..., Backend]:
    try:
        from squeezebert.modeling.backend import TorchBackend
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("backend 'torch'", "train") from error
    return TorchBackend.load


BACKENDS: Mapping[str, Callable[[], Callable[..., Backend]]] = {
    "engine": _engine_backend,
    "torch": _torch_backend,
}


PRECISIONS: Mapping[str, tuple[str, ...]] = {"engine": ("int8", "fp32"), "torch": ("fp32",)}
"""What each computes in, its default first."""


def load_backend(name: str) -> Callable[..., Backend]:
    """Give the function that loads a model for a backend.

    It takes a model, and by name ``head``, ``precision``, ``threads``, ``revision`` and ``local_files_only``.

    Raises:
        OptionError: There is no such backend.
        MissingExtraError: It is not installed.
    """
    if name not in BACKENDS:
        raise OptionError(f"there is no backend {name!r}; there is {', '.join(BACKENDS)}")
    return BACKENDS[name]()


def check_backend(name: str, precision: str | None) -> None:
    """See that there is such a backend, and that it computes in such a precision; None for its default.

    Raises:
        OptionError: There is not, or it does not.
    """
    load_backend(name)
    known = PRECISIONS[name]
    if precision is not None and precision not in known:
        raise OptionError(f"precision {precision!r}: the backend {name} has {', '.join(known)}")


def running(model: object) -> Backend:
    """Give a model that is loaded already, an engine or a torch model of this package, as a backend.

    Raises:
        OptionError: It is neither.
    """
    from squeezebert.engine import Engine

    if isinstance(model, Engine):
        return model
    if "torch" in sys.modules:
        from squeezebert.modeling.backend import TorchBackend
        from squeezebert.modeling.pretrained import SqueezeBertPreTrainedModel

        if isinstance(model, SqueezeBertPreTrainedModel):
            return TorchBackend(model)
    raise OptionError(f"model is a {type(model).__name__}; give a folder, a name, or a model of this package")

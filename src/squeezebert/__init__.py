"""SqueezeBERT, complete: BERT-class language understanding for cheap hardware."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from squeezebert.errors import MissingExtraError

if TYPE_CHECKING:
    from squeezebert.config import SqueezeBertConfig
    from squeezebert.engine import Engine
    from squeezebert.errors import SqueezeBertError
    from squeezebert.modeling import (
        SqueezeBertForMaskedLM,
        SqueezeBertForMultipleChoice,
        SqueezeBertForPreTraining,
        SqueezeBertForQuestionAnswering,
        SqueezeBertForSequenceClassification,
        SqueezeBertForTokenClassification,
        SqueezeBertModel,
    )
    from squeezebert.pipelines import Pipeline, pipeline
    from squeezebert.tokenization import SqueezeBertTokenizer, SqueezeBertTokenizerFast

__all__ = [
    "Engine",
    "Pipeline",
    "SqueezeBertConfig",
    "SqueezeBertError",
    "SqueezeBertForMaskedLM",
    "SqueezeBertForMultipleChoice",
    "SqueezeBertForPreTraining",
    "SqueezeBertForQuestionAnswering",
    "SqueezeBertForSequenceClassification",
    "SqueezeBertForTokenClassification",
    "SqueezeBertModel",
    "SqueezeBertTokenizer",
    "SqueezeBertTokenizerFast",
    "pipeline",
]

_MODULES = {
    "Engine": "squeezebert.engine",
    "Pipeline": "squeezebert.pipelines",
    "SqueezeBertConfig": "squeezebert.config",
    "SqueezeBertError": "squeezebert.errors",
    "SqueezeBertTokenizer": "squeezebert.tokenization",
    "SqueezeBertTokenizerFast": "squeezebert.tokenization",
    "pipeline": "squeezebert.pipelines",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that importing this costs nothing (PEP 562)."""
    if name == "__version__":
        # Imported here: it costs more than everything else in this file.
        from importlib.metadata import version

        return version("squeezebert")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_MODULES.get(name, "squeezebert.modeling")), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError(name, "train") from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

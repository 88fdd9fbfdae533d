"""Text to ids and back: two tokenizers with one interface, one in pure Python and one on Rust."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from squeezebert.tokenization.encoding import BatchEncoding, CharSpan, Encoding, TokenSpan
from squeezebert.tokenization.vocabulary import AddedToken

if TYPE_CHECKING:
    from squeezebert.tokenization.fast import SqueezeBertTokenizerFast
    from squeezebert.tokenization.pure import SqueezeBertTokenizer

__all__ = [
    "AddedToken",
    "BatchEncoding",
    "CharSpan",
    "Encoding",
    "SqueezeBertTokenizer",
    "SqueezeBertTokenizerFast",
    "TokenSpan",
]

_MODULES = {
    "SqueezeBertTokenizer": "squeezebert.tokenization.pure",
    "SqueezeBertTokenizerFast": "squeezebert.tokenization.fast",
}


def __getattr__(name: str) -> Any:
    """Import a tokenizer when it is first used, as most processes use one of the two (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)

"""Text to ids and back: two tokenizers with one interface, one in pure Python and one on Rust."""

from squeezebert.tokenization.encoding import BatchEncoding, CharSpan, Encoding, TokenSpan
from squeezebert.tokenization.fast import SqueezeBertTokenizerFast
from squeezebert.tokenization.vocabulary import AddedToken

__all__ = [
    "AddedToken",
    "BatchEncoding",
    "CharSpan",
    "Encoding",
    "SqueezeBertTokenizerFast",
    "TokenSpan",
]

"""Text to ids and back: two tokenizers with one interface, one in pure Python and one on Rust."""

from squeezebert.tokenization.encoding import BatchEncoding, CharSpan, Encoding, TokenSpan
from squeezebert.tokenization.fast import SqueezeBertTokenizerFast
from squeezebert.tokenization.vocabulary import AddedToken
from squeezebert.tokenization.wordpiece import SqueezeBertTokenizer

__all__ = [
    "AddedToken",
    "BatchEncoding",
    "CharSpan",
    "Encoding",
    "SqueezeBertTokenizer",
    "SqueezeBertTokenizerFast",
    "TokenSpan",
]

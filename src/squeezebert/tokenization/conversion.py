"""Between tokens, ids and text: what both tokenizers share that needs no text to be divided."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, overload

from squeezebert.errors import TokenizerError
from squeezebert.files import make_folder, write_text
from squeezebert.tokenization.store import VOCAB_NAME, vocab_text
from squeezebert.tokenization.tensors import to_list
from squeezebert.tokenization.vocabulary import SPECIAL_TOKENS, AddedToken, Vocabulary

_EXTRA_KEYS = ("additional_special_tokens", "extra_special_tokens")
# What the WordPiece decoder of `tokenizers` replaces, in this order.
_PIECE_CLEANING = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip
# What transformers' `clean_up_tokenization` replaces in a whole text, in this order.
_TEXT_CLEANING = tuple(pair for pair in _PIECE_CLEANING if pair[0] != " do not")


def _token_property(name: str) -> property:
    def read(self: Conversion) -> str:
        return self._vocabulary.specials[name]

    def write(self: Conversion, token: str | AddedToken) -> None:
        self.add_special_tokens({name: token})

    doc = f"The token {SPECIAL_TOKENS[name]}, under the name this vocabulary has for it; a new one is added."
    return property(read, write, doc=doc)


def _id_property(name: str) -> property:
    def read(self: Conversion) -> int:
        return self._vocabulary.ids[self._vocabulary.specials[name]]

    return property(read, doc=f"Id of the token {SPECIAL_TOKENS[name]}.")


class Conversion:
    """Tokens, ids and text into one another, and the tokens that were added to the vocabulary."""

    _vocabulary: Vocabulary
    clean_up_tokenization_spaces: bool

    unk_token, unk_token_id = _token_property("unk_token"), _id_property("unk_token")
    sep_token, sep_token_id = _token_property("sep_token"), _id_property("sep_token")
    pad_token, pad_token_id = _token_property("pad_token"), _id_property("pad_token")
    cls_token, cls_token_id = _token_property("cls_token"), _id_property("cls_token")
    mask_token, mask_token_id = _token_property("mask_token"), _id_property("mask_token")
    pad_token_type_id = 0

    def _prepare(self) -> None:
        """Bring what divides texts up to date with the vocabulary."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Number of ids, added tokens included."""
        return len(self._vocabulary)

    @property
    def vocab_size(self) -> int:
        """Number of pieces, added tokens not included."""
        return len(self._vocabulary.pieces)

    @property
    def special_tokens_map(self) -> dict[str, str]:
        """The five named special tokens by name."""
        return dict(self._vocabulary.specials)

    @property
    def all_special_tokens(self) -> list[str]:
        """All special tokens, each once."""
        return self._vocabulary.special_contents()

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of ``all_special_tokens``, in the same order."""
        return [self._vocabulary.ids[token] for token in self.all_special_tokens]

    def get_vocab(self) -> dict[str, int]:
        """Id of each token, added tokens included."""
        return dict(self._vocabulary.ids)

    @property
    def vocab(self) -> dict[str, int]:
        """What `get_vocab` gives."""
        return self.get_vocab()

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The special and added tokens by their ids, in the order of these."""
        ids = self._vocabulary.ids
        return dict(sorted((ids[content], token) for content, token in self._vocabulary.added.items()))

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """Id of each special or added token, in the order of the ids."""
        return {token.content: index for index, token in self.added_tokens_decoder.items()}

    def get_added_vocab(self) -> dict[str, int]:
        """What `added_tokens_encoder` holds."""
        return self.added_tokens_encoder

    def add_tokens(
        self, new_tokens: str | AddedToken | Iterable[str | AddedToken], special_tokens: bool = False
    ) -> int:
        """Add tokens that are found in a text as a whole.

        Resize the model's embeddings to ``len(tokenizer)`` afterwards.

        Args:
            new_tokens: One token or several. A string becomes an `AddedToken` that is looked for in the
                normalised text, or, if special, in the text as written.
            special_tokens: Whether strings become special tokens.

        Returns:
            How many got a new id; the others were in the vocabulary already.

        Raises:
            TokenizerError: A token is empty, or no string; none is added then.
        """
        several = [new_tokens] if isinstance(new_tokens, (str, AddedToken)) else list(new_tokens)
        added = [
            token if isinstance(token, AddedToken) else AddedToken(token, special_tokens, not special_tokens)
            for token in several
        ]
        # Into a copy: where one token is wrong, none is added.
        vocabulary = self._vocabulary.copy()
        count = sum([vocabulary.add(token) for token in added])
        self._vocabulary = vocabulary
        self._prepare()
        return count

    def add_special_tokens(self, special_tokens_dict: Mapping[str, Any]) -> int:
        """Add special tokens, or give the named ones other contents.

        Args:
            special_tokens_dict: A token for each of the names ``cls_token``, ``sep_token`` … that is to
                change, and a list of further ones under ``additional_special_tokens`` (or
                ``extra_special_tokens``).

        Returns:
            How many got a new id.

        Raises:
            TokenizerError: A name is not known, there is no list of further tokens, or a token is none.
        """
        count, vocabulary = 0, self._vocabulary.copy()
        for name, value in special_tokens_dict.items():
            if name in SPECIAL_TOKENS:
                count += vocabulary.set_special(name, _content(value))
            elif name not in _EXTRA_KEYS:
                raise TokenizerError(f"{name!r} is not one of {', '.join((*SPECIAL_TOKENS, *_EXTRA_KEYS))}")
            # A token is a sequence as well, and would be taken apart.
            elif isinstance(value, (str, AddedToken)) or not isinstance(value, Iterable):
                raise TokenizerError(f"{name} is {value!r}; expected a list of tokens")
            else:
                added = [AddedToken(_content(token), special=True, normalized=False) for token in value]
                count += sum(map(vocabulary.add, added))
        self._vocabulary = vocabulary
        self._prepare()
        return count

    @overload
    def convert_tokens_to_ids(self, tokens: str) -> int: ...
    @overload
    def convert_tokens_to_ids(self, tokens: list[str] | tuple[str, ...]) -> list[int]: ...
    def convert_tokens_to_ids(self, tokens: str | list[str] | tuple[str, ...]) -> int | list[int]:
        """Ids of tokens; a token that is not in the vocabulary gets the id of the unknown token."""
        if isinstance(tokens, str):
            return self._vocabulary.id_of(tokens)
        return [self._vocabulary.id_of(token) for token in tokens]

    @overload
    def convert_ids_to_tokens(self, ids: int, skip_special_tokens: bool = False) -> str: ...
    @overload
    def convert_ids_to_tokens(self, ids: Iterable[int], skip_special_tokens: bool = False) -> list[str]: ...
    def convert_ids_to_tokens(
        self, ids: int | Iterable[int], skip_special_tokens: bool = False
    ) -> str | list[str]:
        """Tokens of ids.

        Raises:
            TokenizerError: An id is outside the vocabulary.
        """
        given = to_list(ids)
        if isinstance(given, Integral):
            return self._token(int(given))
        skipped = set(self.all_special_ids) if skip_special_tokens else set()
        return [self._token(index) for index in map(int, given) if index not in skipped]

    def _token(self, index: int) -> str:
        token = self._vocabulary.token_of(index)
        if token is None:
            raise TokenizerError(f"id {index} is not in the vocabulary of {len(self)} tokens")
        return token

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Join tokens to a text: ``##`` pieces to the piece before, all else with a space between."""
        parts = []
        for index, token in enumerate(tokens):
            if index:
                token = token[2:] if token.startswith("##") else f" {token}"
            parts.append(_clean(token, _PIECE_CLEANING))
        return "".join(parts)

    @overload
    def decode(
        self,
        token_ids: int | Iterable[int],
        skip_special_tokens: bool = ...,
        clean_up_tokenization_spaces: bool | None = ...,
    ) -> str: ...
    @overload
    def decode(
        self,
        token_ids: Iterable[Iterable[int]],
        skip_special_tokens: bool = ...,
        clean_up_tokenization_spaces: bool | None = ...,
    ) -> list[str]: ...
    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
    ) -> str | list[str]:
        """Turn ids back into a text. Case, accents and white space of the original are not restored.

        Args:
            token_ids: One sequence of ids, as a list or an array, or several, as `batch_decode` takes them.
                Ids outside the vocabulary are left out, as in the reference: models may have more rows of
                embeddings than there are tokens.
            skip_special_tokens: Leave special tokens out.
            clean_up_tokenization_spaces: Remove the space before punctuation and English contractions.

        Returns:
            The text; of several sequences a list of texts.
        """
        given = to_list(token_ids)
        values = [given] if isinstance(given, int) else list(given)
        if values and isinstance(to_list(values[0]), (list, tuple)):
            return self.batch_decode(values, skip_special_tokens, clean_up_tokenization_spaces)
        skipped = set(self.all_special_ids) if skip_special_tokens else set()
        found = (self._vocabulary.token_of(index) for index in map(int, values) if index not in skipped)
        text = self.convert_tokens_to_string([token for token in found if token is not None])
        clean = clean_up_tokenization_spaces
        if self.clean_up_tokenization_spaces if clean is None else clean:
            return _clean(text, _TEXT_CLEANING)
        return text

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
    ) -> list[str]:
        """Decode each of several sequences; see `decode`."""
        return [self.decode(ids, skip_special_tokens, clean_up_tokenization_spaces) for ids in sequences]

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Put the special tokens around one or two texts: ``[CLS] A [SEP]`` or ``[CLS] A [SEP] B [SEP]``."""
        first = [self.cls_token_id, *token_ids_0, self.sep_token_id]
        return first if token_ids_1 is None else [*first, *token_ids_1, self.sep_token_id]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Segments of what `build_inputs_with_special_tokens` gives: 0 to the first [SEP], then 1."""
        first = [0] * (len(token_ids_0) + 2)
        return first if token_ids_1 is None else first + [1] * (len(token_ids_1) + 1)

    def get_special_tokens_mask(
        self,
        token_ids_0: Any,
        token_ids_1: Any = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """Mark special tokens with 1 and all others with 0.

        Args:
            token_ids_0: Ids of the first text, or of a finished sequence.
            token_ids_1: Ids of the second text.
            already_has_special_tokens: Whether ``token_ids_0`` is a finished sequence, special tokens
                included; otherwise the mask is for what `build_inputs_with_special_tokens` will give.
        """
        if already_has_special_tokens:
            special = set(self.all_special_ids)
            return [int(index in special) for index in map(int, to_list(token_ids_0))]
        first = [1, *([0] * len(token_ids_0)), 1]
        return first if token_ids_1 is None else [*first, *([0] * len(token_ids_1)), 1]

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str]:
        """Write ``vocab.txt``, or ``<prefix>-vocab.txt``, into a folder and return its path.

        Raises:
            OptionError: The folder cannot be written to.
        """
        folder = Path(save_directory)
        make_folder(folder)
        path = folder / (VOCAB_NAME if filename_prefix is None else f"{filename_prefix}-{VOCAB_NAME}")
        write_text(path, vocab_text(self._vocabulary))
        return (str(path),)


def _content(token: str | AddedToken) -> str:
    return token.content if isinstance(token, AddedToken) else token


def _clean(text: str, replacements: Iterable[tuple[str, str]]) -> str:
    if " " in text:
        for old, new in replacements:
            text = text.replace(old, new)
    return text

"""Pieces, special tokens and added tokens, and the ids of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import NamedTuple

from squeezebert.errors import TokenizerError, is_whole
from squeezebert.tokenization.inputs import check_text

SPECIAL_TOKENS = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}


class AddedToken(NamedTuple):
    """A token that is found in the text as a whole, before it is divided into words.

    Attributes:
        content: The token as it is written.
        special: Left out by ``decode(..., skip_special_tokens=True)``.
        normalized: Looked for in the normalised text, so that case and accents do not matter; otherwise, or
            where normalising leaves nothing of it, in the text as written.
    """

    content: str
    special: bool = False
    normalized: bool = True


def in_order(ids: Mapping[str, int], place: str) -> list[str]:
    """Pieces in the order of their ids.

    Args:
        ids: Id of each piece.
        place: What a message begins with.

    Raises:
        TokenizerError: Ids are no whole numbers, or not 0, 1, 2 … without gaps.
    """
    for piece, index in ids.items():
        if not is_whole(index):
            raise TokenizerError(f"{place}: the id of {piece!r} is {index!r}; expected a whole number")
    pieces = sorted(ids, key=ids.__getitem__)
    for expected, piece in enumerate(pieces):
        if ids[piece] != expected:
            raise TokenizerError(f"{place}: there is no id {expected}; {piece!r} has {ids[piece]}")
    return pieces


def _check_pieces(pieces: list[str]) -> None:
    try:
        # All at once: a cold start waits for it.
        "".join(pieces).encode()
    except (TypeError, UnicodeEncodeError):
        for index, piece in enumerate(pieces):
            check_text(piece, f"the piece of id {index}")
        raise


class Vocabulary:
    """The ids of a tokenizer: pieces in the order of ``vocab.txt``, then the tokens added to them.

    A piece that occurs twice keeps its last id, as in the reference implementation.

    Args:
        pieces: All pieces, in order.
        specials: Special tokens by those names of `SPECIAL_TOKENS` that have other tokens here.
        added: Added tokens, in the order of their ids. Named ones that are neither here nor pieces follow.

    Attributes:
        pieces: All pieces, in order.
        piece_ids: Id of each piece.
        ids: Id of each piece and of each added token.
        specials: Special tokens by the names of `SPECIAL_TOKENS`.
        added: Added tokens, the special ones among them, as they are written.

    Raises:
        TokenizerError: There are no pieces, none of them is the unknown token, or an added token is none.
    """

    def __init__(
        self, pieces: Sequence[str], specials: Mapping[str, str], added: Iterable[AddedToken] = ()
    ) -> None:
        self.pieces = list(pieces)
        _check_pieces(self.pieces)
        self.specials: dict[str, str] = {}
        self.added: dict[str, AddedToken] = {}
        self.piece_ids = dict(zip(self.pieces, range(len(self.pieces)), strict=True))
        self.ids = dict(self.piece_ids)
        self._tokens = list(self.pieces)
        for token in added:
            self.add(token)
        # The order is that of the reference, because it decides the ids of those that are not pieces.
        for name, content in {**SPECIAL_TOKENS, **specials}.items():
            given = self.added.get(content)
            self.set_special(name, content, normalized=given is not None and given.normalized)

    def __len__(self) -> int:
        return len(self._tokens)

    def copy(self) -> Vocabulary:
        """One of its own, to be added to."""
        other = copy(self)
        other.ids, other._tokens = dict(self.ids), list(self._tokens)
        other.specials, other.added = dict(self.specials), dict(self.added)
        return other

    def add(self, token: AddedToken) -> bool:
        """Add a token, or change the properties of one; say whether it got a new id.

        Raises:
            TokenizerError: The token is empty or no string.
        """
        if not isinstance(token, AddedToken):
            kind = f"{type(token).__module__}.{type(token).__name__}"
            raise TokenizerError(f"an added token is a {kind}; give a squeezebert.tokenization.AddedToken")
        check_text(token.content, f"the added token {token.content!r}")
        if not token.content:
            raise TokenizerError("an added token is empty; give it at least one character")
        self.added[token.content] = token
        if token.content in self.ids:
            return False
        self.ids[token.content] = len(self._tokens)
        self._tokens.append(token.content)
        return True

    def set_special(self, name: str, content: str, *, normalized: bool = False) -> bool:
        """Make a token one of the named special ones, and add it if it is new; say whether it got a new id.

        Args:
            name: One of `SPECIAL_TOKENS`.
            content: The token.
            normalized: See `AddedToken`.

        Raises:
            TokenizerError: The token is empty or no string, or the unknown token would be no piece.
        """
        if name == "unk_token" and content not in self.piece_ids:
            raise TokenizerError(
                f"the vocabulary of {len(self.pieces)} pieces lacks the unknown token {content!r}; give one "
                "of them as unk_token"
            )
        is_new = self.add(AddedToken(content, special=True, normalized=normalized))
        self.specials[name] = content
        return is_new

    def id_of(self, token: str) -> int:
        """Id of a token; that of the unknown token if there is none."""
        found = self.ids.get(token)
        return self.ids[self.specials["unk_token"]] if found is None else found

    def token_of(self, index: int) -> str | None:
        """Token of an id; None outside the vocabulary."""
        return self._tokens[index] if 0 <= index < len(self._tokens) else None

    def tokens_of(self, ids: Iterable[int]) -> list[str]:
        """Tokens of ids that are known to be in the vocabulary."""
        return [self._tokens[index] for index in ids]

    def special_contents(self) -> list[str]:
        """All special tokens, each once: the five named ones first."""
        special = [token.content for token in self.added.values() if token.special]
        return list(dict.fromkeys([*self.specials.values(), *special]))

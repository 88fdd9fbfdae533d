"""Which part of a text, or of a pair, goes into which window, when it does not fit into one.

The arithmetic and the order of the windows are those of the `tokenizers` library, the norm of this package.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from squeezebert.errors import TokenizerError
from squeezebert.tokenization.inputs import check_number

Span = tuple[int, int]
Window = tuple[Span, Span | None]

STRATEGIES = ("longest_first", "only_first", "only_second", "do_not_truncate")


class Limit(NamedTuple):
    """How long a sequence may be, and what to do with one that is longer.

    Attributes:
        strategy: One of ``STRATEGIES``: which text to shorten.
        room: Tokens of text in a window, special tokens not counted.
        stride: Tokens that two neighbouring windows share.
        side: "right" starts with the first tokens of the text, "left" with its last ones.
    """

    strategy: str
    room: int
    stride: int
    side: str

    @property
    def truncates(self) -> bool:
        """Whether anything is done with texts that are longer."""
        return self.strategy != "do_not_truncate"

    def exceeded_by(self, length: int) -> bool:
        """Whether texts of so many tokens have to be truncated."""
        return self.truncates and length > self.room


def limit_of(truncation: bool | str, max_length: int, stride: int, specials: int, side: str) -> Limit:
    """Check the options of truncation and put them together.

    Args:
        truncation: One of ``STRATEGIES``; True for "longest_first", False for "do_not_truncate".
        max_length: Tokens per window, special tokens included.
        stride: Tokens that two neighbouring windows share.
        specials: How many special tokens each window has.
        side: "right" or "left".

    Raises:
        TokenizerError: An option has no meaning, or leaves no room for the text.
    """
    wanted: Any = truncation
    if isinstance(truncation, bool):
        wanted = "longest_first" if truncation else "do_not_truncate"
    # Compared, because the text of a member of an enumeration is not its value.
    strategy = next((name for name in STRATEGIES if name == wanted), None)
    if strategy is None:
        raise TokenizerError(f"truncation {truncation!r} is not one of True, False, {', '.join(STRATEGIES)}")
    check_number("max_length", max_length)
    check_number("stride", stride)
    if max_length < 1:
        raise TokenizerError(f"max_length {max_length} is not positive")
    if stride < 0:
        raise TokenizerError(f"stride {stride} is negative")
    room = max_length - specials
    if strategy != "do_not_truncate":
        if room < 0:
            raise TokenizerError(
                f"max_length {max_length} is smaller than the {specials} special tokens; raise max_length"
            )
        if stride and stride >= room:
            raise _stride_error(stride, room)
    return Limit(strategy, room, stride, side)


def plan(first: int, second: int | None, limit: Limit, *, whole: bool) -> list[Window]:
    """Divide a text or pair into windows.

    Args:
        first: Tokens of the first text.
        second: Tokens of the second text; None if there is none.
        limit: How long a window may be.
        whole: Whether all windows are wanted, not only the first one.

    Returns:
        Token ranges of the first and second text, one pair per window. With both texts divided: the first
        window, then every further part of the first text with all parts of the second, then the first part
        of the first text with the further parts of the second.

    Raises:
        TokenizerError: No window can hold what the strategy asks for, or the windows cannot hold the whole.
    """
    if not limit.exceeded_by(first + (second or 0)):
        return [((0, first), None if second is None else (0, second))]
    first_room, second_room = _share(first, second, limit)
    if whole and (first > first_room == 0 or (second or 0) > second_room == 0):
        raise TokenizerError(
            f"a window has room for {limit.room} tokens of text, which is too little for any of the "
            f"{'text' if second is None else 'pair'}; raise max_length"
        )
    heads = _spans(first, first_room, limit)
    if second is None:
        return [(head, None) for head in heads]
    tails = _spans(second, second_room, limit)
    ordered = [(heads[0], tails[0])]
    ordered += [(head, tail) for head in heads[1:] for tail in tails]
    ordered += [(heads[0], tail) for tail in tails[1:]]
    return list[Window](ordered)


def _share(first: int, second: int | None, limit: Limit) -> tuple[int, int]:
    """Tokens of each text that one window holds."""
    if limit.strategy == "only_second":
        if second is None:
            raise TokenizerError("truncation='only_second' needs a second text; use 'only_first'")
        return first, _rest("second", second, first, limit.room)
    if second is None:
        return limit.room, 0
    if limit.strategy == "only_first":
        return _rest("first", first, second, limit.room), second
    return _share_longest_first(first, second, limit.room)


def _share_longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    short, long = sorted((first, second))
    long = short if short > room else max(short, room - short)
    if short + long > room:
        short, long = room // 2, room // 2 + room % 2
    return (short, long) if first <= second else (long, short)


def _rest(name: str, length: int, other: int, room: int) -> int:
    if other >= room:
        raise TokenizerError(
            f"the {name} text has {length} tokens and the other one {other}, which leaves no room in a "
            f"window of {room}; raise max_length or use truncation='longest_first'"
        )
    return room - other


def _spans(length: int, room: int, limit: Limit) -> list[Span]:
    if length <= room:
        return [(0, length)]
    if room == 0:
        return [(0, 0)]
    if limit.stride >= room:
        raise _stride_error(limit.stride, room)
    step = room - limit.stride
    count = -(-(length - room) // step) + 1
    spans = [(index * step, min(index * step + room, length)) for index in range(count)]
    return spans if limit.side == "right" else [(length - stop, length - start) for start, stop in spans]


def _stride_error(stride: int, room: int) -> TokenizerError:
    return TokenizerError(
        f"stride {stride} is not smaller than the {room} tokens of text that a window holds; "
        "lower stride or raise max_length"
    )

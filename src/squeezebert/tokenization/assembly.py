"""One window: the parts of one or two texts that belong to it, with the special tokens around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from squeezebert.tokenization.encoding import Encoding, Offset
from squeezebert.tokenization.vocabulary import Vocabulary
from squeezebert.tokenization.windows import Span, Window


class Pieces(Protocol):
    """A text divided into pieces, without special tokens around it."""

    @property
    def ids(self) -> list[int]:
        """Id of each piece."""

    @property
    def offsets(self) -> list[Offset]:
        """Characters (start, end) of each piece, in the text or, if it was given as words, in the word."""

    @property
    def word_ids(self) -> list[int | None]:
        """Index of the word of each piece."""


def assemble(
    first: Pieces,
    second: Pieces | None,
    plan: list[Window],
    vocabulary: Vocabulary,
    *,
    add_special_tokens: bool,
    truncated: bool,
) -> Iterator[Encoding]:
    """Build the windows of a text or pair: ``[CLS] A [SEP]`` or ``[CLS] A [SEP] B [SEP]``.

    Args:
        first: The first text.
        second: The second text; None if there is none.
        plan: Which tokens of the texts go into which window.
        vocabulary: Gives the special tokens.
        add_special_tokens: Whether to put [CLS] and [SEP] around the texts.
        truncated: Whether the texts did not fit into one window.
    """
    # Read once: each access to the attributes of a Rust encoding copies the whole text.
    texts = [(text.ids, text.offsets, text.word_ids) for text in (first, second) if text is not None]
    cls_id = vocabulary.ids[vocabulary.specials["cls_token"]]
    sep_id = vocabulary.ids[vocabulary.specials["sep_token"]]
    for window in plan:
        row = Encoding([], [], [], [], [], [], [])
        if add_special_tokens:
            _append_special(row, cls_id, 0)
        for segment, (text, span) in enumerate(zip(texts, window, strict=False)):
            _append_text(row, text, span or (0, 0), segment)
            if add_special_tokens:
                _append_special(row, sep_id, segment)
        row.tokens = vocabulary.tokens_of(row.ids)
        row.attention_mask = [1] * len(row.ids)
        row.truncated = truncated
        yield row


def _append_special(row: Encoding, index: int, segment: int) -> None:
    row.ids.append(index)
    row.type_ids.append(segment)
    row.offsets.append((0, 0))
    row.word_ids.append(None)
    row.sequence_ids.append(None)
    row.special_tokens_mask.append(1)


def _append_text(
    row: Encoding, text: tuple[list[int], list[Offset], list[int | None]], span: Span, segment: int
) -> None:
    start, stop = span
    ids, offsets, word_ids = text
    row.ids += ids[start:stop]
    row.type_ids += [segment] * (stop - start)
    row.offsets += offsets[start:stop]
    row.word_ids += word_ids[start:stop]
    row.sequence_ids += [segment] * (stop - start)
    row.special_tokens_mask += [0] * (stop - start)

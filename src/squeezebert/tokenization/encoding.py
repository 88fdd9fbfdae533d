"""What a tokenizer gives back: one `Encoding` per window, and a `BatchEncoding` of columns over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from squeezebert.tokenization.tensors import to_tensor

Offset = tuple[int, int]


class CharSpan(NamedTuple):
    """Characters ``text[start:end]``."""

    start: int
    end: int


class TokenSpan(NamedTuple):
    """Tokens ``start`` to ``end``, the latter not included."""

    start: int
    end: int


@dataclass(slots=True)
class Encoding:
    """One window of a text or pair, ready for the model; every list has one item per token.

    Attributes:
        ids: Row of each token in the embedding table.
        type_ids: Segment of each token: 0 for the first text, 1 for the second.
        tokens: The tokens as strings.
        offsets: Characters (start, end) of the original text; (0, 0) for special tokens and padding. Of
            a text given as words: characters within the word.
        word_ids: Index of the word that the token belongs to; None for special tokens and padding.
        sequence_ids: 0 for tokens of the first text, 1 for the second; None for special tokens and padding.
        special_tokens_mask: 1 for the special tokens that the tokenizer added and for padding, else 0.
        attention_mask: 0 for padding, else 1.
        truncated: Whether the text did not fit into one window, so that some of it is not here.
    """

    ids: list[int]
    type_ids: list[int]
    tokens: list[str]
    offsets: list[Offset]
    word_ids: list[int | None]
    sequence_ids: list[int | None]
    special_tokens_mask: list[int]
    attention_mask: list[int] = field(default_factory=list)
    truncated: bool = False

    def __post_init__(self) -> None:
        self.attention_mask = self.attention_mask or [1] * len(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def padded(self, length: int, side: str, pad_token: str, pad_id: int) -> Encoding:
        """Return an encoding of at least ``length`` tokens; ``side`` is "left" or "right"."""
        missing = length - len(self.ids)
        if missing <= 0:
            return self

        def pad(values: list[Any], value: Any) -> list[Any]:
            return [value] * missing + values if side == "left" else values + [value] * missing

        return Encoding(
            ids=pad(self.ids, pad_id),
            type_ids=pad(self.type_ids, 0),
            tokens=pad(self.tokens, pad_token),
            offsets=pad(self.offsets, (0, 0)),
            word_ids=pad(self.word_ids, None),
            sequence_ids=pad(self.sequence_ids, None),
            special_tokens_mask=pad(self.special_tokens_mask, 1),
            attention_mask=pad(self.attention_mask, 0),
            truncated=self.truncated,
        )


class BatchEncoding(MutableMapping[str, Any]):
    """Named columns, such as ``input_ids``, that unpack into a model's arguments: ``model(**batch)``.

    The columns are lists, or arrays of shape ``[batch, tokens]`` when tensors were asked for. Columns are
    also attributes: ``batch.input_ids``. An integer index gives the `Encoding` of one row, a slice those of
    some.

    Attributes:
        data: The columns by name.
        encodings: One `Encoding` per row; empty for a batch that was not made by a tokenizer call.
        truncated: For each text that was passed, whether something was cut off or moved to a further window.
        n_sequences: 1 for texts, 2 for pairs; None for a batch that was not made by a tokenizer call.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        encodings: Sequence[Encoding] = (),
        truncated: Sequence[bool] = (),
        n_sequences: int | None = None,
    ) -> None:
        self.data: dict[str, Any] = dict(data or {})
        self.encodings = list(encodings)
        self.truncated = list(truncated)
        self.n_sequences = n_sequences

    def __getitem__(self, key: str | int | slice) -> Any:
        return self.encodings[key] if isinstance(key, (int, slice)) else self.data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.data[key] = value

    def __delitem__(self, key: str) -> None:
        del self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __getattr__(self, name: str) -> Any:
        # `data` itself is missing while an object is being unpickled.
        if name != "data" and name in self.data:
            return self.data[name]
        raise AttributeError(f"BatchEncoding has no attribute or column {name!r}")

    def __repr__(self) -> str:
        return repr(self.data)

    @property
    def is_fast(self) -> bool:
        """Whether there are encodings to look words and characters up in; both tokenizers give them."""
        return bool(self.encodings)

    def copy(self) -> BatchEncoding:
        """Return a batch with the same columns and encodings that can be given others."""
        return BatchEncoding(self.data, self.encodings, self.truncated, self.n_sequences)

    def convert_to_tensors(self, tensor_type: str) -> BatchEncoding:
        """Turn the columns into arrays, in place.

        Args:
            tensor_type: "np" for numpy, "pt" for torch.

        Raises:
            TokenizerError: The rows differ in length, or ``tensor_type`` is another word.
            MissingExtraError: Torch is wanted and not installed.
        """
        self.data = {name: to_tensor(name, column, tensor_type) for name, column in self.data.items()}
        return self

    def to(self, device: Any, **options: Any) -> BatchEncoding:
        """Move the torch tensors among the columns to a device, in place."""
        self.data = {
            name: column.to(device, **options) if hasattr(column, "to") else column
            for name, column in self.data.items()
        }
        return self

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The tokens of a row as strings."""
        return self.encodings[batch_index].tokens

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """Index of the word of each token of a row; None for special tokens and padding."""
        return self.encodings[batch_index].word_ids

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """0 or 1 for tokens of the first or second text; None for special tokens and padding."""
        return self.encodings[batch_index].sequence_ids

    # The methods below take (row, index) or, for a batch of one row, the index alone; arguments are named as
    # in transformers.

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> CharSpan | None:
        """Characters of a token; None for special tokens and padding."""
        encoding, index = self._row(batch_or_token_index, token_index)
        return None if encoding.sequence_ids[index] is None else CharSpan(*encoding.offsets[index])

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """Index of the word of a token; None for special tokens and padding."""
        encoding, index = self._row(batch_or_token_index, token_index)
        return encoding.word_ids[index]

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """0 or 1 for a token of the first or second text; None for special tokens and padding."""
        encoding, index = self._row(batch_or_token_index, token_index)
        return encoding.sequence_ids[index]

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """Index of the token that holds a character; None for white space and characters cut off."""
        encoding, position = self._row(batch_or_char_index, char_index)
        for index, (start, end) in enumerate(encoding.offsets):
            if start <= position < end and encoding.sequence_ids[index] == sequence_index:
                return index
        return None

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        """Tokens of a word; None for a word without tokens or one that was cut off."""
        encoding, wanted = self._row(batch_or_word_index, word_index)
        found = [
            index
            for index, word_id in enumerate(encoding.word_ids)
            if word_id == wanted and encoding.sequence_ids[index] == sequence_index
        ]
        return TokenSpan(found[0], found[-1] + 1) if found else None

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> CharSpan | None:
        """Characters of a word; None for a word without tokens or one that was cut off."""
        encoding, _ = self._row(batch_or_word_index, word_index)
        span = self.word_to_tokens(batch_or_word_index, word_index, sequence_index)
        if span is None:
            return None
        return CharSpan(encoding.offsets[span.start][0], encoding.offsets[span.end - 1][1])

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """Index of the word that holds a character; None for white space and characters cut off."""
        encoding, _ = self._row(batch_or_char_index, char_index)
        token = self.char_to_token(batch_or_char_index, char_index, sequence_index)
        return None if token is None else encoding.word_ids[token]

    def _row(self, row_or_index: int, index: int | None) -> tuple[Encoding, int]:
        return (self.encodings[0], row_or_index) if index is None else (self.encodings[row_or_index], index)

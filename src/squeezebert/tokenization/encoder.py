"""From texts to encodings: all of it but the division of one text into pieces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from squeezebert.errors import TokenizerError
from squeezebert.tokenization.assembly import Pieces, assemble
from squeezebert.tokenization.conversion import Conversion
from squeezebert.tokenization.encoding import BatchEncoding, Encoding
from squeezebert.tokenization.inputs import Inputs, check_text, parse
from squeezebert.tokenization.padding import check_side, pad_features, target_length
from squeezebert.tokenization.tensors import to_list
from squeezebert.tokenization.windows import Limit, limit_of, plan


class Encoder(Conversion, ABC):
    """Texts to ids, with pairs, truncation, windows and padding."""

    is_fast = False
    model_input_names = ("input_ids", "token_type_ids", "attention_mask")

    model_max_length: int
    padding_side: str
    truncation_side: str

    @abstractmethod
    def _divide(self, texts: Sequence[str]) -> Sequence[Pieces]:
        """Divide texts into pieces."""

    @abstractmethod
    def _divide_words(self, texts: Sequence[Sequence[str]]) -> Sequence[Pieces]:
        """Divide texts, each given as a list of words, into pieces."""

    def __call__(
        self,
        text: Any,
        text_pair: Any = None,
        *,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool = True,
        return_attention_mask: bool = True,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Turn a text, a pair, or a batch of either into ids.

        Args:
            text: A string, a list of strings, or a list of pairs of strings. With ``is_split_into_words``
                a list of words, or a list of lists of words.
            text_pair: Second text, in the same form as ``text``.
            add_special_tokens: Put [CLS] and [SEP] around the texts.
            padding: False; True or "longest" for the longest row of the batch; "max_length".
            truncation: False or "do_not_truncate"; True or "longest_first"; "only_first"; "only_second".
                If left out, a text is truncated where ``max_length`` is given without padding.
            max_length: Tokens per row, special tokens included; ``model_max_length`` if None.
            stride: Tokens that two neighbouring windows of a text share.
            is_split_into_words: Whether texts are lists of words.
            pad_to_multiple_of: Round the padded length up to a multiple of this.
            padding_side: "right" or "left", instead of the tokenizer's own.
            return_tensors: None for lists, "np" or "pt" for arrays of int64.
            return_token_type_ids: Give ``token_type_ids``.
            return_attention_mask: Give ``attention_mask``.
            return_overflowing_tokens: Give all windows of a text that is too long, one row each, and
                ``overflow_to_sample_mapping``: which text a row belongs to.
            return_special_tokens_mask: Give ``special_tokens_mask``.
            return_offsets_mapping: Give ``offset_mapping``, characters (start, end) of the text; with
                ``is_split_into_words``, of the word.
            return_length: Give ``length``, the tokens of each row, padding included; always a list.
            verbose: Changes nothing, as there are no warnings; callers of transformers give it.

        Returns:
            The columns, each ``[batch, tokens]``; of a single text without tensors and overflow ``[tokens]``.

        Raises:
            TokenizerError: A text or an option is not as described, or they do not fit together.
            MissingExtraError: ``return_tensors="pt"`` without torch.
        """
        given = parse(text, text_pair, is_split_into_words=is_split_into_words)
        if truncation is None:
            truncation = max_length is not None and padding is False
        specials = self._count_specials(given, add_special_tokens)
        limit = self._limit(truncation, max_length, stride, specials)
        samples = list(
            self._encode(
                given,
                limit,
                is_split_into_words=is_split_into_words,
                add_special_tokens=add_special_tokens,
                whole=return_overflowing_tokens,
            )
        )
        rows = [row for sample in samples for row in sample]
        length = self._padding([len(row) for row in rows], padding, max_length, pad_to_multiple_of)
        if length and limit.truncates and (limit.room + specials) % (pad_to_multiple_of or 1):
            raise TokenizerError(
                f"max_length {limit.room + specials} is no multiple of pad_to_multiple_of "
                f"{pad_to_multiple_of}, so texts would be cut and padded beyond it; give one that is"
            )
        side = self._side(padding_side)
        rows = [row.padded(length, side, self.pad_token, self.pad_token_id) for row in rows]
        columns: dict[str, list[Any]] = {"input_ids": [row.ids for row in rows]}
        if return_token_type_ids:
            columns["token_type_ids"] = [row.type_ids for row in rows]
        if return_attention_mask:
            columns["attention_mask"] = [row.attention_mask for row in rows]
        if return_special_tokens_mask:
            columns["special_tokens_mask"] = [row.special_tokens_mask for row in rows]
        if return_offsets_mapping:
            columns["offset_mapping"] = [row.offsets for row in rows]
        if return_length:
            columns["length"] = [len(row) for row in rows]
        if not given.batched and return_tensors is None and not return_overflowing_tokens:
            # As in the reference, which takes the first only of what is a list itself.
            columns = {name: column if name == "length" else column[0] for name, column in columns.items()}
        if return_overflowing_tokens:
            owners = [index for index, sample in enumerate(samples) for _ in sample]
            columns["overflow_to_sample_mapping"] = owners
        truncated = [sample[0].truncated for sample in samples]
        batch = BatchEncoding(columns, rows, truncated, 1 if given.second is None else 2)
        return batch if return_tensors is None else batch.convert_to_tensors(return_tensors)

    def tokenize(self, text: str, pair: str | None = None, add_special_tokens: bool = False) -> list[str]:
        """Divide a text or pair into tokens, as strings."""
        return self(text, pair, add_special_tokens=add_special_tokens).tokens()

    def encode(self, text: Any, text_pair: Any = None, **options: Any) -> list[int]:
        """Divide one text or pair into ids; the options are those of a call."""
        ids: list[int] = self(text, text_pair, **options)["input_ids"]
        return ids

    def piece_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Divide many texts into ids, without special tokens and limits: the quick way for large corpora.

        Raises:
            TokenizerError: A text is not a string.
        """
        if isinstance(texts, str):
            raise TokenizerError("texts is a string, whose letters would be the texts; give a list of texts")
        for row, text in enumerate(texts):
            check_text(text, f"texts[{row}]")
        return [pieces.ids for pieces in self._divide(texts)]

    def encode_windows(
        self,
        text: str | Sequence[str],
        text_pair: str | Sequence[str] | None = None,
        *,
        max_length: int | None = None,
        stride: int = 0,
        truncation: str = "longest_first",
        is_split_into_words: bool = False,
    ) -> list[Encoding]:
        """Divide one text or pair into as many windows as it takes; nothing of it is lost.

        Args:
            text: A text, or its words.
            text_pair: A second text, or its words.
            max_length: Tokens of a window at most, special tokens included; ``model_max_length`` if None.
            stride: Tokens of the text that two neighbouring windows share.
            truncation: Which text is divided: "longest_first", "only_first" or "only_second".
            is_split_into_words: Whether texts are lists of words.

        Returns:
            The windows, each with its special tokens; one if the text fits.

        Raises:
            TokenizerError: A text is not a string, or a window has no room for the text and the stride.
        """
        given = parse(text, text_pair, is_split_into_words=is_split_into_words)
        if given.batched:
            raise TokenizerError("encode_windows takes one text or pair, not a batch")
        limit = self._limit(truncation, max_length, stride, self._count_specials(given, True))
        encodings = self._encode(
            given, limit, is_split_into_words=is_split_into_words, add_special_tokens=True, whole=True
        )
        return next(encodings)

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_attention_mask: bool | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pad rows that were tokenised before; data collators call this batch by batch.

        Args:
            encoded_inputs: Columns by name, of a batch or of one text, or a list of rows, each a mapping.
                ``input_ids`` must be there; ``attention_mask`` is added; columns that are not the tokenizer's
                own are passed on.
            padding: As in a call.
            max_length: Length for ``padding="max_length"``; ``model_max_length`` if None.
            pad_to_multiple_of: Round the padded length up to a multiple of this.
            padding_side: "right" or "left", instead of the tokenizer's own.
            return_tensors: None for lists, "np" or "pt" for arrays.
            return_attention_mask: False leaves it out of the columns.
            verbose: Without effect; collators of transformers pass it.

        Returns:
            The columns, each ``[batch, tokens]``; of one text ``[tokens]``.

        Raises:
            TokenizerError: A row lacks ``input_ids`` or another column of the first, or an option is wrong.
        """
        columns = _columns(encoded_inputs)
        ids = columns["input_ids"]
        single = len(ids) > 0 and isinstance(to_list(ids[0]), int)
        if single:
            columns = {name: [column] for name, column in columns.items()}
        lengths = [len(row) for row in columns["input_ids"]]
        length = self._padding(lengths, padding, max_length, pad_to_multiple_of)
        side = self._side(padding_side)
        values = {
            "input_ids": self.pad_token_id,
            "token_type_ids": self.pad_token_type_id,
            "attention_mask": 0,
            "special_tokens_mask": 1,
        }
        padded: dict[str, Any] = pad_features(columns, length, side=side, values=values)
        if return_attention_mask is False:
            del padded["attention_mask"]
        if single:
            padded = {name: column[0] for name, column in padded.items()}
        batch = BatchEncoding(padded)
        return batch if return_tensors is None else batch.convert_to_tensors(return_tensors)

    def _count_specials(self, given: Inputs, add_special_tokens: bool) -> int:
        pair = given.second is not None
        return self.num_special_tokens_to_add(pair) if add_special_tokens else 0

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Special tokens around a text (2) or a pair (3)."""
        return 3 if pair else 2

    @property
    def max_len_single_sentence(self) -> int:
        """Tokens of a text that the model can read at once, special tokens not included."""
        return self.model_max_length - self.num_special_tokens_to_add()

    @property
    def max_len_sentences_pair(self) -> int:
        """Tokens of a pair that the model can read at once, special tokens not included."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)

    def _limit(self, truncation: bool | str, max_length: int | None, stride: int, specials: int) -> Limit:
        length = self.model_max_length if max_length is None else max_length
        return limit_of(truncation, length, stride, specials, self.truncation_side)

    def _encode(
        self,
        given: Inputs,
        limit: Limit,
        *,
        is_split_into_words: bool,
        add_special_tokens: bool,
        whole: bool,
    ) -> Iterator[list[Encoding]]:
        """The windows of each text or pair: all of them, or the first."""
        divide = self._divide_words if is_split_into_words else self._divide
        pieces = divide([*given.first, *(given.second or [])])
        count = len(given.first)
        for index, first in enumerate(pieces[:count]):
            second = None if given.second is None else pieces[count + index]
            lengths = len(first.ids), None if second is None else len(second.ids)
            windows = plan(*lengths, limit, whole=whole)
            encodings = assemble(
                first,
                second,
                windows if whole else windows[:1],
                self._vocabulary,
                add_special_tokens=add_special_tokens,
                truncated=limit.exceeded_by(lengths[0] + (lengths[1] or 0)),
            )
            yield list(encodings)

    def _padding(
        self, lengths: list[int], padding: bool | str, max_length: int | None, multiple: int | None
    ) -> int:
        longest = self.model_max_length if max_length is None else max_length
        return target_length(lengths, padding, longest, multiple)

    def _side(self, padding_side: str | None) -> str:
        side = self.padding_side if padding_side is None else padding_side
        check_side("padding_side", side)
        return side


def _columns(encoded_inputs: Any) -> dict[str, Any]:
    rows = encoded_inputs
    if not isinstance(rows, Mapping):
        encoded_inputs = list(encoded_inputs)
        for number, row in enumerate(encoded_inputs, 1):
            if not isinstance(row, Mapping):
                raise TokenizerError(
                    f"row {number} is of type {type(row).__name__}; rows have columns by name, such as "
                    "{'input_ids': [101, 102]}"
                )
        names = list(encoded_inputs[0]) if encoded_inputs else []
        for number, row in enumerate(encoded_inputs, 1):
            if missing := [name for name in names if name not in row]:
                raise TokenizerError(f"row {number} has no {missing[0]!r}, which the first row has")
        rows = {name: [row[name] for row in encoded_inputs] for name in names}
    if "input_ids" not in rows:
        raise TokenizerError(f"features have no 'input_ids', only {sorted(rows)}; tokenise them first")
    return dict(rows)

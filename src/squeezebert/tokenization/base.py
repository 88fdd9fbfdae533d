"""What a tokenizer is made of, and how it is loaded, saved and trained."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from squeezebert.errors import CheckpointError, TokenizerError
from squeezebert.files import locate
from squeezebert.tokenization import store
from squeezebert.tokenization.division import Divider
from squeezebert.tokenization.encoder import Encoder
from squeezebert.tokenization.inputs import check_number
from squeezebert.tokenization.padding import check_side
from squeezebert.tokenization.training import train_vocabulary
from squeezebert.tokenization.vocabulary import SPECIAL_TOKENS, AddedToken, Vocabulary, in_order

_LEAST_SHARE = 0.9
"""A tokenizer fits where this share of the rows of embeddings has a token; the others round their number."""

Tokenizer = TypeVar("Tokenizer", bound="BaseTokenizer")


class BaseTokenizer(Encoder):
    """What `SqueezeBertTokenizer` and `SqueezeBertTokenizerFast` have in common.

    Args:
        vocab: A ``vocab.txt``, the pieces in the order of their ids, or the id of each piece.
        do_lower_case: Lower-case the text.
        strip_accents: Remove accents; None for the same as ``do_lower_case``.
        tokenize_chinese_chars: Make each CJK ideograph a word.
        unk_token: Stands for words that the pieces cannot spell.
        sep_token: Ends a text.
        pad_token: Fills short rows of a batch.
        cls_token: Begins a sequence.
        mask_token: Stands for a word to be predicted.
        model_max_length: Tokens that the model can read at once.
        padding_side: "right" or "left".
        truncation_side: The side that is cut off.
        clean_up_tokenization_spaces: Whether `decode` does so by default.
        added_tokens: Tokens beyond the vocabulary, in the order of their ids. Special tokens named above that
            are neither here nor in the vocabulary follow them.

    Raises:
        TokenizerError: The vocabulary is empty, has gaps or lacks the unknown token, or an option is wrong.
    """

    name_or_path = ""
    """What the tokenizer was loaded by."""

    def __init__(
        self,
        vocab: str | os.PathLike[str] | Sequence[str] | Mapping[str, int],
        *,
        do_lower_case: bool = True,
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool = True,
        unk_token: str = "[UNK]",
        sep_token: str = "[SEP]",
        pad_token: str = "[PAD]",
        cls_token: str = "[CLS]",
        mask_token: str = "[MASK]",
        model_max_length: int = store.MAX_LENGTH,
        padding_side: str = "right",
        truncation_side: str = "right",
        clean_up_tokenization_spaces: bool = False,
        added_tokens: Iterable[AddedToken] = (),
    ) -> None:
        check_side("padding_side", padding_side)
        check_side("truncation_side", truncation_side)
        check_number("model_max_length", model_max_length)
        for name, value, allowed in (
            ("do_lower_case", do_lower_case, (True, False)),
            ("strip_accents", strip_accents, (True, False, None)),
            ("tokenize_chinese_chars", tokenize_chinese_chars, (True, False)),
            ("clean_up_tokenization_spaces", clean_up_tokenization_spaces, (True, False)),
        ):
            if not any(value is choice for choice in allowed):
                raise TokenizerError(f"{name} is {value!r}; expected {' or '.join(map(str, allowed))}")
        self._vocabulary = Vocabulary(
            _pieces(vocab),
            {
                "unk_token": unk_token,
                "sep_token": sep_token,
                "pad_token": pad_token,
                "cls_token": cls_token,
                "mask_token": mask_token,
            },
            added_tokens,
        )
        self.do_lower_case = do_lower_case
        self.strip_accents = strip_accents
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.model_max_length = model_max_length
        self.padding_side = padding_side
        self.truncation_side = truncation_side
        self.clean_up_tokenization_spaces = clean_up_tokenization_spaces
        self._prepare()

    def _make_divider(self) -> Divider:
        return Divider(
            self._vocabulary,
            do_lower_case=self.do_lower_case,
            strip_accents=self.strip_accents,
            tokenize_chinese_chars=self.tokenize_chinese_chars,
        )

    @classmethod
    def from_pretrained(
        cls: type[Tokenizer],
        name_or_path: str | Path,
        *,
        revision: str | None = None,
        local_files_only: bool = False,
        **overrides: Any,
    ) -> Tokenizer:
        """Load the tokenizer of a checkpoint folder, an embedded model or a model on the hub.

        Args:
            name_or_path: Folder, embedded name or hub name.
            revision: Branch, tag or commit on the hub.
            local_files_only: Do not download.
            **overrides: Arguments of the constructor that go before what the files say.

        Raises:
            CheckpointError: There is no such folder or model.
            TokenizerError: Its tokenizer files are missing, unreadable, or not WordPiece as BERT has it.
        """
        folder = locate(name_or_path, store.FILE_NAMES, revision=revision, local_files_only=local_files_only)
        made = cls(**store.read_folder(folder, overrides))
        made.name_or_path = str(name_or_path)
        return made

    def fits(self, rows: int) -> bool:
        """Whether a model with so many word embeddings has one for each token, and not many for none."""
        return _LEAST_SHARE * rows <= len(self) <= rows

    def check_embeddings(self, rows: int, place: str = "") -> None:
        """See that the tokenizer can be that of a model.

        Args:
            rows: Word embeddings of the model.
            place: What the message begins with.

        Raises:
            CheckpointError: There are fewer than tokens, or more than tables are padded with.
        """
        if not self.fits(rows):
            remedy = "they do not belong together: fetch vocab.txt and the weights of one model"
            if self.vocab_size <= rows < len(self):
                remedy = (
                    "for the tokens that were added call resize_token_embeddings(len(tokenizer)) of the model"
                )
            raise CheckpointError(
                f"{place}the tokenizer has {len(self)} tokens and the model {rows} word embeddings; {remedy}"
            )

    def save_pretrained(self, save_directory: str | os.PathLike[str]) -> tuple[str, ...]:
        """Write the tokenizer files, readable by this package and by transformers, and return their paths.

        Raises:
            OptionError: The folder cannot be written to.
        """
        return tuple(map(str, store.write_folder(Path(save_directory), self._vocabulary, self._options())))

    def file_texts(self) -> dict[str, str]:
        """The content of the files that :meth:`save_pretrained` writes, by their names."""
        return store.folder_texts(self._vocabulary, self._options())

    def with_pieces(self: Tokenizer, ids: Iterable[int]) -> Tokenizer:
        """Return a tokenizer that has only some of the pieces, in the same order, with new ids without gaps.

        Special and added tokens stay, whether they are among them or not. A text whose pieces all stay is
        divided into the same pieces: the longest that fits is still there, and no longer one is new.
        """
        vocabulary = self._vocabulary
        kept = {*ids, *(vocabulary.ids[content] for content in vocabulary.added)}
        # Of a piece that occurs twice, the last one counts.
        pieces = [p for i, p in enumerate(vocabulary.pieces) if i in kept and vocabulary.ids[p] == i]
        added = sorted(vocabulary.added.values(), key=lambda token: vocabulary.ids[token.content])
        options: dict[str, Any] = {**vocabulary.specials, **self._options()}
        return type(self)(pieces, added_tokens=added, **options)

    @classmethod
    def train_from_iterator(
        cls: type[Tokenizer],
        texts: Iterable[str],
        vocab_size: int,
        *,
        min_frequency: int = 2,
        limit_alphabet: int = 1000,
        **options: Any,
    ) -> Tokenizer:
        """Learn a vocabulary from texts and return a tokenizer with it.

        Of pieces that are equally frequent each run may take other ones.

        Args:
            texts: The training texts, read once.
            vocab_size: Pieces to learn at most, the five special tokens included.
            min_frequency: How often a pair of pieces has to occur to become a piece.
            limit_alphabet: Different characters to keep at most.
            **options: Further arguments of the constructor.

        Raises:
            TokenizerError: ``vocab_size`` does not hold the special tokens and all characters, or ``texts``
                is a single string.
        """
        # [PAD] comes first, because models take 0 as its id.
        names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
        start = cls([options.get(name, SPECIAL_TOKENS[name]) for name in names], **options)
        pieces = train_vocabulary(
            texts,
            store.describe(start._vocabulary, start._options()),
            vocab_size=vocab_size,
            min_frequency=min_frequency,
            limit_alphabet=limit_alphabet,
        )
        return cls(pieces, **options)

    def _options(self) -> dict[str, Any]:
        """What ``tokenizer_config.json`` says besides the tokens."""
        return {
            "do_lower_case": self.do_lower_case,
            "strip_accents": self.strip_accents,
            "tokenize_chinese_chars": self.tokenize_chinese_chars,
            "model_max_length": self.model_max_length,
            "padding_side": self.padding_side,
            "truncation_side": self.truncation_side,
            "clean_up_tokenization_spaces": self.clean_up_tokenization_spaces,
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vocab_size} pieces, model_max_length={self.model_max_length})"


def _pieces(vocab: str | os.PathLike[str] | Sequence[str] | Mapping[str, int]) -> Sequence[str]:
    """The pieces of a vocabulary in the order of their ids."""
    if isinstance(vocab, (str, os.PathLike)):
        return store.read_vocab(Path(vocab))
    if isinstance(vocab, Mapping):
        return in_order(vocab, "vocab")
    if not isinstance(vocab, Sequence):
        raise TokenizerError(
            f"vocab is a {type(vocab).__name__}; expected a file, pieces, or the id of each piece"
        )
    return vocab

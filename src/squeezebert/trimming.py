"""A checkpoint to one with the vocabulary of a corpus: fewer embeddings, all else untouched; no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from squeezebert.checkpoints import StoredCheckpoint, read_stored, write_stored
from squeezebert.checkpoints.arrays import bytes_of
from squeezebert.checkpoints.matching import check_tied
from squeezebert.checkpoints.names import TIED_COPIES, WORD_EMBEDDINGS
from squeezebert.checkpoints.quantized import SCALE_SUFFIX, is_about_codes
from squeezebert.engine.backend import BASE
from squeezebert.engine.weights import fitting
from squeezebert.errors import CheckpointError, DataError, OptionError, is_whole
from squeezebert.files import locate
from squeezebert.inspection import check_output
from squeezebert.tokenization import Encoding, SqueezeBertTokenizerFast
from squeezebert.tokenization.store import CONFIG_NAME, FILE_NAMES, VOCAB_NAME, files_of, remove_others

Words = Counter[tuple[int, ...]]
"""How often a corpus has each word, spelled in the ids of its pieces."""

# With one row for each id of the vocabulary.
_BY_PIECE = (WORD_EMBEDDINGS, *TIED_COPIES, *TIED_COPIES.values())
_TEXTS_AT_ONCE = 512


@dataclass(frozen=True)
class Selection:
    """Which pieces to keep, besides special and added tokens.

    Attributes:
        keep: So many pieces, the most frequent ones of the corpus.
        coverage: The most frequent pieces that make up this share of the corpus' tokens; 1.0 for every
            piece that occurs.
        characters: Also keep all pieces of one character, at the start of a word and within, so that words
            which the corpus lacks can still be spelled.

    Raises:
        OptionError: ``keep`` is negative, ``coverage`` is no share, or both are given.
    """

    keep: int | None = None
    coverage: float | None = None
    characters: bool = True

    def __post_init__(self) -> None:
        if self.keep is not None and self.coverage is not None:
            raise OptionError("keep and coverage both say how many pieces to keep; give one of them")
        if self.keep is not None and self.keep < 0:
            raise OptionError(f"keep {self.keep} is negative")
        if self.coverage is not None and not 0 <= self.coverage <= 1:
            raise OptionError(f"coverage {self.coverage} is not a share from 0 to 1")

    def of(self, tokenizer: SqueezeBertTokenizerFast, words: Words) -> set[int]:
        """The ids of the pieces to keep."""
        counts: Counter[int] = Counter()
        for word, count in words.items():
            for piece in word:
                counts[piece] += count
        frequent = sorted(counts, key=lambda piece: (-counts[piece], piece))
        kept = set(frequent[: self._number([counts[piece] for piece in frequent])])
        if self.characters:
            kept |= {i for piece, i in tokenizer.get_vocab().items() if len(piece.removeprefix("##")) == 1}
        return kept

    def _number(self, counts: list[int]) -> int:
        if self.coverage is None:
            return len(counts) if self.keep is None else self.keep
        needed = self.coverage * sum(counts)
        # How many sums of the first counts, that of none included, are still too small.
        return sum(covered < needed for covered in islice(accumulate(counts, initial=0), len(counts)))


@dataclass(frozen=True)
class Trimming:
    """A checkpoint whose vocabulary is to be trimmed.

    Attributes:
        before: What was read.
        after: What to write: the same numbers, with fewer rows.
        tokenizer_before: The one that was read.
        tokenizer_after: The one to write.
        output: The folder to write.
        tokenizer_files: Content of the tokenizer files to write beside the weights, by name.
        words: The corpus in the pieces of ``tokenizer_before``.
    """

    before: StoredCheckpoint
    after: StoredCheckpoint
    tokenizer_before: SqueezeBertTokenizerFast
    tokenizer_after: SqueezeBertTokenizerFast
    output: Path
    tokenizer_files: dict[str, str]
    words: Words

    @classmethod
    def read(
        cls, name_or_path: str | Path, output: str | Path, texts: Iterable[str], selection: Selection
    ) -> Trimming:
        """Read a checkpoint, its tokenizer and the corpus.

        Args:
            name_or_path: Folder, embedded name or hub name.
            output: The folder to write; it may exist.
            texts: The corpus, read once; it need not fit into memory, its different words must.
            selection: Which pieces to keep.

        Raises:
            CheckpointError: The checkpoint is missing or damaged, does not fit its config or its tokenizer,
                or has output embeddings of its own.
            DataError: The corpus has no words.
            OptionError: ``output`` is a folder that the checkpoint is read from.
            TokenizerError: The tokenizer or a text cannot be read.
        """
        if isinstance(texts, str):
            raise OptionError("texts is a string, whose letters would be the texts; give a list of texts")
        before = read_stored(name_or_path)
        check_tied(before.arrays, before.folder)
        check_output(output, before)
        # From the hub, these files are fetched apart from the weights.
        files = files_of(locate(name_or_path, FILE_NAMES))
        tokenizer = SqueezeBertTokenizerFast.from_pretrained(name_or_path)
        tokenizer.check_embeddings(before.config.vocab_size, f"{before.folder}: ")
        for name, array in before.arrays.items():
            if name.removesuffix(SCALE_SUFFIX) in _BY_PIECE and len(array) != before.config.vocab_size:
                raise CheckpointError(
                    f"{before.folder}: {name} has {len(array)} rows, and config.json says vocab_size "
                    f"{before.config.vocab_size}"
                )
        fitting(before.config, before.arrays, BASE, place=before.folder)
        words = count_words(tokenizer, texts)
        if not words:
            raise DataError("the corpus has no words to count; give text that the model is to read")
        smaller = tokenizer.with_pieces(selection.of(tokenizer, words))
        # tokenizer.json and the like only where they were: they say again what the first two say.
        names = {VOCAB_NAME, CONFIG_NAME, *files}
        return cls(
            before=before,
            after=with_rows(before, tokenizer, smaller),
            tokenizer_before=tokenizer,
            tokenizer_after=smaller,
            output=Path(output),
            tokenizer_files={name: text for name, text in smaller.file_texts().items() if name in names},
            words=words,
        )

    def losses(self) -> dict[str, int | float]:
        """Tell what is saved and what is lost, each before and after.

        Returns:
            ``pieces``, ``parameters``, ``bytes`` of the weights as stored, ``corpus_tokens`` and
            ``unknown_share`` of them, each with ``_before`` and ``_after``; and ``changed_share``, the share
            of the tokens before that belong to words which are divided differently after.
        """
        found = self.tokenizer_after.get_vocab()
        gone = {i for piece, i in self.tokenizer_before.get_vocab().items() if piece not in found}
        # A word with such a piece is divided differently, and no other one.
        changed = {word: count for word, count in self.words.items() if not gone.isdisjoint(word)}
        respelled = _respelled(changed, self.tokenizer_before, self.tokenizer_after)
        unknown_before, unknown_after = self.tokenizer_before.unk_token_id, self.tokenizer_after.unk_token_id
        tokens = _total(self.words)
        unchanged = tokens - _total(changed)
        # What was unknown stays so, and is unchanged.
        unknown = sum(count * word.count(unknown_before) for word, count in self.words.items())
        now_unknown = sum(count * word.count(unknown_after) for word, count in respelled.items())
        now_tokens = unchanged + _total(respelled)
        return {
            "pieces_before": self.tokenizer_before.vocab_size,
            "pieces_after": self.tokenizer_after.vocab_size,
            "parameters_before": _parameters(self.before),
            "parameters_after": _parameters(self.after),
            "bytes_before": bytes_of(self.before.arrays),
            "bytes_after": bytes_of(self.after.arrays),
            "corpus_tokens_before": tokens,
            "corpus_tokens_after": now_tokens,
            "changed_share": _total(changed) / max(1, tokens),
            "unknown_share_before": unknown / max(1, tokens),
            "unknown_share_after": (unknown + now_unknown) / max(1, now_tokens),
        }

    def write(self) -> None:
        """Write the folder: nothing is half-written, and the weights come last.

        Raises:
            OptionError: The folder cannot be written to.
        """
        write_stored(self.output, self.after.config, self.after.arrays, extra_files=self.tokenizer_files)
        remove_others(self.output, self.tokenizer_files)


def count_words(tokenizer: SqueezeBertTokenizerFast, texts: Iterable[str]) -> Words:
    """Count the words of texts, each spelled in the ids of its pieces."""
    words: Words = Counter()
    for encoding in _encodings(tokenizer, texts):
        spelled = zip(encoding.word_ids, encoding.ids, strict=True)
        words.update(tuple(piece for _, piece in word) for _, word in groupby(spelled, itemgetter(0)))
    return words


def with_rows(
    stored: StoredCheckpoint, before: SqueezeBertTokenizerFast, after: SqueezeBertTokenizerFast
) -> StoredCheckpoint:
    """Keep those rows of what belongs to the vocabulary that the second tokenizer has, in its order.

    Rows beyond the vocabulary, with which published checkpoints round its size, are dropped.

    Args:
        stored: Fits the first tokenizer.
        before: The first tokenizer.
        after: Has some of its tokens.
    """
    ids, kept = before.get_vocab(), after.get_vocab()
    rows = [ids[token] for token in sorted(kept, key=kept.__getitem__)]
    pad = stored.config.pad_token_id

    def moved(value: Any) -> Any:
        if isinstance(value, list):
            return [place for each in value if (place := moved(each)) is not None]
        if not is_whole(value):
            return value
        # A token that is gone gets None: its old number is another token's now, or nobody's.
        return rows.index(value) if value in rows else None

    config = stored.config.replace(
        vocab_size=len(rows),
        pad_token_id=rows.index(pad) if pad in rows else after.pad_token_id,
        # Of further tokens, such as sep_token_id, which others may read there.
        extra={
            key: moved(value) if key.endswith("_token_id") else value
            for key, value in stored.config.extra.items()
        },
    )
    arrays = {
        name: array[rows] if name.removesuffix(SCALE_SUFFIX) in _BY_PIECE else array
        for name, array in stored.arrays.items()
    }
    return StoredCheckpoint(config, arrays, stored.folder)


def _encodings(tokenizer: SqueezeBertTokenizerFast, texts: Iterable[str]) -> Iterator[Encoding]:
    rest = iter(texts)
    while some := list(islice(rest, _TEXTS_AT_ONCE)):
        yield from tokenizer(some, add_special_tokens=False).encodings


def _respelled(
    words: dict[tuple[int, ...], int], before: SqueezeBertTokenizerFast, after: SqueezeBertTokenizerFast
) -> Words:
    """The same words in the pieces of another tokenizer."""
    written = (
        "".join([first, *(piece.removeprefix("##") for piece in rest)])
        for first, *rest in map(before.convert_ids_to_tokens, words)
    )
    spelled: Words = Counter()
    for encoding, count in zip(_encodings(after, written), words.values(), strict=True):
        spelled[tuple(encoding.ids)] += count
    return spelled


def _total(words: dict[tuple[int, ...], int]) -> int:
    return sum(len(word) * count for word, count in words.items())


def _parameters(stored: StoredCheckpoint) -> int:
    arrays = stored.arrays
    return sum(array.size for name, array in arrays.items() if not is_about_codes(name, arrays))

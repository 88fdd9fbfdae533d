"""From files of text to a corpus: each file becomes a shard once, and is left alone the next time."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from squeezebert.corpus.documents import SUFFIXES, Document, read_documents
from squeezebert.corpus.sentences import split_sentences
from squeezebert.corpus.shards import HELD_OUT, TRAINING, PartWriter, ShardPart, ids_dtype
from squeezebert.data.opening import check_exists, plain_name
from squeezebert.errors import DataError, OptionError, SqueezeBertError
from squeezebert.files import (
    alone_in,
    check_folder,
    clear_leftovers,
    make_folder,
    removed_if_empty,
    write_text,
)
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.tokenization.store import CONFIG_NAME as TOKENIZER_CONFIG_NAME
from squeezebert.tokenization.store import VOCAB_NAME

INDEX_NAME = "corpus.json"
HOLD_OUT = 100
_VERSION = 1
# Characters that are tokenised at once: enough to keep the cores busy, few enough for any memory.
_AT_ONCE = 4_000_000
_CHUNK = 1 << 20
_LONGEST_NAME = 40
"""Characters of a source's name in that of its shard; file systems end at 255 bytes."""
# A shard that is being built: its name, and what tempfile adds.
_TEMPORARY = re.compile(r"\..*-[0-9a-f]{16}\.\w{8}")


@dataclass(frozen=True)
class ShardEntry:
    """What the index says of a shard.

    Attributes:
        source: Name of the file that it was made of.
        folder: Its folder inside the corpus.
        documents: Documents to learn from.
        sentences: Their sentences.
        tokens: Their tokens.
        held_out_documents: Documents to measure on.
        held_out_tokens: Their tokens.
    """

    source: str
    folder: str
    documents: int
    sentences: int
    tokens: int
    held_out_documents: int
    held_out_tokens: int


@dataclass(frozen=True)
class CorpusReport:
    """What a build found and did.

    Attributes:
        folder: The corpus.
        shards: What it holds now.
        built: How many of them are new.
        unreadable: The error for each source that is left out.
    """

    folder: Path
    shards: tuple[ShardEntry, ...]
    built: int
    unreadable: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "folder": str(self.folder),
            "shards": len(self.shards),
            "built": self.built,
            **{
                name: sum(getattr(shard, name) for shard in self.shards)
                for name in ("documents", "sentences", "tokens", "held_out_documents", "held_out_tokens")
            },
            "unreadable": list(self.unreadable),
        }


def corpus_sources(paths: Iterable[str | Path]) -> list[Path]:
    """Give the files of text that paths name: files themselves, and those in folders, in order of name.

    In a folder, the vocabulary of a tokenizer is no text: it may be that of the corpus itself.

    Raises:
        DataError: There is no such file, or a folder holds none.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        check_exists(path)
        files = [path]
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file() and _is_text(file))
        if not files:
            raise DataError(f"{path}: holds no file that ends in {', '.join(SUFFIXES)} (or .xz, .gz, .zst)")
        found.extend(files)
    # One file, by whatever names.
    return list({file.resolve(): file for file in reversed(found)}.values())[::-1]


def build_corpus(
    sources: Sequence[Path],
    out: str | Path,
    *,
    tokenizer: SqueezeBertTokenizerFast,
    hold_out: int = HOLD_OUT,
    finished: Callable[[Path], None] = lambda source: None,
) -> CorpusReport:
    """Cut files into sentences and store their token ids.

    The corpus is of these sources; what is stored of them already is not made again. A source that cannot be
    read is left out and reported; the next build tries it again. An interrupted build leaves the corpus as it
    was, and goes on with the first file that it did not finish.

    Args:
        sources: Files of text; see :func:`squeezebert.corpus.read_documents`.
        out: Folder of the corpus, which also gets the tokenizer's files.
        tokenizer: Divides the text.
        hold_out: Documents whose number is divisible by this are kept apart to measure on; see
            :class:`squeezebert.corpus.documents.Document`.
        finished: Called after each source that could be read.

    Raises:
        DataError: No source can be read.
        OptionError: ``out`` cannot be written to, or another process builds it, or ``hold_out`` is less
            than 2.
    """
    if hold_out < 2:
        raise OptionError(f"hold_out {hold_out} is less than 2; every document would be held out")
    check_folder(out)
    folder = Path(out)
    make_folder(folder)
    entries: list[ShardEntry] = []
    built, unreadable = 0, []
    with removed_if_empty(folder), alone_in(folder):
        _clear_leftovers(folder)
        for source in sources:
            try:
                digest = _digest(source, tokenizer, hold_out)
                shard = folder / f"{source.name.split('.')[0][:_LONGEST_NAME]}-{digest}"
                if not _is_whole(shard, ids_dtype(len(tokenizer))):
                    shutil.rmtree(shard, ignore_errors=True)
                    # A file that is one document has to be held out now and then, too.
                    _build_shard(source, shard, tokenizer, hold_out, first=int(digest, 16))
                    built += 1
                if shard.name not in {entry.folder for entry in entries}:
                    entries.append(_entry(shard))
            except OptionError:
                raise
            except SqueezeBertError as error:
                unreadable.append(str(error))
            else:
                finished(source)
        if not entries:
            raise DataError(unreadable[0] if unreadable else "there are no files to build a corpus of")
        # Now that all are there: what a build that was interrupted has made so far is no corpus.
        tokenizer.save_pretrained(folder)
        _write_index(folder, tokenizer, entries)
    return CorpusReport(folder, tuple(entries), built, tuple(unreadable))


def _clear_leftovers(folder: Path) -> None:
    """Remove what a killed build left half-written, which may be large."""
    clear_leftovers(folder)
    for path in folder.iterdir():
        if _TEMPORARY.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def _is_text(path: Path) -> bool:
    is_vocabulary = path.name == VOCAB_NAME and (path.parent / TOKENIZER_CONFIG_NAME).is_file()
    return Path(plain_name(path)).suffix.lower() in SUFFIXES and not is_vocabulary


def _digest(source: Path, tokenizer: SqueezeBertTokenizerFast, hold_out: int) -> str:
    """Hexadecimal digits that tell whether a shard is still that of the file, tokenizer and options."""
    kind = Path(plain_name(source)).suffix.lower()
    # Names of the oldest kind are as they were before the others.
    about = [_VERSION, hold_out, tokenizer_digest(tokenizer), *([] if kind == ".txt" else [kind])]
    digest = hashlib.sha256(json.dumps(about).encode())
    try:
        with source.open("rb") as file:
            for chunk in iter(lambda: file.read(_CHUNK), b""):
                digest.update(chunk)
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()[:16]


def tokenizer_digest(tokenizer: SqueezeBertTokenizerFast) -> str:
    """What tells apart tokenizers that give other ids."""
    kind = [tokenizer.get_vocab(), tokenizer.do_lower_case, tokenizer.strip_accents,
            tokenizer.tokenize_chinese_chars]  # fmt: skip
    return hashlib.sha256(json.dumps(kind, sort_keys=True).encode()).hexdigest()


def _build_shard(
    source: Path, shard: Path, tokenizer: SqueezeBertTokenizerFast, hold_out: int, *, first: int
) -> None:
    temporary = Path(tempfile.mkdtemp(dir=shard.parent, prefix=f".{shard.name}."))
    try:
        with ExitStack() as stack:
            dtype = ids_dtype(len(tokenizer))
            training, held = (
                stack.enter_context(PartWriter(temporary, part, dtype)) for part in (TRAINING, HELD_OUT)
            )
            for documents in _lots(read_documents(source, first=first)):
                texts = [
                    [s for p in document.paragraphs for s in split_sentences(p)] for document in documents
                ]
                ids = iter(tokenizer.piece_ids([sentence for sentences in texts for sentence in sentences]))
                for document, sentences in zip(documents, texts, strict=True):
                    part = training if document.number % hold_out else held
                    part.add(list(itertools.islice(ids, len(sentences))))
        if not training.documents and not held.documents:
            raise DataError(f"{source}: holds no text")
        entry = ShardEntry(
            source.name, shard.name, training.documents, training.sentences, training.tokens,
            held.documents, held.tokens,
        )  # fmt: skip
        (temporary / INDEX_NAME).write_text(json.dumps(dataclasses.asdict(entry)), encoding="utf-8")
        temporary.chmod(0o755)
        temporary.rename(shard)
    except OSError as error:
        raise OptionError(f"{shard}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _lots(documents: Iterator[Document]) -> Iterator[list[Document]]:
    lot: list[Document] = []
    size = 0
    for document in documents:
        lot.append(document)
        size += document.characters
        if size > _AT_ONCE:
            yield lot
            lot, size = [], 0
    if lot:
        yield lot


def _is_whole(shard: Path, dtype: np.dtype[Any]) -> bool:
    """Whether a shard is there, and its files fit each other."""
    try:
        entry = _entry(shard)
        parts = [ShardPart.open(shard, part, dtype) for part in (TRAINING, HELD_OUT)]
    except (OSError, ValueError, TypeError, DataError):
        return False
    return [len(part.ids) for part in parts] == [entry.tokens, entry.held_out_tokens]


def _entry(shard: Path) -> ShardEntry:
    return ShardEntry(**json.loads((shard / INDEX_NAME).read_text(encoding="utf-8")))


def _write_index(folder: Path, tokenizer: SqueezeBertTokenizerFast, entries: Sequence[ShardEntry]) -> None:
    index = {
        "version": _VERSION,
        "vocab_size": len(tokenizer),
        "tokenizer": tokenizer_digest(tokenizer),
        "shards": [dataclasses.asdict(entry) for entry in entries],
    }
    write_text(folder / INDEX_NAME, json.dumps(index, indent=2) + "\n")

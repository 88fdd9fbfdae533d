"""Measures the trunk and what is fine-tuned from it on held-out rows, in int8 and in full precision.

    python recipes/mini/measure.py --data $SQUEEZEBERT_DATA --trunk runs/mini/trunk --runs runs/mini/heads

Run again to resume; ``--rows sst-2 squad`` measures these alone. A model that is not there yet is trained
first (see plan.py). All rows measured so far go into a JSON file, and into a Markdown table beside it; rows
that the file has already are kept, and marked where they are of another trunk.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from plan import (
    ENTAILMENT,
    GRAMMAR,
    MEASURED,
    PARAGRAPHS_READ,
    PARAPHRASE,
    READING,
    ROWS,
    RUNS,
    TRUNK,
    Row,
    before,
    is_taught,
    rows_of,
)
from squeezebert.files import write_text
from workshop import MINI, PRECISIONS, Workshop, add_options, digest, is_current, staying

Results = dict[str, dict[str, Any]]

RESULTS = Path(__file__).parents[2] / "docs" / "results" / "mini.json"
_HEAD = (
    "| measured on | metric | int8 | fp32 | to be shipped | BERT-Mini, GLUE test |\n|---|---|---|---|---|---|"
)
_WAYS = {
    ENTAILMENT: "from the model of entailment (SNLI) instead of the trunk",
    READING: f"from blocks of the trunk that learnt to guess the words of {PARAGRAPHS_READ}",
    PARAPHRASE: "by way of questions that ask the same (QQP)",
    GRAMMAR: "from a model that finds the wrong words of damaged sentences",
}
KEPT = ("metrics", "backend", "seconds", "versions")
"""What the results hold of what ``squeezebert evaluate`` says."""
_NAMES = {"f1": "F1", "exact_match": "exact match", "spearman": "Spearman", "pearson": "Pearson",
          "matthews": "Matthews"}  # fmt: skip


def collect(workshop: Workshop) -> Results:
    """What was measured so far, by row and precision."""
    results: Results = {}
    for name, row in ROWS.items():
        report = workshop.report(row.model)
        trained = [report] if report.exists() else []
        pieces = {precision: workshop.piece(name, precision) for precision in PRECISIONS}
        found = {
            precision: _read(piece) for precision, piece in pieces.items() if is_current(piece, *trained)
        }
        if found:
            results[name] = {"title": row.title, "data": row.data, "rows": next(iter(found.values()))["rows"]}
            for precision, piece in found.items():
                results[name][precision] = {key: piece[key] for key in KEPT}
            if trained:
                results[name]["training"] = training_of(_read(report))
    return results


def kept(output: Path, trunk: str, heads: Container[str] = ()) -> Results:
    """The rows that a file of results has, which may have been measured in another folder.

    A row of another trunk says of which, under ``trunk``, but for those of heads that stay as they are above
    this one.
    """
    found = _read(output) if output.exists() else {"rows": {}}
    rows: Results = {}
    for name, row in found["rows"].items():
        owner = row.get("trunk", found["trunk"])
        plain = {key: value for key, value in row.items() if key != "trunk"}
        stays = owner == found["trunk"] and ROWS[name].model in heads
        rows[name] = plain if owner == trunk or stays else {**plain, "trunk": owner}
    return rows


def joined(old: Results, new: Results) -> Results:
    """Both, the new ones instead of old ones, in the order of the plan."""
    return {name: {**old, **new}[name] for name in ROWS if name in old or name in new}


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def training_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the results say of a run: how long, and with which settings."""
    result = report["result"]
    rows = {"rows": report["data"]["training"]["rows"]} if "data" in report else {}
    return {
        **rows,
        "minutes": round(result["seconds"] / 60, 1),
        **{key: result[key] for key in ("steps", "tokens", "precision")},
        "settings": {key: value for key, value in report["settings"].items() if value is not None},
    }


def headline(results: Results, name: str, precision: str = "int8") -> float | None:
    """The first metric of a row, in percent; None if it was not measured of this trunk."""
    result = results.get(name, {})
    found = None if "trunk" in result else result.get(precision)
    return None if found is None else 100 * float(found["metrics"][ROWS[name].metrics[0]])


def bar_of(row: Row, results: Results) -> float | None:
    """What the headline has to reach, in percent."""
    return headline(results, row.bar) if isinstance(row.bar, str) else row.bar


def reaches_bars(model: str, results: Results) -> bool:
    """Whether a head does well enough in int8, on all rows with a bar, to be shipped."""
    for name, row in rows_of(model).items():
        found, bar = headline(results, name), bar_of(row, results)
        if row.bar is not None and (found is None or bar is None or found < bar):
            return False
    return True


def table(results: Results, model: str | None = None) -> str:
    """The Markdown table of the rows that were measured, or of those of one model."""
    lines = [_HEAD]
    for name, result in results.items():
        row = ROWS[name]
        if model not in (None, row.model):
            continue
        metrics = ", ".join(_NAMES.get(metric, metric) for metric in row.metrics)
        figures = [_figures(row, result.get(precision)) for precision in PRECISIONS]
        bar = bar_of(row, results)
        sides = ["" if value is None else f"{value:.1f}" for value in (bar, row.bert_mini)]
        title = f"{row.title} †" if "trunk" in result else row.title
        lines.append(f"| {' | '.join([title, metrics, *figures, *sides])} |")
    return "\n".join(lines) + "\n"


def _figures(row: Row, found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    factors = {"perplexity": 1}
    return ", ".join(f"{factors.get(name, 100) * found['metrics'][name]:.1f}" for name in row.metrics)


def _titles(results: Results, models: Container[str]) -> str:
    return ", ".join(ROWS[name].title for name in results if ROWS[name].model in models)


def explanation(results: Results) -> str:
    """What the table of these results shows."""
    taught = [name for name in RUNS if is_taught(name)]
    measured, learnt = (_titles(results, models) for models in (MEASURED, taught))
    ways = ((_titles(results, [name for name in RUNS if start in before(name)]), start) for start in _WAYS)
    starts = "".join(f" {titles}: {_WAYS[start]}." for titles, start in ways if titles)
    earlier = " †: of the trunk before this one." if any("trunk" in row for row in results.values()) else ""
    return (
        "Percent, but for the perplexity; int8 and fp32 are both computed by the compiled engine. Neither "
        f"trunk nor heads learnt from any of these rows. {measured}: fine-tuned to be measured, with all "
        f"weights trained, and not shipped. {learnt}: with a teacher, all-MiniLM-L6-v2 fine-tuned on the "
        f"same rows, which may have answered texts without labels, too.{starts} A head is shipped if in "
        "int8 it reaches what stands under *to be shipped* and fits into the package. BERT-Mini's figures "
        f"are of GLUE's test sets, which are other rows.{earlier}\n"
    )


def measure(workshop: Workshop, names: list[str]) -> Results:
    """Measure rows in both precisions."""
    for name in names:
        for precision in PRECISIONS:
            workshop.measured(name, precision)
    return collect(workshop)


def write_results(output: Path, trunk: str, results: Results) -> None:
    """Write the file of results, and the table beside it."""
    content = {"model": "mini", "trunk": trunk, "rows": results}
    write_text(output, json.dumps(content, indent=2) + "\n")
    write_text(output.with_suffix(".md"), f"# mini, measured\n\n{table(results)}\n{explanation(results)}")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--rows", nargs="+", choices=tuple(ROWS), default=list(ROWS), metavar="ROW",
                        help=f"of {', '.join(ROWS)}")  # fmt: skip
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    workshop = Workshop.of(arguments)
    try:
        measure(workshop, arguments.rows)
    finally:
        stored = workshop.stored(TRUNK)
        trunk = digest(stored)
        results = joined(kept(arguments.output, trunk, staying(MINI, stored)), collect(workshop))
        write_results(arguments.output, trunk, results)
    print(table(results))


if __name__ == "__main__":
    main()

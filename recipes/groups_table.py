"""The results of groups.py as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from groups_plan import titles

_PERCENT = {"accuracy": "accuracy", "f1": "F1", "matthews": "Matthews", "spearman": "Spearman"}
"""Metrics that are shown in percent, and how the table calls them."""


def table(found: Mapping[str, Any]) -> str:
    """The results as a Markdown table, a column for each number of groups."""
    columns = found["groups"]
    seeds = len(next(iter(columns.values()))["seeds"])
    lines = [["", "", *(f"groups {count}" for count in columns)], ["---"] * (2 + len(columns))]
    known = titles()
    for key in next(iter(columns.values()))["summary"]:
        title, metric = known.get(key, (key.replace("_", " "), ""))
        cells = [_shown(column["summary"][key], metric, seeds) for column in columns.values()]
        lines.append([title, _PERCENT.get(metric, metric), *cells])
    for key in ("parameters", "parameters_without_embeddings", "operations"):
        shown = [f"{column[key]:,}" for column in columns.values()]
        lines.append([key.replace("_", " "), "", *shown])
    for precision, times in found["milliseconds"].items():
        lines.append(
            [f"{found['length']} tokens, {precision}", "ms", *(str(times[count]) for count in columns)]
        )
    rows = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    return f"# Groups 4 against groups 1\n\n{rows}\n{_explanation(found, seeds)}\n"


def _shown(cell: Mapping[str, float], metric: str, seeds: int) -> str:
    """A figure with its deviation over seeds."""
    mean, deviation = cell["mean"], cell["deviation"]
    if metric in _PERCENT:
        return f"{100 * mean:.1f}" + ("" if seeds == 1 else f" ± {100 * deviation:.1f}")
    return f"{mean:.4g}" + ("" if seeds == 1 else f" ± {deviation:.2g}")


def _explanation(found: Mapping[str, Any], seeds: int) -> str:
    count = "One seed" if seeds == 1 else f"Mean and standard deviation over {seeds} seeds"
    machine = found["machine"]
    return (
        f"{count}. Students of {found['tokens']:,} tokens of distillation from random weights, by "
        f"`recipes/groups.py`{''.join(_other_settings(found))}; `recipes/groups_plan.py` says how "
        "briefly they are fine-tuned. Metrics are of fp32, in percent but for the perplexity. Times are of "
        f"the engine, on {machine['cores']} cores of {machine['cpu']}, taking turns."
    )


def _other_settings(found: Mapping[str, Any]) -> Iterator[str]:
    """What differs from the trunk's recipe, in words."""
    if found.get("batch_tokens"):
        yield f", in steps of {found['batch_tokens']:,} tokens"
    for groups, rate in found.get("rates", {}).items():
        yield f", groups {groups} at a learning rate of {rate}"

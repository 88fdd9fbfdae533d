"""The results as a table for people, in Markdown that reads well on a terminal too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from squeezebert.benchmark.models import MODELS
from squeezebert.benchmark.results import Results
from squeezebert.benchmark.workloads import WORKS

_NONE = "–"


def table(results: Results) -> str:
    """Compose the table, with the conditions above and what was skipped below."""
    fields = results.fields
    parts = [
        _conditions(fields),
        "Milliseconds of a call, median; in brackets how many times as long as this package in int8 on "
        "SqueezeBERT takes for the same texts. Sentences: per second.",
        *(_family(fields, family) for family in _families(fields)),
        _ceilings(fields),
        _skipped(fields),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _conditions(fields: Mapping[str, Any]) -> str:
    machine, versions = fields["machine"], fields["versions"]
    shares = [run["share_of_others"] for run in fields["runs"] if run["share_of_others"] is not None]
    busy = f" Other processes took {max(shares):.1%} of the machine at most." if shares else ""
    names = ", ".join(f"{name} {number}" for name, number in versions.items())
    where = f"{machine['cpu']}, {machine['cores']} cores, {fields['threads']} threads"
    return f"{where}; random weights; {names}.{busy}"


def _families(fields: Mapping[str, Any]) -> list[str]:
    there = {row["model"] for row in fields["rows"]}
    return list(dict.fromkeys(model.family for model in MODELS.values() if model.name in there))


def _family(fields: Mapping[str, Any], family: str) -> str:
    rows = [row for row in fields["rows"] if MODELS[row["model"]].family == family]
    works = [name for name in WORKS if any(row["work"] == name for row in rows)]
    by_line: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        by_line.setdefault((row["model"], row["title"]), {})[row["work"]] = row
    head = [MODELS[family].title if family in MODELS else family, *works]
    lines = [
        [_label(model, title, family), *(_cell(row.get(work), fields) for work in works)]
        for model in MODELS
        for (of, title), row in by_line.items()
        if of == model
    ]
    return "\n".join(markdown([head, *lines]))


def _label(model: str, title: str, family: str) -> str:
    return title if model == family else f"{title} ({MODELS[model].title.partition(' ')[2]})"


def _cell(row: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> str:
    if row is None:
        return _NONE
    ratio = "" if row["ratio"] is None else f" ({row['ratio']:.2f}×)"
    if WORKS[row["work"]].tokens is None:
        texts = fields["works"][row["work"]]["texts"]
        return f"{texts / row['median'] * 1e3:,.0f}/s{ratio}"
    return f"{row['median']:,.{1 if row['median'] < 100 else 0}f}{ratio}"


def _ceilings(fields: Mapping[str, Any]) -> str:
    said = [f"{row['title']} {row['median']:,.0f} Gop/s" for row in fields["ceilings"]]
    shares = [
        f"{row['title']} {row['share_of_ceiling']:.0%}"
        for row in fields["rows"]
        if row["work"] == "8x128" and row["runtime"] == "squeezebert" and row["model"] == "squeezebert"
        and "share_of_ceiling" in row
    ]  # fmt: skip
    if not said:
        return ""
    ours = f" Share of it at 8x128, whole model: {', '.join(shares)}." if shares else ""
    return f"The machine's ceilings: {', '.join(said)}.{ours}"


def _skipped(fields: Mapping[str, Any]) -> str:
    lines = [f"{row['peer']} on {row['model']}: {row['reason']}" for row in fields["skipped"]]
    lines += [f"{peer} {reason}" for peer, reason in fields["missing"].items()]
    return "\n".join(f"- skipped: {line}" for line in lines)


def markdown(rows: list[list[str]]) -> Iterator[str]:
    """Lay out cells as a Markdown table with aligned columns, the first row being the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        first, *others = row
        cells = [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(others, widths[1:], strict=True))]
        yield f"| {' | '.join(cells)} |"
        if number == 0:
            yield f"|{'|'.join(['-' * (widths[0] + 2), *('-' * (w + 1) + ':' for w in widths[1:])])}|"

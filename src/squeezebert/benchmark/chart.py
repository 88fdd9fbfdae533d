"""The results as a chart; needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from squeezebert.benchmark.models import MODELS
from squeezebert.benchmark.peers import OURS, REFERENCE_MODEL
from squeezebert.benchmark.results import Results
from squeezebert.benchmark.workloads import WORKS
from squeezebert.errors import MissingExtraError, OptionError
from squeezebert.files import atomic_path

FORMATS = (".png", ".svg")

_COLOURS = {OURS: "#d1495b", "torch": "#edae49", "onnxruntime": "#66a182", "openvino": "#2e4057"}
_INCHES_PER_BAR = 0.26


def check_chart(path: Path) -> None:
    """Find out before measuring what would prevent the chart.

    Raises:
        OptionError: The file's extension is none of ``FORMATS``.
        MissingExtraError: matplotlib is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise OptionError(f"{path}: a chart is a file with one of the extensions {', '.join(FORMATS)}")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("the chart", "plots") from error


def draw(results: Results, path: Path) -> None:
    """Draw a panel per work; :func:`fastest` says what is in it.

    Raises:
        MissingExtraError: Without the extra ``plots``.
        OptionError: No row was measured, or the file cannot be written.
    """
    check_chart(path)
    from matplotlib.figure import Figure

    works = [work for work in WORKS if any(row["work"] == work for row in results.fields["rows"])]
    if not works:
        raise OptionError(f"{path}: there is nothing to draw, because nothing was measured")
    bars = {work: fastest([row for row in results.fields["rows"] if row["work"] == work]) for work in works}
    heights = [len(bars[work]) + 3 for work in works]
    figure = Figure(figsize=(10, max(2.0, _INCHES_PER_BAR * sum(heights))), layout="constrained")
    panels = figure.subplots(len(works), 1, squeeze=False, height_ratios=heights)
    for (panel,), work in zip(panels, works, strict=True):
        _panel(panel, bars[work], _heading(work))
    figure.suptitle(
        f"{results.fields['machine']['cpu']}, {results.fields['threads']} threads: milliseconds of a call",
        x=0.5,
    )
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=150)


def fastest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Choose what a panel shows, in the order of time.

    That is each row of this package on SqueezeBERT, the fastest of each other runtime on it, in either form
    of it, and of each other model what this package takes and what the fastest of all peers takes.
    """
    best: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in rows:
        family = MODELS[row["model"]].family
        if family == MODELS[REFERENCE_MODEL].family:
            key = (row["peer"] if row["runtime"] == OURS else row["runtime"], family)
        else:
            key = (OURS if row["runtime"] == OURS else "peers", family)
        if key not in best or row["median"] < best[key]["median"]:
            best[key] = row
    return sorted(best.values(), key=lambda row: float(row["median"]))


def _heading(work: str) -> str:
    tokens = WORKS[work].tokens
    texts = WORKS[work].texts
    return f"{texts} sentences" if tokens is None else f"{texts} × {tokens} tokens"


def _panel(panel: Any, rows: Sequence[Mapping[str, Any]], heading: str) -> None:
    labels = [f"{MODELS[row['model']].title}, {row['title']}" for row in rows]
    medians = [row["median"] for row in rows]
    panel.barh(range(len(rows)), medians, color=[_COLOURS.get(row["runtime"], "#888888") for row in rows])
    panel.set_yticks(range(len(rows)), labels, fontsize=8)
    panel.invert_yaxis()
    panel.set_title(heading, loc="left", fontsize=10, fontweight="bold")
    for place, row in enumerate(rows):
        ratio = "" if row["ratio"] is None else f"  {row['ratio']:.1f}×"
        panel.text(row["median"], place, f" {row['median']:,.1f}{ratio}", va="center", fontsize=8)
    panel.margins(x=0.12)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)

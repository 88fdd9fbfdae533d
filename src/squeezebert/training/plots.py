"""Pictures of a finished run, for its model card; need the extra ``plots``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.files import atomic_path
from squeezebert.training.journal import JOURNAL_NAME, read_journal

CURVES, CONFUSION, RELIABILITY = "curves.png", "confusion.png", "reliability.png"
CAPTIONS = {
    CURVES: "Training loss and validation metrics",
    CONFUSION: "Confusion matrix of the validation rows",
    RELIABILITY: "Reliability on the validation rows: how often the model is right when it is so sure",
}

_MOST_LABELS_WITH_NUMBERS = 20
_MOST_LABELS_WITH_NAMES = 80
_LONGEST_NAME = 40
_LARGEST = 16.0
"""Inches; more labels than fit have smaller squares."""
_BINS = 10
_SMOOTHING = 0.05


def plots_are_possible() -> bool:
    """Whether matplotlib is there."""
    return find_spec("matplotlib") is not None


def draw_curves(folder: Path) -> None:
    """Draw ``curves.png`` from the journal in the folder."""
    records = read_journal(folder / JOURNAL_NAME)
    steps = [record for record in records if "loss" in record]
    evaluations = [record for record in records if record.get("evaluation")]
    names = evaluations[0]["evaluation"] if evaluations else ()
    metrics = {name: [record["evaluation"][name] for record in evaluations] for name in names}
    groups = of_like_size(metrics)
    figure, (left, *others) = _panels(1 + len(groups))
    numbers = [record["step"] for record in steps]
    losses = [record["loss"] for record in steps]
    left.plot(numbers, losses, color="#c9d3df", linewidth=0.8)
    left.plot(numbers, smoothed(losses), color="#2e4057")
    left.set(xlabel="step", ylabel="training loss", ylim=(0, None))
    for panel, group in zip(others, groups, strict=True):
        for name, values in group.items():
            panel.plot([record["step"] for record in evaluations], values, marker="o", label=name)
        panel.set(xlabel="step", ylabel="on the validation rows")
        panel.legend()
    _save(figure, folder / CURVES)


def of_like_size(metrics: Mapping[str, Sequence[float]]) -> list[dict[str, Sequence[float]]]:
    """Part metrics, by name ``[evaluations]``: shares, and what is more than one.

    Beside a perplexity shares would be a flat line.
    """
    shares = {name: values for name, values in metrics.items() if max(map(abs, values)) <= 1}
    others = {name: values for name, values in metrics.items() if name not in shares}
    return [group for group in (shares, others) if group]


def draw_confusion(counts: NDArray[np.int64], labels: Sequence[str], path: Path) -> None:
    """Draw a confusion matrix ``[true, predicted]``, each row as shares of its sum."""
    figure, (panel,) = _panels(1, size=min(max(4.0, 0.4 * len(labels)), _LARGEST))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    # As they are: $5k_$10k is no formula. Half a surrogate pair, as JSON can hold, cannot be drawn.
    names = [_cut(label.encode("utf-8", "replace").decode()) for label in labels]
    if len(names) > _MOST_LABELS_WITH_NAMES:
        names = []
    panel.set_xticks(range(len(names)), names, rotation=90, parse_math=False)
    panel.set_yticks(range(len(names)), names, parse_math=False)
    panel.set(xlabel="predicted", ylabel="true")
    if len(labels) <= _MOST_LABELS_WITH_NUMBERS:
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"
            panel.text(column, row, str(count), ha="center", va="center", color=colour)
    _save(figure, path)


def draw_reliability(scores: NDArray[np.float64], right: NDArray[np.bool_], path: Path) -> None:
    """Draw how often answers are right against how sure they are; ``scores`` and ``right`` ``[rows]``."""
    figure, (panel,) = _panels(1)
    bins = reliability(scores, right)
    error = sum(count * abs(sure - hit) for sure, hit, count in bins) / len(scores)
    panel.plot([0, 1], [0, 1], color="#c9d3df")
    panel.plot([sure for sure, _, _ in bins], [hit for _, hit, _ in bins], marker="o", color="#2e4057")
    for sure, hit, count in bins:
        panel.annotate(str(count), (sure, hit), textcoords="offset points", xytext=(4, -10), fontsize=8)
    panel.set(xlabel="mean score", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    panel.set_title(f"expected calibration error {error:.3f}")
    _save(figure, path)


def confusion(true: Sequence[int], predicted: Sequence[int], labels: int) -> NDArray[np.int64]:
    """Count rows by label and answer: ``[true, predicted]``."""
    counts = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(counts, (true, predicted), 1)
    return counts


def reliability(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    """Mean score, share that is right, and number of rows for each tenth of scores that has rows."""
    places = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    groups = [places == place for place in range(_BINS)]
    return [
        (float(scores[rows].mean()), float(right[rows].mean()), int(rows.sum()))
        for rows in groups
        if rows.any()
    ]


def smoothed(values: Sequence[float]) -> list[float]:
    """A running mean ``[steps]`` that forgets; the first values weigh no more than those after them."""
    result: list[float] = []
    total = weight = 0.0
    for value in values:
        total = (1 - _SMOOTHING) * total + value
        weight = (1 - _SMOOTHING) * weight + 1
        result.append(total / weight)
    return result


def captions_of(folder: Path) -> Mapping[str, str]:
    """The pictures that are in a folder, and what they show."""
    return {name: caption for name, caption in CAPTIONS.items() if (folder / name).is_file()}


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _panels(count: int, size: float = 4.0) -> tuple[Any, Sequence[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size * count * 1.2, size), layout="constrained")
    return figure, figure.subplots(1, count, squeeze=False)[0]


def _save(figure: Any, path: Path) -> None:
    with atomic_path(path) as temporary, warnings.catch_warnings():
        # Of a script that its font lacks matplotlib draws boxes, and says so once for each character.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(temporary, format="png", dpi=110)

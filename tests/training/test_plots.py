"""What the pictures show, counted as scikit-learn counts."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix

from squeezebert.training.plots import confusion, draw_confusion, of_like_size, reliability, smoothed


def test_the_confusion_matrix_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    true, guessed = rng.integers(0, 5, (2, 97))
    np.testing.assert_array_equal(confusion(true, guessed, 5), confusion_matrix(true, guessed))


def test_reliability_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    scores = rng.random(997)
    right = rng.random(997) < scores**2
    shares, means = calibration_curve(right, scores, n_bins=10)
    bins = reliability(scores, right)
    np.testing.assert_allclose([sure for sure, _, _ in bins], means)
    np.testing.assert_allclose([hit for _, hit, _ in bins], shares)
    assert sum(count for _, _, count in bins) == 997
    assert reliability(np.array([1.0]), np.array([True])) == [(1.0, 1.0, 1)]


@pytest.mark.parametrize("label", ["$5k_$10k", "$x #1 $", "a\ud83d", "50 %", "日本"])
def test_labels_are_drawn_as_they_are(label: str, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """Matplotlib reads what stands between dollars as a formula, and warns of what its font lacks."""
    draw_confusion(np.eye(2, dtype=np.int64), [label, "other"], tmp_path / "confusion.png")
    assert not recwarn.list
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_many_labels_and_long_ones_have_room(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """A square of so many inches would take gigabytes, and a name as long as a text all the room."""
    for labels in ([str(n) for n in range(500)], ["x" * 300, "y"]):
        draw_confusion(np.eye(len(labels), dtype=np.int64), labels, tmp_path / "confusion.png")
        width, height = struct.unpack(">II", (tmp_path / "confusion.png").read_bytes()[16:24])
        assert max(width, height) < 3000
    assert not recwarn.list


def test_shares_have_a_panel_without_what_is_larger() -> None:
    """Beside a perplexity of 300 an accuracy is a flat line."""
    metrics = {"accuracy": [0.1, 0.4], "perplexity": [301.0, 103.0], "matthews": [-0.2, 1.0]}
    shares, others = of_like_size(metrics)
    assert ([*shares], [*others]) == (["accuracy", "matthews"], ["perplexity"])
    assert of_like_size({"f1": [0.5]}) == [{"f1": [0.5]}]
    assert of_like_size({}) == []


def test_a_smoothed_line_starts_where_the_losses_do_and_goes_through_them() -> None:
    assert smoothed([3.0, 1.0]) == pytest.approx([3.0, (0.95 * 3 + 1) / 1.95])
    assert smoothed([2.0] * 7) == pytest.approx([2.0] * 7)
    assert smoothed([]) == []

"""The field's metrics for classification and regression, as fractions.

Definitions are those of scikit-learn and scipy, with which the tests compare them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def accuracy(true: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Share of rows that agree; rows ``[N]`` or, for multi-label, ``[N, labels]`` as a whole."""
    same = np.asarray(true) == np.asarray(predicted)
    return float(same.reshape(len(same), -1).all(axis=1).mean())


def f1(hits: int, predicted: int, true: int) -> float:
    """Harmonic mean of precision and recall; 0 where there is nothing to find or nothing was found."""
    return 2 * hits / (predicted + true) if predicted + true else 0.0


def f1_of_class(true: NDArray[np.int64], predicted: NDArray[np.int64], label: int) -> float:
    """F1 of one class of single-label classification ``[N]``."""
    hits = np.sum((true == label) & (predicted == label))
    return f1(int(hits), int(np.sum(predicted == label)), int(np.sum(true == label)))


def f1_macro(true: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Mean F1 over the classes that occur in either ``[N]``."""
    classes = np.union1d(true, predicted)
    return float(np.mean([f1_of_class(true, predicted, int(label)) for label in classes]))


def matthews(true: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Matthews correlation coefficient of any number of classes ``[N]``; 0 where one side is constant."""
    # By counts: a column for each class takes as much memory as there are rows times classes.
    rows, classes = len(true), int(max(true.max(), predicted.max())) + 1
    truth, guess = (np.bincount(side, minlength=classes) for side in (true, predicted))
    shared = rows * int(np.sum(true == predicted)) - int(truth @ guess)
    scale = (rows**2 - int(truth @ truth)) * (rows**2 - int(guess @ guess))
    return shared / math.sqrt(scale) if scale else 0.0


def pearson(true: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Linear correlation ``[N]``; 0 where one side is constant."""
    if np.ptp(true) == 0 or np.ptp(predicted) == 0:
        return 0.0
    x, y = true - true.mean(), predicted - predicted.mean()
    scale = np.sqrt(np.sum(x * x) * np.sum(y * y))
    return float(np.sum(x * y) / scale) if scale > 0 else 0.0


def spearman(true: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Correlation of ranks ``[N]``, ties sharing their mean rank; 0 where one side is constant."""
    return pearson(_ranks(true), _ranks(predicted))


def multi_label_f1(true: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> dict[str, float]:
    """``f1_micro`` over all decisions and ``f1_macro`` over labels; ``[N, labels]``."""
    hits = (true & predicted).sum(axis=0)
    found, there = predicted.sum(axis=0), true.sum(axis=0)
    each = [f1(int(h), int(p), int(t)) for h, p, t in zip(hits, found, there, strict=True)]
    return {
        "f1_micro": f1(int(hits.sum()), int(found.sum()), int(there.sum())),
        "f1_macro": float(np.mean(each)),
    }


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank = last - (counts - 1) / 2
    ranks: NDArray[np.float64] = mean_rank[inverse]
    return ranks

"""SQuAD's metrics: exact match and token F1 of normalised answers.

Source: the official ``evaluate-v2.0.py`` of rajpurkar/SQuAD-explorer, whose rules are repeated here.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Prediction:
    """What a model says to one question.

    Attributes:
        gold: The right answers; none for a question that has no answer.
        answer: The best span of the text.
        doubt: How much more the model believes that there is no answer; above 0 it says so.
    """

    gold: tuple[str, ...]
    answer: str
    doubt: float


def normalize(answer: str) -> str:
    """Lower case, without ASCII punctuation and articles, white space collapsed."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, gold: str) -> float:
    """1 where the normalised answers are equal, else 0."""
    return float(normalize(answer) == normalize(gold))


def token_f1(answer: str, gold: str) -> float:
    """F1 of the bags of words; where either is empty, 1 if both are."""
    mine, right = normalize(answer).split(), normalize(gold).split()
    if not mine or not right:
        return float(mine == right)
    shared = sum((Counter(mine) & Counter(right)).values())
    return 2 * shared / (len(mine) + len(right))


def squad_scores(predictions: Sequence[Prediction]) -> dict[str, float]:
    """Score predictions as fractions.

    Returns:
        ``f1`` and ``exact_match``. Where some questions have no answer, both for each kind of question
        (``HasAns_f1`` …), what they would be at the best threshold of doubt (``best_f1``,
        ``best_exact_match``), and those thresholds.
    """
    answerable = np.array([bool(p.gold) for p in predictions])
    if answerable.all():
        return {
            "f1": float(np.mean(_best(predictions, token_f1))),
            "exact_match": float(np.mean(_best(predictions, exact_match))),
        }
    doubts = np.array([p.doubt for p in predictions])
    said = doubts <= 0
    result: dict[str, float] = {}
    thresholds: dict[str, float] = {}
    for name, score in (("f1", token_f1), ("exact_match", exact_match)):
        spoken = _best(predictions, score)
        # Silence is right where there is no answer, and else wrong.
        silent = (~answerable).astype(float)
        values = np.where(said, spoken, silent)
        result[name] = float(values.mean())
        for kind, chosen in (("HasAns", answerable), ("NoAns", ~answerable)):
            if chosen.any():
                thresholds[f"{kind}_{name}"] = float(values[chosen].mean())
        best, threshold = _sweep(doubts, spoken, silent)
        thresholds[f"best_{name}"] = best
        thresholds[f"best_{name}_threshold"] = threshold
    return {**result, **thresholds}


def _gold(prediction: Prediction) -> list[str]:
    """The right answers that are not empty once normalised; others are ignored, as in the official script."""
    return [gold for gold in prediction.gold if normalize(gold)]


def _best(predictions: Sequence[Prediction], score: Callable[[str, str], float]) -> np.ndarray:
    return np.array([max(score(p.answer, gold) for gold in _gold(p) or [""]) for p in predictions])


def _sweep(doubts: np.ndarray, spoken: np.ndarray, silent: np.ndarray) -> tuple[float, float]:
    """Highest mean over all thresholds, where questions of more doubt are answered by silence."""
    order = np.argsort(doubts, kind="stable")
    gains = np.cumsum((spoken - silent)[order])
    # Questions of equal doubt are on the same side of any threshold.
    last = np.append(np.diff(doubts[order]) > 0, True)
    candidates = np.where(last, gains, -np.inf)
    best = int(candidates.argmax())
    if candidates[best] <= 0:
        return float(silent.mean()), float(doubts[order[0]]) - 1.0
    return float(silent.mean() + candidates[best] / len(doubts)), float(doubts[order[best]])

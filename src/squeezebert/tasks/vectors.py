"""Vectors of texts, and how alike they are: what every task without a head of its own compares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from squeezebert.engine.backend import Outputs
from squeezebert.errors import OptionError
from squeezebert.tasks.base import Setup, Window
from squeezebert.tasks.merging import mean_of
from squeezebert.tasks.scores import softmax

Vector = NDArray[np.float32]

SIMILARITY = "similarity"
"""Method of an answer that compares vectors."""
TEMPERATURE = 0.05
"""Cosines are divided by it before the softmax; see docs/decisions.md."""

# Shorter vectors are not stretched to length 1; as in sentence-transformers.
SHORTEST = 1e-12


def windows_apart(texts: Sequence[str], setup: Setup) -> list[Window]:
    """Window each text by itself, in as many pieces as it takes; ``choice`` counts the texts."""
    return [
        Window(encoding, choice=index)
        for index, text in enumerate(texts)
        for encoding in setup.tokenizer.encode_windows(text, max_length=setup.max_length, stride=setup.stride)
    ]


def texts_apart(
    windows: Sequence[Window], outputs: Sequence[Outputs]
) -> list[tuple[list[Window], list[Outputs]]]:
    """The windows of each text or choice, and their outputs; windows are in the order of ``choice``."""
    parts: list[tuple[list[Window], list[Outputs]]] = [([], []) for _ in range(windows[-1].choice + 1)]
    for window, output in zip(windows, outputs, strict=True):
        parts[window.choice][0].append(window)
        parts[window.choice][1].append(output)
    return parts


def pooled(outputs: Outputs) -> Outputs:
    """``last_hidden_state`` ``[tokens, hidden]`` to one vector ``[hidden]`` for each way of pooling.

    There is none of the pooler where the model has no pooler.
    """
    states = outputs["last_hidden_state"]
    vectors = {"mean": states.mean(axis=0, dtype=np.float64).astype(np.float32), "cls": states[0].copy()}
    if "pooler_output" in outputs:
        vectors["pooler"] = outputs["pooler_output"]
    return vectors


def likeness(texts: Sequence[tuple[Sequence[Window], Sequence[Outputs]]]) -> NDArray[np.float64]:
    """How like the last of some texts, given by their windows, is to each other one: ``[texts - 1]``.

    Probabilities: the softmax of the cosines of their vectors by `TEMPERATURE`.
    """
    *others, last = (vector_of(*text).astype(np.float64) for text in texts)
    return softmax(np.array(others) @ last / TEMPERATURE)


def vector_of(
    windows: Sequence[Window], outputs: Sequence[Outputs], pooling: str = "mean", *, normalize: bool = True
) -> Vector:
    """One vector ``[hidden]`` of the pooled windows of a text: their mean.

    Raises:
        OptionError: The pooler is asked for, and the model has none.
    """
    if pooling not in outputs[0]:
        raise OptionError(f"pooling {pooling!r}: this model has no pooler; take mean or cls")
    vector = mean_of(windows, [output[pooling] for output in outputs])
    if normalize:
        vector /= max(float(np.linalg.norm(vector)), SHORTEST)
    return vector.astype(np.float32)

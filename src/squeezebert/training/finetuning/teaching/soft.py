"""Soft targets: how far a student's answers are from a teacher's (Hinton et al., arXiv 1503.02531)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from squeezebert.config import SqueezeBertConfig
from squeezebert.tasks.base import ASKED, NO_LOSS
from squeezebert.tasks.text_classification import MULTI, REGRESSION, problem_type

Answers = Mapping[str, Tensor]
"""What a head gives, by name: ``logits``, or ``start_logits`` and ``end_logits``; shapes as the head's."""


def soft_loss(
    task: str,
    student: Answers,
    teacher: Answers,
    inputs: Answers,
    config: SqueezeBertConfig,
    temperature: float,
) -> Tensor:
    """Distance of the answers, summed over texts, questions or, in token classification, asked tokens.

    Args:
        task: Name of a task that a teacher can be had for.
        student: Answers to ``inputs``.
        teacher: The same of the teacher, labels in the student's order.
        inputs: Arguments of the head, with what tells padding from the rest.
        config: The student's.
        temperature: Divides logits; not those of regression, which are no logits.

    Returns:
        A scalar.
    """
    match task:
        case "text-classification":
            distances = of_labels(student["logits"], teacher["logits"], problem_type(config), temperature)
        case "token-classification":
            asked = inputs[ASKED if ASKED in inputs else "labels"] != NO_LOSS
            distances = divergence(student["logits"][asked], teacher["logits"][asked], temperature)
        case "question-answering":
            here = inputs["attention_mask"].bool()
            parts = [
                divergence(student[name], teacher[name], temperature, here)
                for name in ("start_logits", "end_logits")
            ]
            distances = torch.stack(parts).mean(0)
        case "multiple-choice":
            # Of padding the first token is seen; every choice has two at least.
            here = inputs["attention_mask"].sum(-1) > 1
            distances = divergence(student["logits"], teacher["logits"], temperature, here)
        case _:
            raise AssertionError(task)
    return distances.sum()


def of_labels(student: Tensor, teacher: Tensor, problem: str, temperature: float) -> Tensor:
    """Distance of text classifications: two of ``[batch, labels]`` -> ``[batch]``."""
    if problem == REGRESSION:
        return (student.float() - teacher.float()).square().mean(-1)
    if problem == MULTI:
        return binary_divergence(student, teacher, temperature)
    return divergence(student, teacher, temperature)


def divergence(student: Tensor, teacher: Tensor, temperature: float, here: Tensor | None = None) -> Tensor:
    """T² × Kullback-Leibler divergence of softmax(student / T) from softmax(teacher / T).

    T² keeps the gradient as large as that of the hard loss, whatever T is.

    Args:
        student: Logits ``[n, classes]``.
        teacher: The same.
        temperature: T.
        here: Which classes there are ``[n, classes]``; None for all. Every row has one.

    Returns:
        ``[n]``.
    """
    logits = [scores.float() / temperature for scores in (student, teacher)]
    if here is not None:
        # Finite, so that 0 × logarithm is 0.
        logits = [scores.masked_fill(~here, torch.finfo(scores.dtype).min) for scores in logits]
    mine, theirs = (scores.log_softmax(-1) for scores in logits)
    return temperature**2 * F.kl_div(mine, theirs, reduction="none", log_target=True).sum(-1)


def binary_divergence(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² × the divergence of each label's yes and no, in the mean: two of ``[n, labels]`` -> ``[n]``."""
    both = [
        torch.stack([scores.float(), torch.zeros_like(scores).float()], -1) for scores in (student, teacher)
    ]
    return divergence(both[0], both[1], temperature).mean(-1)

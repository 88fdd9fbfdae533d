"""Vectors learnt from pairs: the loss against its definition, padding, and what it asks for."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.data import Row
from squeezebert.errors import DataError, OptionError
from squeezebert.tasks import get_task
from squeezebert.tasks.inference import infer_task
from squeezebert.training import Teaching, TrainingData, TrainingSettings, train
from squeezebert.training.finetuning.similarity import SimilarityObjective, ranking_loss
from tests.training.conftest import make_data

PAIRS = st.lists(st.tuples(st.floats(-1, 1), st.sampled_from([0.0, 0.5, 1.0, 5.0])), min_size=1, max_size=13)


@given(PAIRS)
def test_the_loss_is_what_its_formula_says(pairs: list[tuple[float, float]]) -> None:
    terms = [
        math.exp(20 * (cosine - more)) for (cosine, low), (more, high) in product(pairs, pairs) if high > low
    ]
    cosines, labels = (torch.tensor(part, dtype=torch.float64) for part in zip(*pairs, strict=True))
    assert float(ranking_loss(cosines, labels)) == pytest.approx(math.log(1 + sum(terms)), abs=1e-9)


def test_only_the_order_of_the_labels_counts() -> None:
    cosines = torch.linspace(-1, 1, 7)
    labels = torch.tensor([3.0, 1, 4, 1, 5, 9, 2])
    assert ranking_loss(cosines, labels) == ranking_loss(cosines, labels.square() * 100)


def test_pairs_that_are_all_equally_alike_teach_nothing() -> None:
    cosines = torch.linspace(-1, 1, 7, requires_grad=True)
    loss = ranking_loss(cosines, torch.ones(7))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert cosines.grad is not None
    assert not cosines.grad.any()


def test_the_loss_is_that_of_the_vectors_that_users_get(trunk: str) -> None:
    """Padding counts for nothing, and the pooling is that of the pipeline."""
    data = make_data("feature-extraction")
    objective = SimilarityObjective(data, trunk, TrainingSettings(precision="fp32", dropout=0.0))
    objective.model.eval()
    lengths = [("ada", "london oslo vienna"), ("alan grace kurt emmy ada", "paris"), ("oslo ada", "oslo")]
    rows = [
        Row({"text": a, "text_pair": b, "label": score}, "made")
        for (a, b), score in zip(lengths, (0.0, 1.0, 2.0), strict=True)
    ]
    task = get_task("feature-extraction")
    examples = [task.labelled_example(row) for row in rows]
    features = [
        feature
        for example in examples
        for feature in task.features(
            example, task.encode(example, objective.setup), objective.setup, np.random.default_rng(0)
        )
    ]
    together = objective.losses(objective.collate(features))["loss"].item()
    vectors = []
    for feature in features:
        states = [
            objective.model(torch.tensor([[*text.ids]])).last_hidden_state[0] for text in feature.inputs
        ]
        vectors.append([state.mean(0) for state in states])
    cosines = torch.stack([torch.nn.functional.cosine_similarity(a, b, dim=0) for a, b in vectors])
    alone = 3 * ranking_loss(cosines, torch.tensor([0.0, 1.0, 2.0])).item()
    assert together == pytest.approx(alone, rel=1e-5)


def test_vectors_are_learnt_only_where_that_is_asked_for() -> None:
    row = Row({"sentence1": "a dog", "sentence2": "a hound", "score": 4.5}, "made")
    assert infer_task(row).name == "text-classification"


@pytest.mark.parametrize("size", [{"batch_size": 3}, {"batch_tokens": 20}])
def test_each_process_has_two_pairs_to_compare(
    trunk: str, monkeypatch: pytest.MonkeyPatch, size: dict[str, int]
) -> None:
    """With one each, the loss was 0 in every step, and the run finished."""
    monkeypatch.setattr("squeezebert.training.finetuning.similarity.process_count", lambda: 2)
    data, settings = make_data("feature-extraction"), TrainingSettings(epochs=1, **size)
    with pytest.raises(OptionError, match=r"2 processes|in each process"):
        SimilarityObjective(data, trunk, settings).epoch(0)


def test_what_is_missing_or_does_not_fit_is_said(trunk: str, out: Path) -> None:
    task = get_task("feature-extraction")
    with pytest.raises(DataError, match=r"made:1: .*label"):
        TrainingData.read(task, [Row({"text": "ada", "text_pair": "oslo"}, "made:1")], None)
    with pytest.raises(OptionError, match="not learnt from a teacher's answers"):
        train(make_data("feature-extraction"), out, start=trunk, teaching=Teaching(teacher=trunk))
    assert not [*out.glob("*")]
    for wrong in ({"batch_size": 1}, {"micro_batch_size": 1}):
        with pytest.raises(OptionError, match="size 1: pairs of texts are compared with each other"):
            train(make_data("feature-extraction"), out, start=trunk, settings=TrainingSettings(**wrong))
    with pytest.raises(OptionError, match="batch_tokens 5 has no room for two pairs of texts"):
        train(make_data("feature-extraction"), out, start=trunk, settings=TrainingSettings(batch_tokens=5))
    rows = [{"text": "ada", "text_pair": "oslo", "label": label} for label in (1, 2)]
    with pytest.raises(DataError, match="leaves 1 pairs of texts to learn from, which are compared"):
        train(TrainingData.read(task, rows[:1], rows[1:]), out, start=trunk)
    with pytest.raises(
        DataError, match="and 1 more: all have the label 1; what is learnt is which pairs are"
    ):
        train(TrainingData.read(task, 2 * rows[:1], rows[:1]), out, start=trunk)
    with pytest.raises(OptionError, match="freeze_blocks 2 leaves nothing to train"):
        train(make_data("feature-extraction"), out, start=trunk, settings=TrainingSettings(freeze_blocks=2))

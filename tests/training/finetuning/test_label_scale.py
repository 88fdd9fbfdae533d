"""Numbers far from 0 are learnt as numbers near it are, and a model answers in the units of its rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from squeezebert import modeling
from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import DataError, TrainingError
from squeezebert.pipelines import pipeline
from squeezebert.tasks import get_task
from squeezebert.training import TrainingData, TrainingSettings, train
from squeezebert.training.finetuning.label_scale import LabelScale
from squeezebert.training.finetuning.objective import TaskObjective
from tests.training.conftest import BAD, GOOD, make_data
from tests.training.stopping import Stopper

pytestmark = pytest.mark.usefixtures("no_pictures")

FAST = TrainingSettings(epochs=8, batch_size=8, learning_rate=1e-2, precision="fp32", threads=1)
YEARS = {**{word: 1990.0 + place for place, word in enumerate(GOOD)}, **dict.fromkeys(BAD, 1950.5)}


def numbers(unit: float = 1.0, offset: float = 0.0, count: int = 97) -> TrainingData:
    """Texts and a number for each, told by one word."""
    words = [*YEARS]
    rows: list[dict[str, Any]] = [
        {"text": f"the film is {words[row % 6]}", "label": offset + unit * YEARS[words[row % 6]]}
        for row in range(count)
    ]
    return TrainingData.read("text-classification", rows, rows[:31])


@pytest.mark.parametrize(("unit", "offset"), [(1.0, 0.0), (1e6, 0.0), (1e-4, 0.0), (0.1, -5000.0)])
def test_numbers_of_any_size_are_learnt(trunk: str, out: Path, unit: float, offset: float) -> None:
    data = numbers(unit, offset)
    result = train(data, out, start=trunk, settings=FAST)
    true = np.array([example.label for example in data.validation])
    assert result.metrics["mse"] < 0.05 * true.var()
    pipe = pipeline("text-classification", out, backend="torch")
    assert pipe.measure(data.validation) == result.metrics
    answer: Any = pipeline("text-classification", out)(["the film is dull"])[0]
    assert answer["score"] == pytest.approx(offset + unit * YEARS["dull"], abs=unit * 15)


def test_numbers_that_float32_does_not_tell_apart_are_refused(trunk: str, out: Path) -> None:
    with pytest.raises(
        DataError, match=r"differ by about 20\.2471 at 1e\+09, .*; subtract 1000001971 from all"
    ):
        train(numbers(offset=1e9), out, start=trunk, settings=FAST)
    assert not out.exists()


def test_the_unit_changes_nothing_of_what_is_learnt(trunk: str, out: Path) -> None:
    """Up to rounding: the years before and after they are moved by hand, as one had to."""
    found = []
    for name, offset in (("years", 0.0), ("moved", -1970.0)):
        train(numbers(offset=offset), out / name, start=trunk, settings=FAST)
        answers: Any = pipeline("text-classification", out / name, backend="torch")(
            [f"the film is {word}" for word in YEARS]
        )
        found.append([answer["score"] - offset for answer in answers])
    np.testing.assert_allclose(found[0], found[1], atol=0.05)


def test_a_head_that_is_there_goes_on_with_what_it_knows(trunk: str, out: Path) -> None:
    data = numbers()
    first = train(data, out / "first", start=trunk, settings=FAST)
    objective = TaskObjective(data, str(out / "first"), FAST)
    assert objective.evaluate()["mse"] == pytest.approx(first.metrics["mse"], rel=1e-3)
    objective.save(out / "again")
    before, after = (
        modeling.SqueezeBertForSequenceClassification.from_pretrained(out / name).state_dict()
        for name in ("first", "again")
    )
    for name, values in before.items():
        torch.testing.assert_close(after[name], values, rtol=1e-5, atol=1e-5)


def test_a_head_of_other_labels_is_a_new_one(trunk: str, out: Path) -> None:
    """Its answers begin near the mean of the numbers."""
    train(make_data(), out, start=trunk, settings=FAST)
    data = numbers()
    objective = TaskObjective(data, str(out), FAST)
    variance = np.var([example.label for example in data.validation])
    assert objective.evaluate()["mse"] < 10 * variance


@pytest.mark.parametrize("offset", [1e4, -1e6])
def test_a_head_of_other_units_is_a_new_one(trunk: str, out: Path, offset: float) -> None:
    """It began so many deviations off that it never came back."""
    train(numbers(), out / "first", start=trunk, settings=FAST)
    data = numbers(offset=offset)
    objective = TaskObjective(data, str(out / "first"), FAST)
    variance = np.var([example.label for example in data.validation])
    assert objective.evaluate()["mse"] < 3 * variance


def test_measuring_and_saving_change_no_bit_of_what_is_learnt(trunk: str, tmp_path: Path) -> None:
    objective = TaskObjective(numbers(), trunk, FAST)
    before = {name: values.clone() for name, values in objective.module.state_dict().items()}
    objective.evaluate()
    objective.save(tmp_path)
    for name, values in objective.module.state_dict().items():
        assert torch.equal(values, before[name]), name


def test_resumed_is_the_same(trunk: str, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(numbers(), whole, start=trunk, settings=FAST)
    often = replace(FAST, save_every=0)
    with pytest.raises(KeyboardInterrupt):
        train(numbers(), parts, start=trunk, settings=often, observers=[Stopper(after=17)])
    with pytest.raises(TrainingError, match="the run was started with data"):
        train(numbers(offset=1.0), parts, start=trunk, settings=often, resume=True)
    train(numbers(), parts, start=trunk, settings=often, resume=True)
    weights = [(folder / "model.safetensors").read_bytes() for folder in (whole, parts)]
    assert weights[0] == weights[1]


def test_equal_numbers_have_a_scale() -> None:
    rows = [{"text": "good", "label": 1990.5}] * 3
    data = TrainingData.read("text-classification", rows, rows)
    config = get_task("text-classification").configure(SqueezeBertConfig(), data.training)
    scale = LabelScale.of(data, config)
    assert scale == LabelScale(1990.5, 1.0)
    assert scale.scaled(torch.tensor([1990.5, 1991.5])).tolist() == [0.0, 1.0]


def test_labels_and_similarities_have_none() -> None:
    for task in ("text-classification", "feature-extraction"):
        data = make_data(task)
        assert LabelScale.of(data, data.task.configure(SqueezeBertConfig(), data.labelled)) is None

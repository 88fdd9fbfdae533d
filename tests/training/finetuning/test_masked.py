"""Masked language modelling scores hidden tokens alone, and learns what the model's own loss would teach."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from squeezebert.tasks.base import NO_LOSS
from squeezebert.training.finetuning.masked import MaskedObjective
from squeezebert.training.finetuning.run import make_objective
from squeezebert.training.finetuning.settings import TrainingSettings
from tests.training.conftest import make_data


def gradients(objective: MaskedObjective, loss: Tensor) -> dict[str, Tensor]:
    objective.model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    named = objective.model.named_parameters()
    return {name: weight.grad.clone() for name, weight in named if weight.grad is not None}


def test_loss_and_gradients_are_those_of_the_model(trunk: str) -> None:
    objective = make_objective(
        make_data("fill-mask", 13), trunk, TrainingSettings(dropout=0.0, batch_size=5), None
    )
    assert isinstance(objective, MaskedObjective)
    [batch, *_] = [objective.collate(items) for items in objective.epoch(0)]
    count = int((batch.inputs["labels"] != NO_LOSS).sum())
    assert 0 < count < batch.inputs["attention_mask"].sum()
    decoded = []
    objective.model.get_output_embeddings().register_forward_hook(
        lambda _module, _inputs, scores: decoded.append(scores.shape)
    )
    mine = objective.losses(batch)["loss"]
    assert decoded == [(count, objective.setup.config.vocab_size)]
    theirs = objective.model(**batch.inputs).loss * count
    assert mine.item() == pytest.approx(theirs.item(), rel=1e-6)
    expected = gradients(objective, theirs)
    found = gradients(objective, objective.losses(batch)["loss"])
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5)

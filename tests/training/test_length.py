"""Runs in epochs: the steps they do, those they foretell and those the learning rate follows are the same."""

from __future__ import annotations

import pytest

from squeezebert.training.length import Length
from squeezebert.training.state import Position


def shares(amount: float, batches: int) -> list[float]:
    """Those of all steps of a run, which goes as the loop goes; at each epoch it foretells its steps."""
    length, position, found = Length(amount, "epochs"), Position(), list[float]()
    foretold = set()
    while not length.reached(position):
        foretold.add(length.steps(position, batches))
        for _ in range(length.batches(position, batches)):
            found.append(length.share(position, batches))
            position.batch += 1
        position = Position(step=len(found), epoch=position.epoch + 1)
    assert foretold == {len(found)}
    return found


@pytest.mark.parametrize(
    ("amount", "batches", "steps"),
    [(0.5, 1, 1), (0.1, 5, 1), (0.25, 6, 2), (0.99, 3, 3), (1.5, 3, 5), (2.3, 10, 23)],
)
def test_fractions_of_an_epoch_are_whole_steps(amount: float, batches: int, steps: int) -> None:
    """The last step learnt at a rate of 0 where the fraction had been rounded up."""
    assert shares(amount, batches) == pytest.approx([(step + 0.5) / steps for step in range(steps)])


@pytest.mark.parametrize(("amount", "steps"), [(700, 8), (699, 8), (1, 1), (1400, 16)])
def test_a_run_in_tokens_ends_with_the_step_that_reaches_them(amount: int, steps: int) -> None:
    length, position = Length(amount, "tokens"), Position()
    while not length.reached(position):
        position.step += 1
        position.tokens += 90
        assert length.steps(position, 5) == steps
    assert position.step == steps


@pytest.mark.parametrize("amount", [1, 2.0, 3.0, 7.0])
@pytest.mark.parametrize("batches", [1, 3, 13, 1009])
def test_whole_epochs_keep_their_bits(amount: float, batches: int) -> None:
    """Published weights are learnt at these rates."""
    epochs = range(int(amount))
    assert shares(amount, batches) == [
        (epoch + (batch + 0.5) / batches) / amount for epoch in epochs for batch in range(batches)
    ]

"""A fine-tuning run: epochs, evaluations, and the states that it can be resumed from."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from squeezebert.errors import TrainingError
from squeezebert.tasks.base import Feature
from squeezebert.training.batches import plan_batches, tokens_of
from squeezebert.training.data import TrainingData, epoch_features
from squeezebert.training.evaluation import evaluate
from squeezebert.training.journal import JOURNAL_NAME, Journal
from squeezebert.training.settings import TrainingSettings
from squeezebert.training.state import STATE_NAME, Position, load_state, save_state
from squeezebert.training.trainer import Step, Trainer

# What may differ when a run is resumed.
_FREE = ("save_every", "threads")


class Observer:
    """Is told how a run goes; this one keeps silent."""

    def started(self, position: Position, steps: int) -> None:
        """The run starts or goes on at a position; ``steps`` is its expected length."""

    def stepped(self, step: Step) -> None:
        """A step is done."""

    def evaluated(self, step: int, metrics: Mapping[str, float], best: bool) -> None:
        """The validation rows are measured; ``best`` tells whether these weights are kept."""


class Run:
    """One run in one folder.

    Args:
        data: What to learn.
        start: Checkpoint to start from.
        folder: Where checkpoints, states and the journal go.
        settings: How to train.
        observer: Is told of steps and evaluations.

    Attributes:
        trainer: Model and optimizer.
        position: How far the run is.
    """

    def __init__(
        self, data: TrainingData, start: str, folder: Path, settings: TrainingSettings, observer: Observer
    ) -> None:
        self.data = data
        self.folder = folder
        self.settings = settings
        self.observer = observer
        self.trainer = Trainer(data, start, settings)
        data.check_validation(self.trainer.setup)
        self.position = Position()
        chosen = {name: value for name, value in dataclasses.asdict(settings).items() if name not in _FREE}
        self._identity = {"task": data.task.name, "model": start, "data": data.fingerprint(), **chosen}

    def resume(self) -> None:
        """Go to where the last sitting left its state; nothing happens where it left none.

        Raises:
            TrainingError: The state is damaged, or belongs to other settings or data.
        """
        path = self.folder / STATE_NAME
        if path.exists():
            trainer = self.trainer
            self.position = load_state(path, trainer.model, trainer.optimizer, self._identity)

    def finish(self) -> None:
        """Train to the end; the folder holds the best checkpoint then.

        Raises:
            TrainingError: The loss is not finite, or a file cannot be written.
        """
        with Journal(self.folder / JOURNAL_NAME, self.position.step) as journal:
            while self.position.epoch < self.settings.epochs:
                self._epoch(journal)

    def _epoch(self, journal: Journal) -> None:
        position, settings = self.position, self.settings
        features = epoch_features(
            self.data.task, self.data.training, self.trainer.setup, seed=settings.seed, epoch=position.epoch
        )
        batches = epoch_batches(features, settings, position.epoch)
        left = settings.epochs - position.epoch
        count = len(batches) if left >= 1 else max(1, round(left * len(batches)))
        self.observer.started(position, position.step - position.batch + round(left * len(batches)))
        for index in range(position.batch, count):
            batch = [features[item] for item in batches[index]]
            self._step(batch, position.epoch + (index + 0.5) / len(batches), journal)
        if settings.evaluate_every is None or (left <= 1 and position.step % settings.evaluate_every):
            self._evaluate(journal)
        position.epoch, position.batch = position.epoch + 1, 0
        self._save()

    def _step(self, batch: Sequence[Feature], epoch: float, journal: Journal) -> None:
        position, settings = self.position, self.settings
        try:
            step = self.trainer.step(batch, number=position.step + 1, epoch=epoch)
        except TrainingError as error:
            raise TrainingError(f"{error}; {self._remedy()}") from error
        position.step += 1
        position.batch += 1
        position.tokens += step.tokens
        position.seconds += step.seconds
        journal.write(
            {
                "step": step.step,
                "epoch": round(step.epoch, 4),
                "loss": step.loss,
                "learning_rate": step.learning_rate,
                "tokens_per_second": round(step.tokens / step.seconds),
            }
        )
        self.observer.stepped(step)
        if settings.evaluate_every is not None and position.step % settings.evaluate_every == 0:
            self._evaluate(journal)
        if position.step % settings.save_every == 0:
            self._save()

    def _evaluate(self, journal: Journal) -> None:
        position, trainer = self.position, self.trainer
        began = time.perf_counter()
        metrics = evaluate(self.data, trainer)
        headline = next(iter(metrics))
        # Of equals the later: where few rows make a coarse metric, the first would have learnt least.
        best = not position.best or metrics[headline] >= position.best[headline]
        if best:
            trainer.save(self.folder)
            position.best_step, position.best = position.step, metrics
        position.seconds += time.perf_counter() - began
        journal.write({"step": position.step, "evaluation": metrics, "best": best})
        self.observer.evaluated(position.step, metrics, best)

    def _save(self) -> None:
        trainer = self.trainer
        save_state(self.folder / STATE_NAME, trainer.model, trainer.optimizer, self.position, self._identity)

    def _remedy(self) -> str:
        kept = "no checkpoint was kept yet"
        if self.position.best_step is not None:
            kept = f"{self.folder} keeps the best checkpoint, of step {self.position.best_step}"
        return (
            f"{kept}; start anew with a lower --learning-rate ({self.settings.learning_rate / 3:.0e}), "
            "a longer --warmup or --precision fp32"
        )


def epoch_batches(features: Sequence[Feature], settings: TrainingSettings, epoch: int) -> list[list[int]]:
    """Plan the batches of an epoch; the seed and the epoch alone decide the order."""
    rng = np.random.default_rng([settings.seed, epoch, 1])
    return plan_batches([tokens_of(feature) for feature in features], settings, rng)

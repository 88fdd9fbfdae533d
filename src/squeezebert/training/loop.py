"""The loop: epochs, steps, evaluations, and the states that a run can be resumed from."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from squeezebert.checkpoints import read_stored
from squeezebert.errors import LostProcessError, OptionError, SqueezeBertError, TrainingError
from squeezebert.training.distributed import World
from squeezebert.training.length import Length
from squeezebert.training.objective import Objective
from squeezebert.training.observer import Observer
from squeezebert.training.schedule import learning_rate
from squeezebert.training.settings import LoopSettings
from squeezebert.training.state import STATE_NAME, Position, cannot_write, load_state, save_state
from squeezebert.training.trainer import Trainer

_log = logging.getLogger(__name__)


class Loop:
    """One run in one folder.

    Args:
        objective: What to learn.
        folder: Where checkpoints and states go.
        settings: How to learn it.
        world: The processes that share the work.
        observers: Are told of steps and evaluations.

    Attributes:
        trainer: Objective and optimizer.
        position: How far the run is.
        identity: What decides the weights that it ends with, by name.
    """

    def __init__(
        self,
        objective: Objective[Any],
        folder: Path,
        settings: LoopSettings,
        world: World,
        observers: Sequence[Observer],
    ) -> None:
        self.objective = objective
        self.folder = folder
        self.settings = settings
        self.trainer = Trainer(objective, settings, world)
        self.position = Position()
        self._world = world
        self._observers = observers if world.first else ()
        # A scheduler may tell any of the processes to go.
        self._stoppers = observers
        objective.watcher = self._working if self._observers else None
        self._length = Length.of(settings)
        # The precision that is used: "auto" may be another one on the machine that goes on.
        self.identity = {
            **objective.identity(), **settings.identity(), "precision": self.trainer.precision,
        }  # fmt: skip
        self._began = self._saved = time.monotonic()

    def resume(self) -> None:
        """Go to where the last sitting left its state; nothing happens where it left none.

        Where the best checkpoint is lost, the next one is the best.

        Raises:
            TrainingError: The state is damaged, or belongs to other settings or data.
        """
        path = self.folder / STATE_NAME
        if path.exists():
            self.position = load_state(path, self.objective.module, self.trainer.optimizer, self.identity)
        # Asked by all processes, whatever each of them sees of the folder.
        if self._world.any(self._world.first and not self._has_best()):
            self.position.best_step, self.position.best = None, {}

    def _has_best(self) -> bool:
        if self.position.best_step is None:
            return True
        try:
            read_stored(self.folder)
        except SqueezeBertError as error:
            step = self.position.best_step
            _log.warning("the checkpoint of step %d is lost (%s); the next one is kept", step, error)
            return False
        return True

    def run(self) -> bool:
        """Train to the end, or to where the sitting is to stop; its state is saved then.

        Returns:
            Whether the run is at its end. The folder holds the best checkpoint then.

        Raises:
            TrainingError: The loss is not finite, a file cannot be written, or the state that the run was
                resumed from is beyond the end of its epoch.
        """
        try:
            while not self._over():
                if not self._epoch():
                    self._save()
                    return False
            return True
        finally:
            for observer in self._observers:
                observer.close()

    def _over(self) -> bool:
        patience, position = self.settings.patience, self.position
        tired = patience is not None and position.stale >= patience
        return tired or self._length.reached(position)

    def _epoch(self) -> bool:
        """Train to the end of the epoch or of the run; False where the sitting is to stop before."""
        position = self.position
        batches = self.objective.epoch(position.epoch)
        count = self._length.batches(position, len(batches))
        if position.batch >= count:
            raise TrainingError(
                f"{self.folder / STATE_NAME}: the run was left after batch {position.batch} of an epoch that "
                f"now has {count}; resume it as it was, or start anew in another folder"
            )
        for observer in self._observers:
            observer.started(position, self._length.steps(position, len(batches)))
        for index in range(position.batch, count):
            self._step(batches[index], len(batches))
            if index + 1 == count:
                position.epoch, position.batch = position.epoch + 1, 0
            if self._due():
                self._evaluate()
            if self._over():
                return True
            if self._world.any(self._is_to_stop()):
                return False
            if time.monotonic() - self._saved >= 60 * self.settings.save_every:
                self._save()
        return True

    def _step(self, batch: Sequence[Any], batches: int) -> None:
        position = self.position
        try:
            step = self.trainer.step(
                batch,
                number=position.step + 1,
                epoch=position.epoch + (position.batch + 1) / batches,
                rate=learning_rate(self._length.share(position, batches), self.settings),
            )
        except LostProcessError:
            raise
        except TrainingError as error:
            raise TrainingError(f"{error}; {self._remedy()}") from error
        position.step += 1
        position.batch += 1
        position.tokens += step.tokens
        position.seconds += step.seconds
        for observer in self._observers:
            observer.stepped(step)

    def _working(self, what: str, done: int, total: int) -> None:
        for observer in self._observers:
            observer.working(what, done, total)

    def _due(self) -> bool:
        """Whether the model is to be measured after this step."""
        every, position = self.settings.evaluate_every, self.position
        ends = self._length.reached(position)
        return ends or (position.batch == 0 if every is None else position.step % every == 0)

    def _evaluate(self) -> None:
        position, began = self.position, time.perf_counter()
        metrics = self._world.from_first(self.objective.evaluate() if self._world.first else {})
        before = next(iter(position.best.values()), -math.inf)
        headline = next(iter(metrics.values()), math.inf)
        if not math.isfinite(headline) and metrics:
            raise TrainingError(
                f"{next(iter(metrics))} after step {position.step} is {headline}; {self._remedy()}"
            )
        position.stale = 0 if headline > before else position.stale + 1
        # Of equals the later: where few rows make a coarse metric, the first would have learnt least.
        best = headline >= before
        if best:
            self._keep()
            position.best_step, position.best = position.step, metrics
        position.seconds += time.perf_counter() - began
        for observer in self._observers:
            observer.evaluated(position.step, metrics, best)

    def _keep(self) -> None:
        if not self._world.first:
            return
        try:
            self.objective.save(self.folder)
        except (OSError, OptionError) as error:
            raise cannot_write(self.folder, error) from error

    def _is_to_stop(self) -> bool:
        limit = self.settings.stop_after
        timed_out = limit is not None and time.monotonic() - self._began >= 60 * limit
        return timed_out or any(observer.wants_stop() for observer in self._stoppers)

    def _save(self) -> None:
        if self._world.first:
            path, module = self.folder / STATE_NAME, self.objective.module
            save_state(path, module, self.trainer.optimizer, self.position, self.identity)
        self._saved = time.monotonic()

    def _remedy(self) -> str:
        kept = "no checkpoint was kept yet"
        if self.position.best_step is not None:
            kept = f"{self.folder} keeps the best checkpoint, of step {self.position.best_step}"
        rate = f"a lower --learning-rate ({self.settings.learning_rate / 3:.0e})"
        precision = "" if self.trainer.precision == "fp32" else " or --precision fp32"
        return f"{kept}; start anew in another folder with {rate}, a longer --warmup{precision}"

"""What one step does to a model: micro-batches, gradient, optimizer, on one process or several."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from squeezebert.errors import TrainingError
from squeezebert.modeling import SqueezeBertModel
from squeezebert.threads import check_threads
from squeezebert.training.distributed import World
from squeezebert.training.objective import MicroBatch, Objective
from squeezebert.training.observer import Step
from squeezebert.training.optimizer import make_optimizer
from squeezebert.training.precision import choose_device, choose_precision, forward_context
from squeezebert.training.settings import LoopSettings


class Trainer:
    """An objective with its optimizer, on a device.

    Args:
        objective: What to learn; it is moved to the device.
        settings: How.
        world: The processes that share the work.

    Attributes:
        device: Where it computes.
        precision: "bf16", "tf32" or "fp32".
        optimizer: AdamW or LAMB.

    Raises:
        OptionError: Device or precision are not to be had here.
    """

    def __init__(self, objective: Objective[Any], settings: LoopSettings, world: World) -> None:
        torch.set_num_threads(check_threads(settings.threads))
        self.objective = objective
        self.settings = settings
        self.device = choose_device(settings.device, world.local_rank)
        self.precision = choose_precision(settings.precision, self.device.type)
        torch.set_float32_matmul_precision("high" if self.precision == "tf32" else "highest")
        objective.to(self.device)
        self.optimizer = make_optimizer(objective.module, settings)
        self._world = world
        self._trained = [p for p in objective.module.parameters() if p.requires_grad]
        for module in objective.module.modules():
            if isinstance(module, SqueezeBertModel):
                if settings.checkpoint_activations:
                    module.gradient_checkpointing_enable()
                if settings.compile:
                    module.compile(dynamic=True)

    def step(self, batch: Sequence[Any], *, number: int, epoch: float, rate: float) -> Step:
        """Learn from one batch.

        Args:
            batch: The items of all processes.
            number: Of the step, from 1.
            epoch: Where the step stands in the run, in epochs; only noted.
            rate: Learning rate.

        Raises:
            TrainingError: The loss or its gradient is not finite; the weights are those of the step before.
        """
        began = time.perf_counter()
        _seed(self.settings.seed, number, self._world.rank)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        micros = self._micro_batches(batch)
        tokens, *totals = self._totals(micros)
        weights = {name: total for name, total in zip(self.objective.parts, totals, strict=True) if total}
        parts = self._backward(micros, weights)
        loss = sum(self.objective.parts[name] * value for name, value in parts.items())
        if not math.isfinite(loss):
            raise TrainingError(f"the loss of step {number} is {loss}")
        self._world.sum_gradients(self._trained)
        norm = torch.nn.utils.clip_grad_norm_(self._trained, self.settings.max_grad_norm).item()
        if not math.isfinite(norm):
            raise TrainingError(f"the gradient of step {number} has the norm {norm}")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return Step(number, epoch, loss, parts, rate, norm, int(tokens), time.perf_counter() - began)

    def _micro_batches(self, batch: Sequence[Any]) -> list[MicroBatch]:
        share = self._world.share(batch)
        size = self.settings.micro_batch_size or max(1, len(share))
        return [self.objective.collate(share[start : start + size]) for start in range(0, len(share), size)]

    def _totals(self, micros: Sequence[MicroBatch]) -> list[float]:
        """Tokens and the weight of each part, over the whole batch."""
        rows = [[micro.tokens, *(micro.weights[name] for name in self.objective.parts)] for micro in micros]
        none = [0.0] * (1 + len(self.objective.parts))
        here = torch.tensor([none, *rows], dtype=torch.float64).sum(0)
        totals: list[float] = self._world.sum(here).tolist()
        return totals

    def _backward(self, micros: Sequence[MicroBatch], weights: Mapping[str, float]) -> dict[str, float]:
        """Accumulate the gradient of this process's share; give the mean of each part over the whole batch.

        Args:
            micros: The share.
            weights: That of each part over the whole batch, without parts that nothing in it belongs to.
        """
        factors = {name: self.objective.parts[name] / weight for name, weight in weights.items()}
        sums = torch.zeros(len(weights), dtype=torch.float64)
        for micro in micros:
            if not any(micro.weights.values()):
                continue
            there = micro.to(self.device)
            with forward_context(self.precision, self.device.type):
                losses = self.objective.losses(there)
            loss = torch.stack([factor * losses[name] for name, factor in factors.items()]).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            sums += torch.stack([losses[name].detach() for name in weights]).double().cpu()
        means = self._world.sum(sums) / torch.tensor(list(weights.values()), dtype=torch.float64)
        return dict(zip(weights, means.tolist(), strict=True))


def _seed(seed: int, step: int, rank: int) -> None:
    """Make the random numbers of a step depend on nothing but these."""
    torch.manual_seed(int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0] >> 1))

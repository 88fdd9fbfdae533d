"""LAMB, the optimizer of the published pre-training, in its two dialects.

Source: You et al., "Large Batch Optimization for Deep Learning", arXiv 1904.00962, version 3, algorithm 2;
NVIDIA's dialect is that of apex and timm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn

from squeezebert.errors import OptionError

_LARGEST_WEIGHT_NORM = 10.0


class Lamb(torch.optim.Optimizer):
    """Adam whose step for each tensor is as long as a share of the tensor itself.

    The step of a tensor is scaled by its trust ratio, the norm of the weights over that of the update.
    Tensors without weight decay (biases, norms) take the plain step of Adam, as is usual.

    Args:
        params: Parameters or groups of them.
        lr: Learning rate.
        betas: Decay of the means of gradients and of their squares.
        eps: Added to the root of the latter.
        weight_decay: Share of the weights in the update.
        dialect: "paper": no bias correction, and the weight norm in the trust ratio is at most 10.
            "nvidia": bias correction, and the gradient of all parameters together is scaled down to a norm of
            ``max_grad_norm`` first.
        max_grad_norm: Of the dialect "nvidia".

    Raises:
        OptionError: There is no such dialect.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.01,
        dialect: str = "paper",
        max_grad_norm: float = 1.0,
    ) -> None:
        if dialect not in ("paper", "nvidia"):
            raise OptionError(f"LAMB has no dialect {dialect!r}; it has paper and nvidia")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})
        self._nvidia = dialect == "nvidia"
        self._max_grad_norm = max_grad_norm

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Do one step with the gradients that are there."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        scale = self._gradient_scale() if self._nvidia else None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    gradient = parameter.grad if scale is None else parameter.grad * scale
                    self._step_tensor(parameter, gradient, group)
        return loss

    def _gradient_scale(self) -> Tensor | None:
        """A factor, at most 1, that brings the global norm to ``max_grad_norm``; None without gradients."""
        gradients = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        if not gradients:
            return None
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
        scale: Tensor = 1 / (norm / self._max_grad_norm).clamp(min=1.0)
        return scale

    def _step_tensor(self, parameter: nn.Parameter, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state.update(step=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["step"] += 1
        beta1, beta2 = group["betas"]
        mean, square = state["mean"], state["square"]
        mean.lerp_(gradient, 1 - beta1)
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        first, second = 1.0, 1.0
        if self._nvidia:
            first, second = 1 - beta1 ** state["step"], 1 - beta2 ** state["step"]
        update = (mean / first) / ((square / second).sqrt_().add_(group["eps"]))
        if group["weight_decay"]:
            update.add_(parameter, alpha=group["weight_decay"])
            update.mul_(self._trust_ratio(parameter, update))
        parameter.sub_(update, alpha=group["lr"])

    def _trust_ratio(self, parameter: Tensor, update: Tensor) -> Tensor:
        """Norm of the weights over norm of the update; 1 where one of them is 0."""
        weight_norm, update_norm = torch.linalg.vector_norm(parameter), torch.linalg.vector_norm(update)
        if not self._nvidia:
            weight_norm = weight_norm.clamp(max=_LARGEST_WEIGHT_NORM)
        ratio = weight_norm / update_norm
        return torch.where((weight_norm > 0) & (update_norm > 0), ratio, torch.ones_like(ratio))

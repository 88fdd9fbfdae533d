"""What the machine can do at most: large matrix products, and dot products back to back.

The loaders have the signature of the other peers', and give billions of operations per second. A
multiplication and an addition are two operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from squeezebert.benchmark.peers.base import Job, Measure, Prepare, timed
from squeezebert.benchmark.workloads import Ids
from squeezebert.errors import OptionError

if TYPE_CHECKING:
    import torch

_SIZE = 2048
_TRIAL_SIZE, _TRIALS = 256, 9
_SECONDS = 0.1
# Times as long as in fp32: what the processor computes is faster, what torch emulates fifty times slower.
_EMULATED = 8


def load_fp32(job: Job) -> Prepare:
    """A product of two fp32 matrices in torch."""
    import torch

    return _product(job, torch.randn(_SIZE, _SIZE), torch.mm)


def load_bf16(job: Job) -> Prepare:
    """A product of two bf16 matrices in torch.

    Raises:
        OptionError: The processor has no such products and torch emulates them.
    """
    import torch

    return _product(job, torch.randn(_SIZE, _SIZE).bfloat16(), torch.mm)


def load_int8_gemm(job: Job) -> Prepare:
    """A product of two int8 matrices in torch.

    Raises:
        OptionError: The processor has no such products and torch emulates them.
    """
    import torch

    # Private, and the only int8 product of torch with int32 sums.
    return _product(job, torch.randint(-127, 128, (_SIZE, _SIZE), dtype=torch.int8), torch._int_mm)


def load_dot_products(job: Job) -> Prepare:
    """Instructions of the best int8 dot product back to back, with operands in registers."""
    from squeezebert import _native

    def prepare(_: Ids) -> Measure:
        return lambda: _native.int8_ceiling(job.threads, _SECONDS)

    return prepare


def _refuse_emulation(matrix: torch.Tensor, multiply: Callable[[Any, Any], Any]) -> None:
    single = matrix.float()
    clocks = timed(lambda: multiply(matrix, matrix)), timed(lambda: single @ single)
    taken, in_fp32 = (min(clock() for _ in range(_TRIALS)) for clock in clocks)
    if taken > _EMULATED * in_fp32:
        raise OptionError(f"torch emulates products of {str(matrix.dtype).removeprefix('torch.')} here")


def _product(job: Job, matrix: torch.Tensor, multiply: Callable[[Any, Any], Any]) -> Prepare:
    import torch

    torch.set_num_threads(job.threads)
    # Not fp32 against itself: a busy machine has taken eight times as long for one of two small products.
    if matrix.dtype != torch.float32:
        _refuse_emulation(matrix[:_TRIAL_SIZE, :_TRIAL_SIZE].contiguous(), multiply)
    clock = timed(lambda: multiply(matrix, matrix))
    operations = 2 * _SIZE**3

    def prepare(_: Ids) -> Measure:
        return lambda: operations / clock() / 1e6

    return prepare

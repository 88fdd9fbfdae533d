"""Several processes as one run: ``torchrun`` starts them, each takes its share of every batch.

The gradient is summed over processes once a step, after all micro-batches, and not by torch's
``DistributedDataParallel``, which averages over processes while it goes backwards: an average is wrong where
shares differ in labelled tokens, and parameters without a gradient (an unused pooler) need extra care there.
"""

from __future__ import annotations

import functools
import itertools
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from squeezebert.errors import LostProcessError, OptionError
from squeezebert.training.state import first_difference

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

ValueT = TypeVar("ValueT")

# The first process evaluates while the others wait for it.
_PATIENCE = timedelta(hours=6)
_MEETING = timedelta(minutes=5)
"""How long the first process waits for the others to begin."""

_meetings = itertools.count(1)


@dataclass(frozen=True)
class World:
    """The processes of a run.

    What they do together raises ``LostProcessError`` where one of them has ended.

    Attributes:
        rank: Number of this one, from 0; only the first writes files.
        size: How many there are.
        local_rank: Its number on this machine, which is that of its GPU.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def share(self, items: Sequence[ValueT]) -> Sequence[ValueT]:
        """The items of a batch that this process computes; none where there are fewer than processes."""
        return items[self.rank :: self.size]

    def sum(self, values: Tensor) -> Tensor:
        """Add a tensor up over processes, in place."""
        if self.size > 1:
            with _in_touch():
                dist.all_reduce(values)
        return values

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add gradients up over processes; one that is missing here may be there elsewhere."""
        if self.size == 1:
            return
        trained = list(parameters)
        present = torch.tensor([float(p.grad is not None) for p in trained], device=trained[0].device)
        wanted = [p for p, there in zip(trained, self.sum(present).tolist(), strict=True) if there]
        if not wanted:  # Nothing in the batch is labelled.
            return
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in wanted]
        flat = self.sum(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = torch.split(flat, [p.numel() for p in wanted])
        for parameter, part in zip(wanted, parts, strict=True):
            parameter.grad = part.view_as(parameter)

    def any(self, flag: bool) -> bool:
        """Whether any process says yes."""
        return bool(self.sum(torch.tensor(float(flag))) > 0)

    def from_first(self, value: ValueT) -> ValueT:
        """The value that the first process has."""
        values = [value]
        if self.size > 1:
            with _in_touch():
                dist.broadcast_object_list(values, src=0)
        return values[0]

    def check_same(self, identity: Mapping[str, Any]) -> None:
        """See that all processes were started alike; else each would learn something else, or wait for ever.

        Args:
            identity: What the run depends on, by name.

        Raises:
            OptionError: They were not.
        """
        first = self.from_first(dict(identity))
        name = first_difference(first, identity)
        if not self.any(name is not None):
            return
        why = "another one has other data or settings"
        if name is not None:
            why = f"{name} is {first.get(name)!r} in the first and {identity[name]!r} in number {self.rank}"
        raise OptionError(f"the processes of the run are not alike: {why}; start all with the same")


@contextmanager
def _in_touch() -> Iterator[None]:
    """Say in a line that a connection has closed."""
    try:
        yield
    except RuntimeError as error:
        # Torch has no type of its own for it.
        if "gloo/transport" not in str(error):
            raise
        raise LostProcessError(
            "another process of the run has ended, with a message of its own unless it was killed; when its "
            "cause is mended, go on with --resume"
        ) from error


def is_first_process() -> bool:
    """Whether this is the one of ``torchrun``'s processes that writes, where they do not work together."""
    return process_count() == 1 or os.environ.get("RANK", "0") == "0"


def process_count() -> int:
    """How many processes ``torchrun`` has started; 1 without it.

    Raises:
        OptionError: ``WORLD_SIZE`` is no number of processes.
    """
    size = os.environ.get("WORLD_SIZE", "1")
    if not size.isdecimal() or int(size) == 0:
        raise OptionError(f"WORLD_SIZE is {size!r}, which is no number of processes; unset it")
    return int(size)


@contextmanager
def joined() -> Iterator[World]:
    """Join the processes that ``torchrun`` has started, and leave them at the end; alone without it.

    Within another such block nothing changes.

    Raises:
        LostProcessError: The others have not come within five minutes.
        OptionError: ``WORLD_SIZE`` is set, and not what ``torchrun`` sets with it.
    """
    if process_count() == 1 or not dist.is_available():
        yield World()
        return
    if dist.is_initialized():
        yield _world()
        return
    with _ended_by_signals():
        _meet()
    try:
        yield _world()
    finally:
        dist.destroy_process_group()


def _meet() -> None:
    # The optimizer imports this at its first step, and its default arguments then keep the group alive beyond
    # its end: the threads of gloo abort the process when it exits.
    import torch.distributed.nn

    # Torch may have been built without it.
    from torch.distributed.distributed_c10d import PrefixStore

    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        common, rank, size = _appointment()
        # What was written at an earlier meeting stays in the store.
        store = PrefixStore(f"squeezebert/{next(_meetings)}", common)
        store.set(str(rank), "here")
        store.wait([str(number) for number in range(size)], _MEETING)
        store.set_timeout(_PATIENCE)
        with _in_touch():
            dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_PATIENCE)
    except dist.DistError as error:
        raise LostProcessError(
            f"the processes of the run have not all come within {_MEETING.seconds // 60} minutes; see "
            "whether all were started, and can reach the first one"
        ) from error


@functools.cache
def _appointment() -> tuple[Store, int, int]:
    """The store in which processes find each other, which number this one is, and of how many."""
    # Torch may have been built without it.
    from torch.distributed.rendezvous import rendezvous

    try:
        store, rank, size = next(iter(rendezvous("env://", timeout=_MEETING)))
    except ValueError as error:
        raise OptionError(
            f"WORLD_SIZE is {process_count()}, but {error}; start with torchrun, or unset WORLD_SIZE"
        ) from error
    return store, rank, size


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the process at once: torch waits where Python hears of no signal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _world() -> World:
    return World(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))

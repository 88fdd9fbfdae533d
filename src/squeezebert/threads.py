"""How many threads this process may really use: container quota and affinity, not the host's core count."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from squeezebert.errors import OptionError, check_whole

VARIABLE = "OMP_NUM_THREADS"

MOST = 1024
"""Threads of a process; each has memory of its own, and no machine has more processors for one."""

_V1_MOUNTS = ("cpu", "cpu,cpuacct", "cpuacct,cpu")


def default_threads() -> int:
    """Give the number of threads to compute with when nothing else is asked for.

    It is ``OMP_NUM_THREADS`` where that is a number from 1 to :data:`MOST`, else the CPUs of the process's
    affinity, but no more than the whole CPUs of its cgroup's quota: a thread beyond it would only be
    throttled.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked.isdecimal() and 0 < int(asked) <= MOST:
        return int(asked)
    quota = cgroup_quota(Path("/"))
    allowed = affinity()
    return allowed if quota is None else max(1, min(allowed, int(quota)))


def check_threads(threads: int | None) -> int:
    """Give the number of threads asked for, or the default for None.

    Raises:
        OptionError: It is no whole number from 1 to :data:`MOST`.
    """
    if threads is None:
        return default_threads()
    check_whole(threads=threads)
    if threads > MOST:
        raise OptionError(f"threads {threads} is more than {MOST}; leave it out for {default_threads()}")
    if threads < 1:
        raise OptionError(f"threads {threads} is not positive; leave it out for {default_threads()}")
    return int(threads)


def affinity() -> int:
    """CPUs that the scheduler may put this process on; all where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cgroup_quota(root: Path) -> float | None:
    """Give the CPUs that the control group of this process may use, None for no limit.

    A group is limited by each of its ancestors too. Inside a container the group's path is often that of
    the host and not there; then its ancestors that are there count. Sources: Linux kernel documentation,
    ``cgroup-v2.rst`` (``cpu.max``) and ``sched-bwc.rst`` (``cpu.cfs_quota_us``).

    Args:
        root: ``/``, or a folder that stands for it.
    """
    quotas = [quota for folder in _groups(root) if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of this process's group and of its ancestors, in both versions' hierarchies."""
    mount = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers == "":
            tops = [mount, mount / "unified"]
        elif "cpu" in controllers.split(","):
            tops = [mount / name for name in _V1_MOUNTS]
        else:
            continue
        inside = Path(path.lstrip("/"))
        for top in tops:
            for part in (inside, *inside.parents):
                yield top / part


def _quota(folder: Path) -> float | None:
    """Microseconds of CPU time per microsecond, from either version's files."""
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    if not quota:
        quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    try:
        # "max" in version 2 and -1 in version 1 mean no limit.
        return int(quota) / int(period) if int(quota) > 0 else None
    except (ValueError, ZeroDivisionError):
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

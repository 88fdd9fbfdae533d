"""The number of threads comes from quota and affinity, read from files that stand for those of Linux."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from squeezebert import threads
from squeezebert.errors import OptionError


def tree(root: Path, **files: str) -> Path:
    """Write files by their path."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def test_version_2_quota_of_a_container(tmp_path: Path) -> None:
    root = tree(tmp_path, **{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"})
    assert threads.cgroup_quota(root) == 2.5


def test_version_2_without_limit(tmp_path: Path) -> None:
    root = tree(tmp_path, **{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"})
    assert threads.cgroup_quota(root) is None


def test_version_2_counts_the_tightest_ancestor(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        **{
            "proc/self/cgroup": "0::/system.slice/app.service\n",
            "sys/fs/cgroup/system.slice/cpu.max": "150000 50000\n",
            "sys/fs/cgroup/system.slice/app.service/cpu.max": "max 100000\n",
        },
    )
    assert threads.cgroup_quota(root) == 3.0


def test_version_1_quota_under_the_path_of_the_group(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        **{
            "proc/self/cgroup": "5:memory:/m\n2:cpu,cpuacct:/docker/abc\n0::/\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "400000\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
        },
    )
    assert threads.cgroup_quota(root) == 4.0


def test_version_1_where_the_path_is_that_of_the_host(tmp_path: Path) -> None:
    """Inside a container the group's files lie at the mount, not under the host's path."""
    root = tree(
        tmp_path,
        **{
            "proc/self/cgroup": "4:cpu:/kubepods/pod7\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert threads.cgroup_quota(root) == 1.5


def test_version_1_without_limit(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        **{
            "proc/self/cgroup": "4:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert threads.cgroup_quota(root) is None


@pytest.mark.parametrize("content", ["", "x y", "0 0", "100000", "100000 0"])
def test_unreadable_quotas_are_no_limit(tmp_path: Path, content: str) -> None:
    root = tree(tmp_path, **{"proc/self/cgroup": "0::/\nnonsense\n", "sys/fs/cgroup/cpu.max": content})
    assert threads.cgroup_quota(root) is None


def test_no_control_groups_are_no_limit(tmp_path: Path) -> None:
    assert threads.cgroup_quota(tmp_path) is None


@pytest.mark.parametrize(
    ("quota", "cpus", "expected"), [(None, 8, 8), (2.5, 8, 2), (0.4, 8, 1), (16.0, 3, 3)]
)
def test_default_is_the_smaller_of_quota_and_affinity(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, cpus: int, expected: int
) -> None:
    monkeypatch.delenv(threads.VARIABLE, raising=False)
    monkeypatch.setattr(threads, "cgroup_quota", lambda root: quota)
    monkeypatch.setattr(threads, "affinity", lambda: cpus)
    assert threads.default_threads() == expected


def test_affinity_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 5, 9}, raising=False)
    assert threads.affinity() == 3
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert threads.affinity() == 7


def test_the_environment_goes_before_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(threads.VARIABLE, "5")
    assert threads.default_threads() == 5
    monkeypatch.setenv(threads.VARIABLE, "3000000000")
    assert threads.default_threads() < threads.MOST
    monkeypatch.setenv(threads.VARIABLE, "many")
    monkeypatch.setattr(threads, "cgroup_quota", lambda root: None)
    monkeypatch.setattr(threads, "affinity", lambda: 3)
    assert threads.default_threads() == 3


def test_asked_number_goes_before_all_and_must_be_positive() -> None:
    assert threads.check_threads(11) == 11
    with pytest.raises(OptionError, match="threads 0 is not positive"):
        threads.check_threads(0)
    with pytest.raises(OptionError, match="threads 1025 is more than 1024"):
        threads.check_threads(threads.MOST + 1)
    for wrong in ("2", 1.5, True):
        with pytest.raises(OptionError, match=f"threads is {wrong!r}; expected a whole number"):
            threads.check_threads(wrong)  # type: ignore[arg-type]

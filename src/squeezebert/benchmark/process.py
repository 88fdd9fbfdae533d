"""The side of a worker that gives it turns: starts its process, lets it run, holds it, ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from squeezebert.benchmark.plan import Contestant
from squeezebert.benchmark.workloads import Ids

_LONGEST_REASON = 300
# Elsewhere a held process could outlive a killed parent.
_CAN_HOLD = sys.platform == "linux"


class WorkerError(Exception):
    """A worker cannot load its model, or has died; the message says why."""


class WorkerProcess:
    """A process that measures one contestant.

    It is stopped between its turns (on Linux), because the threads of some runtimes go
    on spinning for a while after a call and would take the processor from the next.

    Args:
        contestant: What it measures.
        works: Ids of each work by name.
        threads: Threads to compute with.
        cache: Folder for what takes long to build.
    """

    def __init__(
        self, contestant: Contestant, works: Mapping[str, Ids], *, threads: int, cache: Path
    ) -> None:
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "squeezebert.benchmark.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, encoding="utf-8",
            env=_environment(contestant, threads, cache),
        )  # fmt: skip
        self._request = {
            "loader": contestant.peer.loader,
            "model": contestant.model.to_dict(),
            "threads": threads,
            "cache": str(cache),
            "works": works,
        }

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                stream.close()

    def load(self, limit: float) -> None:
        """Let it load its model, within a number of seconds.

        Raises:
            WorkerError: It cannot.
        """
        self._ask(self._request, limit)
        self._hold()

    def turn(self, work: str, *, warm_up: float, seconds: float, calls: int, limit: float) -> dict[str, Any]:
        """Let it measure a work; see :func:`squeezebert.benchmark.worker.take_turn`.

        Raises:
            WorkerError: It died, or took longer than ``limit`` seconds.
        """
        self._let_go()
        answer = self._ask({"work": work, "warm_up": warm_up, "seconds": seconds, "calls": calls}, limit)
        self._hold()
        return answer

    def _ask(self, message: Mapping[str, Any], limit: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Killed where it takes too long, which ends the wait for its answer.
        timer = threading.Timer(limit, self._process.kill)
        started = time.monotonic()
        timer.start()
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            is_late = time.monotonic() - started >= limit
            raise WorkerError(f"took longer than {limit:g} s" if is_late else self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(_one_line(answer["error"]))
        return answer

    def _last_words(self) -> str:
        code = self._process.wait()
        self._log.seek(0)
        lines = [line for line in self._log.read().splitlines() if line.strip()]
        said = f": {_one_line(lines[-1])}" if lines else ""
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"the process {how}{said}"

    def _hold(self) -> None:
        if _CAN_HOLD:
            self._process.send_signal(signal.SIGSTOP)

    def _let_go(self) -> None:
        if _CAN_HOLD:
            self._process.send_signal(signal.SIGCONT)


def _environment(contestant: Contestant, threads: int, cache: Path) -> dict[str, str]:
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        **contestant.peer.environment,
    }


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}…"

"""Threads of the libraries that commands use: how many there are, and how they wait for each other."""

from __future__ import annotations

import os

from squeezebert.errors import MissingExtraError

BRIEFLY = {"GOMP_SPINCOUNT": "1000"}
"""Turns of a loop in which a thread waits for the others before it sleeps. GNU's OpenMP takes 300,000 by
default: beside a busy process, whoever waits keeps the one that is waited for from its core;
docs/decisions.md has figures."""


def leave_numpy_alone() -> None:
    """Let numpy's OpenBLAS start no threads, where nothing else is asked for.

    To be called before numpy is imported. Beside the engine it has nothing to multiply that they would be of
    use for, and new ones keep a core busy for 0.1 s: a third of what a process takes to answer one text.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def wait_briefly() -> None:
    """Have torch's threads go to sleep soon, where nothing else is asked for.

    To be called before torch is imported: the library reads it when it is loaded.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, turns in BRIEFLY.items():
            os.environ.setdefault(name, turns)


def import_torch() -> None:
    """Import torch for training, with threads that wait briefly.

    Raises:
        MissingExtraError: It is not installed.
    """
    wait_briefly()
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError("training", "train") from error

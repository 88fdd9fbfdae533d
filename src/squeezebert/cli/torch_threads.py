"""torch for commands: that it is installed, and how its threads wait for each other."""

from __future__ import annotations

import os

from squeezebert.errors import MissingExtraError

BRIEFLY = {"GOMP_SPINCOUNT": "1000"}
"""Turns of a loop in which a thread waits for the others before it sleeps. GNU's OpenMP takes 300,000 by
default: beside a busy process, whoever waits keeps the one that is waited for from its core;
docs/decisions.md has figures."""


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

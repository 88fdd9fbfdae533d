"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# The same examples in every run, however slow the machine is at the moment.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")

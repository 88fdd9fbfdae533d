"""Tasks that models are not trained for: what they learnt for another one does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from squeezebert.errors import OptionError
from squeezebert.tasks.base import ExampleT, Feature, OptionsT, Setup, Task, Window


class UntrainedTask(Task[ExampleT, OptionsT]):
    """A task without a head or targets of its own.

    Attributes:
        remedy: What to do in place of training for it, for the message of the error.
    """

    remedy: ClassVar[str]

    def check_trainable(self) -> None:
        """Refuse; see :meth:`Task.check_trainable`."""
        raise OptionError(f"no model is trained for {self.name}; {self.remedy}")

    def features(
        self, example: ExampleT, windows: Sequence[Window], setup: Setup, rng: np.random.Generator
    ) -> list[Feature]:
        """Refuse, as :meth:`check_trainable` does."""
        self.check_trainable()
        return []

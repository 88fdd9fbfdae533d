"""What learning a task from a teacher is asked to do."""

from __future__ import annotations

import math
from dataclasses import dataclass

from squeezebert.errors import OptionError
from squeezebert.training.layers import TEACHER_PRECISIONS, check_layer_map
from squeezebert.training.settings import check_plain


@dataclass(frozen=True, kw_only=True)
class Teaching:
    """A teacher for a task, and how much of it is learnt.

    The loss is ``soft_share`` × the distance to the teacher's answers + (1 - ``soft_share``) × the head's own
    loss on labelled rows + ``hidden_factor`` × the distance of the mapped layers.

    Attributes:
        teacher: Folder, embedded name or hub name of a model that was trained for the task, with the labels
            and the tokenizer of the student.
        soft_share: From 0 to 1.
        temperature: Divides the logits of both before they are compared.
        layer_map: Pairs of blocks, of the student and of the teacher, counted from 1.
        hidden_factor: Weight of the cosine distance of the layers in ``layer_map``.
        teacher_precision: "int8" or "fp32" on the engine; "torch" for torch in full precision, which a GPU or
            ``layer_map`` needs.

    Raises:
        OptionError: A value makes no sense.
    """

    teacher: str
    soft_share: float = 0.5
    temperature: float = 2.0
    layer_map: tuple[tuple[int, int], ...] = ()
    hidden_factor: float = 1.0
    teacher_precision: str = "int8"

    def __post_init__(self) -> None:
        check_plain(self)
        if not 0 <= self.soft_share <= 1:
            raise OptionError(f"soft_share {self.soft_share} is not from 0 to 1")
        for name in ("temperature", "hidden_factor"):
            if not 0 < getattr(self, name) < math.inf:
                raise OptionError(f"{name} {getattr(self, name)} is not positive")
        if self.teacher_precision not in TEACHER_PRECISIONS:
            raise OptionError(
                f"teacher_precision {self.teacher_precision!r} is not one of {', '.join(TEACHER_PRECISIONS)}"
            )
        check_layer_map(self.layer_map, self.teacher_precision)
        if not (self.soft_share or self.layer_map):
            raise OptionError(
                "soft_share 0 without layers to compare: there is nothing to learn from a teacher"
            )

    @property
    def factors(self) -> dict[str, float]:
        """Weight of each part of the loss that is computed."""
        factors = {"soft": self.soft_share, "hard": 1 - self.soft_share}
        if self.layer_map:
            factors["hidden"] = self.hidden_factor
        return {name: factor for name, factor in factors.items() if factor}

"""What a distillation run is asked to do."""

from __future__ import annotations

import math
from dataclasses import dataclass

from squeezebert.errors import OptionError
from squeezebert.training.layers import TEACHER_PRECISIONS, check_layer_map
from squeezebert.training.settings import LoopSettings

LOSSES = ("tokens", "sentence", "pooler", "similarity", "hidden", "mlm")


@dataclass(frozen=True, kw_only=True)
class DistillationSettings(LoopSettings):
    """Settings of a run of general distillation; those of the embedded trunk: recipes/mini/trunk.toml.

    Attributes:
        batch_tokens: Tokens a step.
        longest: Tokens of a text at most, special tokens included.
        passages: Share of the texts that are passages of as many sentences as fit a length that is drawn for
            each, from a quarter of ``longest`` to all of it; the rest are sentences.
        epoch_texts: Texts of an epoch. Texts of one epoch are sorted by length together.
        tokens_factor: Weight of the cosine distance of last hidden states, token by token.
        sentence_factor: Weight of the cosine distance of mean-pooled sentence vectors.
        pooler_factor: Weight of the cosine distance of the pooler's output to the teacher's sentence vector.
        similarity_factor: Weight of the squared difference of the batch's similarity matrices.
        hidden_factor: Weight of the cosine distance of the layers in ``layer_map``.
        layer_map: Pairs of blocks, of the student and of the teacher, counted from 1.
        mlm_factor: Weight of masked language modelling.
        mlm_share: Share of the batches that are masked language modelling, without the teacher.
        freeze_blocks: Blocks of the student, from the first one, that stay as they are, and all embeddings
            with them, so that what was fine-tuned above them still fits.
        teacher_precision: "int8" or "fp32" on the engine; "torch" for torch in the run's precision, which
            a GPU or ``layer_map`` needs.
        evaluation_texts: Held-out sentences to measure on.

    Raises:
        OptionError: A value makes no sense.
    """

    batch_tokens: int = 4096
    longest: int = 128
    passages: float = 0.05
    epoch_texts: int = 1 << 17
    tokens_factor: float = 1.0
    sentence_factor: float = 3.0
    pooler_factor: float = 3.0
    similarity_factor: float = 20.0
    hidden_factor: float = 0.3
    layer_map: tuple[tuple[int, int], ...] = ()
    mlm_factor: float = 1.0
    mlm_share: float = 0.0
    freeze_blocks: int = 0
    teacher_precision: str = "int8"
    evaluation_texts: int = 1024
    learning_rate: float = 8e-4
    warmup: float = 0.03
    beta2: float = 0.98

    def __post_init__(self) -> None:
        super().__post_init__()
        self._positive("batch_tokens", "epoch_texts", "evaluation_texts")
        self._of_an_epoch("epoch_texts")
        self._share("passages", "mlm_share")
        self._one_of("teacher_precision", TEACHER_PRECISIONS)
        if self.freeze_blocks < 0:
            raise OptionError(f"freeze_blocks {self.freeze_blocks} is negative")
        if self.longest < 8:
            raise OptionError(f"longest {self.longest} is less than 8")
        for name in LOSSES:
            if not 0 <= (factor := getattr(self, f"{name}_factor")) < math.inf:
                raise OptionError(f"{name}_factor {factor} is {'negative' if factor < 0 else 'no number'}")
        if not self.factors:
            raise OptionError("no part of the loss has a weight; there is nothing to learn")
        if self.mlm_share and not self.mlm_factor:
            raise OptionError(f"mlm_share {self.mlm_share} is of a part without weight; give mlm_factor, too")
        if self.factors.keys() == {"mlm"} and self.mlm_share < 1:
            raise OptionError("nothing is learnt from the teacher; give it a factor, or pre-train instead")
        check_layer_map(self.layer_map, self.teacher_precision)

    @property
    def factors(self) -> dict[str, float]:
        """Weight of each part of the loss that is computed."""
        unused = set() if self.layer_map else {"hidden"}
        unused |= set() if self.mlm_share else {"mlm"}
        factors = {name: float(getattr(self, f"{name}_factor")) for name in LOSSES if name not in unused}
        return {name: factor for name, factor in factors.items() if factor}

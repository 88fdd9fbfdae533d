"""What a fine-tuning run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from squeezebert.config import PROBLEM_TYPES
from squeezebert.errors import OptionError
from squeezebert.training.settings import LoopSettings

CLASS_WEIGHTS = ("none", "balanced")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(LoopSettings):
    """Settings of a fine-tuning run; the defaults suit the embedded trunk.

    Attributes:
        batch_size: Sentences (question answering: windows; multiple choice: questions) a step.
        batch_tokens: Tokens a step, with padding, in place of ``batch_size``.
        blocks: Start from the first blocks of the checkpoint alone, for a smaller and faster model; None for
            all.
        class_weights: "balanced" gives rare labels of a text classification as much weight as frequent ones.
        dropout: Of hidden states and attention probabilities; None for what the checkpoint's config says.
        freeze_embeddings: Leave the word embeddings as they are, so that several models can share one table.
        freeze_blocks: Blocks, from the first one, that stay as they are, and all embeddings with them, so
            that several models can share them; 0 for none.
        hints: For question answering, also learn which words of the text the question has, how many are near,
            and which sentence holds the answer; see :mod:`squeezebert.training.finetuning.hints`.
        max_length: Longest window in tokens; None for what the rows teach, see
            :func:`squeezebert.training.finetuning.window.learnt_window`.
        metric: Of those that the task measures, the one by which weights are the best and ``patience`` ends
            the run; None for the task's headline.
        problem_type: For text classification, "single_label_classification", "multi_label_classification" or
            "regression"; None for what the labels look like.
        swap_pairs: Read each pair of texts in either order, drawn anew each epoch, where the order means
            nothing, as for paraphrases; the validation rows stay as they are.

    Raises:
        OptionError: A value makes no sense.
    """

    batch_size: int = 32
    batch_tokens: int | None = None
    blocks: int | None = None
    class_weights: str = "none"
    dropout: float | None = None
    freeze_embeddings: bool = False
    freeze_blocks: int = 0
    hints: bool = False
    max_length: int | None = None
    metric: str | None = None
    problem_type: str | None = None
    swap_pairs: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._positive("batch_size", *self._given("batch_tokens", "blocks", "max_length"))
        self._one_of("class_weights", CLASS_WEIGHTS)
        if self.problem_type is not None:
            self._one_of("problem_type", PROBLEM_TYPES)
        self._share(*self._given("dropout"))
        if self.freeze_blocks < 0:
            raise OptionError(f"freeze_blocks {self.freeze_blocks} is negative")

"""The finished model as the engine runs it: its answers, and a copy in int8 with what to expect of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from squeezebert.checkpoints.reader import SAFETENSORS_NAME
from squeezebert.config import SqueezeBertConfig
from squeezebert.pipelines import pipeline
from squeezebert.quantization import Quantization
from squeezebert.tasks.text_classification import SINGLE, TextClassification, problem_type, target_of
from squeezebert.training.finetuning.data import TrainingData
from squeezebert.training.plots import CONFUSION, RELIABILITY, confusion, draw_confusion, draw_reliability

QUANTIZED_NAME = "int8"


@dataclass(frozen=True)
class Quantized:
    """An int8 copy of a model.

    Attributes:
        folder: Where it is.
        bytes: Size of its weights.
        metrics: As the engine computes it, on the validation rows; the headline first.
    """

    folder: Path
    bytes: int
    metrics: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"folder": str(self.folder), "bytes": self.bytes, "metrics": self.metrics}


def is_quantized(folder: Path) -> bool:
    """Whether the int8 copy in the folder of a model is complete."""
    # Weights are written last.
    return (folder / QUANTIZED_NAME / SAFETENSORS_NAME).exists()


def quantize(
    folder: Path, data: TrainingData, *, max_length: int | None = None, metric: str | None = None
) -> Quantized:
    """Write ``int8`` beside the weights of a finished model, and measure it on the validation rows.

    Args:
        folder: The model.
        data: Its task and rows.
        max_length: Longest window in tokens; None for the longest that the model reads.
        metric: The headline; None for the task's.

    Raises:
        OptionError: The folder cannot be written to, or there is no such metric.
    """
    quantization = Quantization.read(folder, folder / QUANTIZED_NAME)
    quantization.write()
    pipe = pipeline(data.task.name, quantization.output, max_length=max_length, precision="int8")
    metrics = pipe.measure(data.validation)
    return Quantized(quantization.output, quantization.bytes_after, data.task.headed(metrics, metric))


def draw_answers(folder: Path, data: TrainingData, *, max_length: int | None = None) -> None:
    """Draw confusion matrix and reliability of a finished model, where a text has one label."""
    config = SqueezeBertConfig.from_pretrained(folder)
    if not isinstance(data.task, TextClassification) or problem_type(config) != SINGLE:
        return
    pipe = pipeline(data.task.name, folder, max_length=max_length, precision="fp32")
    best = [answer[0] for answer in pipe.answers(data.validation, data.task.evaluation_options)]
    true = [int(target_of(example, config)) for example in data.validation]
    known = config.label2id
    guessed = [known[answer["label"]] for answer in best]
    scores = np.array([answer["score"] for answer in best])
    draw_confusion(confusion(true, guessed, config.num_labels), list(known), folder / CONFUSION)
    draw_reliability(scores, np.equal(true, guessed), folder / RELIABILITY)

"""The task's metric on the validation rows, for a model in training."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from squeezebert.engine.backend import Outputs
from squeezebert.engine.packing import pack
from squeezebert.modeling.pretrained import SqueezeBertPreTrainedModel
from squeezebert.tasks.base import Answer, Setup, Task, Window

_EXAMPLES_TOGETHER = 1024
_BATCH_TOKENS = 4096
_TOKEN_HEADS = (
    "SqueezeBertForTokenClassification",
    "SqueezeBertForMaskedLM",
    "SqueezeBertForQuestionAnswering",
)


def evaluate(
    task: Task[Any, Any], examples: Sequence[Any], model: SqueezeBertPreTrainedModel, setup: Setup
) -> dict[str, float]:
    """Measure a model in full precision and without dropout; it is in training mode afterwards.

    Returns:
        ``task.metric`` of the examples; the first is the headline.
    """
    model.eval()
    answers: list[Answer] = []
    for start in range(0, len(examples), _EXAMPLES_TOGETHER):
        answers += _answers(task, examples[start : start + _EXAMPLES_TOGETHER], model, setup)
    model.train()
    return task.metric(examples, answers, setup.config)


def _answers(
    task: Task[Any, Any], examples: Sequence[Any], model: SqueezeBertPreTrainedModel, setup: Setup
) -> Iterator[Answer]:
    windows = [task.encode(example, setup) for example in examples]
    outputs = iter(_run(model, list(itertools.chain.from_iterable(windows))))
    for example, parts in zip(examples, windows, strict=True):
        mine = list(itertools.islice(outputs, len(parts)))
        yield task.decode(example, parts, mine, setup, task.evaluation_options)


def _run(model: SqueezeBertPreTrainedModel, windows: Sequence[Window]) -> list[Outputs]:
    """Outputs of the windows, in their order, computed in batches of similar length."""
    outputs: list[Outputs] = [{}] * len(windows)
    order = sorted(range(len(windows)), key=lambda index: len(windows[index].ids))
    while order:
        longest = len(windows[order[-1]].ids)
        batch = order[-max(1, _BATCH_TOKENS // longest) :]
        del order[-len(batch) :]
        for index, output in zip(batch, _forward(model, [windows[i] for i in batch]), strict=True):
            outputs[index] = output
    return outputs


@torch.inference_mode()
def _forward(model: SqueezeBertPreTrainedModel, windows: Sequence[Window]) -> list[Outputs]:
    ids, types, mask = map(torch.from_numpy, pack(windows).padded(model.config.pad_token_id))
    head = type(model).__name__
    if head == "SqueezeBertForMultipleChoice":
        ids, types, mask = ids[:, None], types[:, None], mask[:, None]
    named = {name: tensor.numpy() for name, tensor in model(ids, mask, types).items()}
    return [
        {name: _own(array[row], window, head) for name, array in named.items()}
        for row, window in enumerate(windows)
    ]


def _own(array: NDArray[np.float32], window: Window, head: str) -> NDArray[np.float32]:
    """Drop the padding of one window, and the tokens that are not wanted."""
    if head not in _TOKEN_HEADS:
        return array
    array = array[: len(window.ids)]
    return array if window.wanted is None else array[list(window.wanted)]

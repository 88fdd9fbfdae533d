"""A head that goes on with its labels in another order."""

from __future__ import annotations

import numpy as np

from squeezebert.checkpoints import Checkpoint
from squeezebert.config import SqueezeBertConfig

_HEAD = "classifier."


def with_labels_in_order(checkpoint: Checkpoint, config: SqueezeBertConfig) -> Checkpoint:
    """Bring the rows of a checkpoint's head into the order of a config's labels.

    These are ``[labels, hidden]`` of the weight and ``[labels]`` of the bias.

    A head of other labels stays as it is, as in transformers: as many rows are a start, if any.

    Args:
        checkpoint: To start training from.
        config: That of the model to train.

    Returns:
        The checkpoint, with arrays of its own where their order changes.
    """
    old, new = (list(each.id2label.values()) for each in (checkpoint.config, config))
    head = {name: array for name, array in checkpoint.arrays.items() if name.startswith(_HEAD)}
    if {*old} != {*new} or any(len(array) != len(old) for array in head.values()):
        return checkpoint
    order = np.array([old.index(label) for label in new])
    sorted_head = {name: array[order] for name, array in head.items()}
    return checkpoint._replace(arrays={**checkpoint.arrays, **sorted_head})

"""Blocks that a run leaves as they are."""

from __future__ import annotations

from squeezebert.errors import OptionError
from squeezebert.modeling.pretrained import SqueezeBertPreTrainedModel
from squeezebert.training.optimizer import height


def freeze(model: SqueezeBertPreTrainedModel, blocks: int) -> None:
    """Leave the first blocks and all embeddings under them as they are; with 0 blocks, nothing.

    Raises:
        OptionError: The model has fewer blocks.
    """
    layers = model.config.num_hidden_layers
    if blocks > layers:
        raise OptionError(f"freeze_blocks {blocks} is more than the {layers} blocks of the model")
    for name, parameter in model.named_parameters() if blocks else ():
        at = height(name)
        if at is not None and at <= blocks:
            parameter.requires_grad_(False)

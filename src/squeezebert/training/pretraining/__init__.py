"""Pre-training: masked language modelling and sentence order, from random weights or a checkpoint."""

from squeezebert.training.pretraining.run import make_pretraining, pretrain
from squeezebert.training.pretraining.settings import PretrainingSettings

__all__ = ["PretrainingSettings", "make_pretraining", "pretrain"]

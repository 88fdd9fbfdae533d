"""Fine-tuning: rows and a checkpoint in, a model folder out. Needs the extra ``train``."""

from squeezebert.training.data import TrainingData
from squeezebert.training.finetune import TrainingResult, train
from squeezebert.training.plan import TrainingPlan, plan
from squeezebert.training.run import Observer
from squeezebert.training.settings import TrainingSettings

__all__ = [
    "Observer",
    "TrainingData",
    "TrainingPlan",
    "TrainingResult",
    "TrainingSettings",
    "plan",
    "train",
]

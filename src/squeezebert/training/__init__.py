"""Fine-tuning: rows and a checkpoint in, a model folder out. Needs the extra ``train``."""

from squeezebert.training.data import TrainingData
from squeezebert.training.finetune import train
from squeezebert.training.planning import TrainingPlan, plan
from squeezebert.training.result import TrainingResult
from squeezebert.training.run import Observer
from squeezebert.training.settings import TrainingSettings
from squeezebert.training.state import Position
from squeezebert.training.trainer import Step

__all__ = [
    "Observer",
    "Position",
    "Step",
    "TrainingData",
    "TrainingPlan",
    "TrainingResult",
    "TrainingSettings",
    "plan",
    "train",
]

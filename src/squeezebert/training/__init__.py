"""Training: an objective and a checkpoint in, a model folder out. Needs the extra ``train``."""

from squeezebert.errors import MissingExtraError

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtraError("squeezebert.training", "train") from error

from squeezebert.training.finetuning.data import TrainingData
from squeezebert.training.finetuning.planning import TrainingPlan, plan
from squeezebert.training.finetuning.run import train
from squeezebert.training.finetuning.settings import TrainingSettings
from squeezebert.training.finetuning.teaching.settings import Teaching
from squeezebert.training.objective import MicroBatch, Objective
from squeezebert.training.observer import Observer, Step
from squeezebert.training.result import TrainingResult
from squeezebert.training.run import run
from squeezebert.training.settings import LoopSettings
from squeezebert.training.state import Position

__all__ = [
    "LoopSettings",
    "MicroBatch",
    "Objective",
    "Observer",
    "Position",
    "Step",
    "Teaching",
    "TrainingData",
    "TrainingPlan",
    "TrainingResult",
    "TrainingSettings",
    "plan",
    "run",
    "train",
]

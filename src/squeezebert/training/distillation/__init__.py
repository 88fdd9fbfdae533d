"""Distillation: a student learns what a teacher makes of text."""

from squeezebert.training.distillation.run import distill, make_distillation
from squeezebert.training.distillation.settings import DistillationSettings

__all__ = ["DistillationSettings", "distill", "make_distillation"]

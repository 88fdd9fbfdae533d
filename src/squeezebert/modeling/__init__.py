"""The network in torch."""

from squeezebert.modeling.encoder import SqueezeBertModel
from squeezebert.modeling.heads import (
    SqueezeBertForMultipleChoice,
    SqueezeBertForQuestionAnswering,
    SqueezeBertForSequenceClassification,
    SqueezeBertForTokenClassification,
)
from squeezebert.modeling.masked_lm import SqueezeBertForMaskedLM, SqueezeBertForPreTraining

__all__ = [
    "SqueezeBertForMaskedLM",
    "SqueezeBertForMultipleChoice",
    "SqueezeBertForPreTraining",
    "SqueezeBertForQuestionAnswering",
    "SqueezeBertForSequenceClassification",
    "SqueezeBertForTokenClassification",
    "SqueezeBertModel",
]

"""The published data sets that can be read as they are, each a declaration."""

from squeezebert.data.dataset import Dataset
from squeezebert.data.published.glue import GLUE
from squeezebert.data.published.reading import MULTIPLE_CHOICE, QUESTION_ANSWERING
from squeezebert.data.published.text import INFERENCE, SINGLE_TEXT
from squeezebert.data.published.tokens import TAGGED

DATASETS: tuple[Dataset, ...] = (
    *GLUE,
    *INFERENCE,
    *SINGLE_TEXT,
    *TAGGED,
    *QUESTION_ANSWERING,
    *MULTIPLE_CHOICE,
)

"""What the students of groups.py are fine-tuned for, on which rows, how, and what is measured of them.

A set is named by its place in the data and its split: ``glue/SST-2:train``. All runs are short, for both
sides alike: a processor without a teacher reads some hundred tokens a second where nothing is grouped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from squeezebert.training import TrainingSettings


@dataclass(frozen=True)
class Measured:
    """What a student is measured on, once, at the end: nothing is chosen by it.

    Attributes:
        title: How the table calls it.
        task: What it has to do.
        data: The set.
        metric: Of those that the task has.
        rows: Of the set, at most.
    """

    title: str
    task: str
    data: str
    metric: str
    rows: int | None = None


@dataclass(frozen=True)
class Tuning:
    """What a student is fine-tuned for, with all its weights.

    Attributes:
        train: The set that it learns from.
        settings: How it learns.
        measured: What it is measured on; the first one says the task.
        rows: Of the set that it learns from, at most.
        start: Another fine-tuning to go on from; None for the student as it is.
    """

    train: str
    settings: TrainingSettings
    measured: dict[str, Measured]
    rows: int | None = None
    start: str | None = None

    @property
    def first(self) -> Measured:
        """What the run itself is measured on."""
        return next(iter(self.measured.values()))


WIKIPEDIA, HELD_OUT = "enwiki_2015", "held-out"
PARAGRAPH = 400
"""Characters that a paragraph of `WIKIPEDIA` has at least, to guess words from."""

_TEXT, _TOKENS, _CHOICE = "text-classification", "token-classification", "multiple-choice"
_STS_B = Measured("STS-B test, cosine of vectors", "feature-extraction", "glue/STS-B:test", "spearman")
_SHORT = TrainingSettings(epochs=3, batch_size=32, learning_rate=2e-4)

UNTUNED = {
    "sts-b": _STS_B,
    "ag-news": Measured(
        "AG News test, labels by similarity", "zero-shot-classification", "cls/ag-news-test", "accuracy"
    ),
    "commonsenseqa": Measured(
        "CommonsenseQA dev, choices by similarity", _CHOICE, "mc/commonsenseqa:validation", "accuracy"
    ),
}
"""What needs no fine-tuning: texts, labels and choices are compared by their vectors."""
TASKS = {
    "sst-2": Tuning(
        "glue/SST-2:train", TrainingSettings(epochs=1, batch_tokens=1024, learning_rate=4e-4),
        {"sst-2": Measured("SST-2 dev", _TEXT, "glue/SST-2:validation", "accuracy")}, rows=20_000,
    ),
    "wikiann": Tuning(
        "ner/wikiann-en:train", TrainingSettings(epochs=4, batch_tokens=1024, learning_rate=4e-4),
        {
            "wikiann": Measured("WikiANN-en test", _TOKENS, "ner/wikiann-en:test", "f1"),
            "uner-ewt": Measured("UNER English EWT test", _TOKENS, "ner/uner-ewt:test", "f1"),
        }, rows=10_000,
    ),
    "squad": Tuning(
        "squad/train-v1.1.json.xz",
        TrainingSettings(epochs=1, batch_tokens=3072, learning_rate=4e-4, hints=True),
        {
            "squad": Measured(
                "SQuAD v1.1 dev", "question-answering", "squad/dev-v1.1.json.xz", "f1",
                rows=2000,
            )
        }, rows=10_000,
    ),
    "snli": Tuning(
        "nli/snli-devtest:validation", TrainingSettings(epochs=2, batch_tokens=1024, learning_rate=4e-4),
        {"snli": Measured("SNLI test", _TEXT, "nli/snli-devtest:test", "accuracy")},
    ),
    "rte": Tuning(
        "glue/RTE:train", TrainingSettings(epochs=2, batch_size=32, learning_rate=1e-4),
        {"rte": Measured("RTE dev", _TEXT, "glue/RTE:validation", "accuracy")}, start="snli",
    ),
    "codah": Tuning(
        "mc/codah:train", TrainingSettings(epochs=2, batch_size=16, learning_rate=2e-4),
        {"codah": Measured("CODAH test, fold 0", _CHOICE, "mc/codah:test", "accuracy")},
    ),
    "sts-b": Tuning(
        "glue/STS-B:train", TrainingSettings(epochs=2, batch_size=64, learning_rate=2e-4), {"sts-b": _STS_B}
    ),
    "mrpc": Tuning("glue/MRPC:train", _SHORT, {"mrpc": Measured("MRPC test", _TEXT, "glue/MRPC:test", "f1")}),
    "cola": Tuning(
        "glue/CoLA:train", _SHORT, {"cola": Measured("CoLA dev", _TEXT, "glue/CoLA:validation", "matthews")}
    ),
    "banking77": Tuning(
        "cls/banking77:train", TrainingSettings(epochs=3, batch_size=64, learning_rate=1e-3),
        {"banking77": Measured("Banking77 test", _TEXT, "cls/banking77:test", "accuracy")},
    ),
    "clinc150": Tuning(
        "cls/clinc150:train", TrainingSettings(epochs=2, batch_size=64, learning_rate=1e-3),
        {"clinc150": Measured("CLINC150 test", _TEXT, "cls/clinc150:test", "accuracy")},
    ),
    "wikipedia": Tuning(
        f"{WIKIPEDIA}:train", TrainingSettings(epochs=1, batch_tokens=2048, learning_rate=8e-4),
        {
            "wikipedia": Measured(
                "Wikipedia, held out", "fill-mask", f"{WIKIPEDIA}:{HELD_OUT}", "perplexity", rows=1000
            )
        }, rows=2000,
    ),
}  # fmt: skip
ALL = "all"


def selected(known: Iterable[str], names: list[str]) -> list[str]:
    """What was asked for by name, or everything."""
    return list(known) if ALL in names else names


def figure_of(name: str, measured: Measured) -> str:
    """How the results call what is measured: "sts_b_test_spearman"."""
    _, _, split = measured.data.partition(":")
    return "_".join(part.replace("-", "_") for part in (name, split, measured.metric) if part)


def tuned_figure_of(name: str, measured: Measured) -> str:
    """The same of a student that was fine-tuned for it."""
    return f"{figure_of(name, measured)}_fine_tuned"


def titles() -> dict[str, tuple[str, str]]:
    """Title and metric of each figure."""
    found = {figure_of(name, each): (_title(each), each.metric) for name, each in UNTUNED.items()}
    for tuning in TASKS.values():
        for name, each in tuning.measured.items():
            found[tuned_figure_of(name, each)] = (f"{_title(each)}, fine-tuned", each.metric)
    return found


def _title(measured: Measured) -> str:
    return measured.title if measured.rows is None else f"{measured.title}, {measured.rows:,} rows"

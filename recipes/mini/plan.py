"""What is fine-tuned from the trunk, on which rows, how, and what is measured of it.

A set is named by its place in the data and its split: ``glue/SST-2:train``. What a shipped model learns from
has a licence that allows it (SST-2 states none; its use in released models is general practice); the others
are fine-tuned to be measured, and thrown away. No run learns from rows that are measured on.
"""

from __future__ import annotations

from dataclasses import dataclass

from squeezebert.corpus.build import HOLD_OUT

TRUNK = "trunk"
ENTAILMENT = "zero-shot-classification"
"""Learns inference, which other runs on pairs go on from (the paper's two steps)."""
PARAPHRASE = "paraphrase"
"""Learns which questions ask the same; may not be shipped."""
READING = "reading"
"""Guesses words of far more paragraphs than the head that fills masks; what others start from."""
GRAMMAR = "grammar"
"""Finds the wrong words of sentences that were damaged; see corrupted.py."""
TOKENS_BEFORE = 62_706_594
"""What the embedded trunk had learnt from before its last run; see trunk.toml."""
CORRUPTED, PARAGRAPHS, HELD_OUT = "corrupted", "paragraphs", "held-out"
FEW_PARAGRAPHS, MANY_PARAGRAPHS = "few-paragraphs", "many-paragraphs"
"""Splits of a corpus: its sentences damaged, some of its longer paragraphs, and those of articles that the
trunk's corpora keep apart."""
WIKIPEDIA = f"enwiki_2015:{HELD_OUT}"
FILL_MASK = "fill-mask"


@dataclass(frozen=True)
class Part:
    """A part of a corpus.

    Attributes:
        every: The articles whose number, divided by this,
        rest: leaves this rest.
        rows: Rows to make of them, at most.
    """

    every: int
    rest: int
    rows: int


PARTS = {
    CORRUPTED: Part(2, 1, 180_000), PARAGRAPHS: Part(5, 1, 60_000), HELD_OUT: Part(HOLD_OUT, 0, 1000),
    FEW_PARAGRAPHS: Part(2, 1, 7000), MANY_PARAGRAPHS: Part(2, 1, 180_000),
}  # fmt: skip
"""Of those that are not held out, numbers end on other digits."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of ``squeezebert train``; it holds out a tenth of its rows, to choose the best weights by.

    Attributes:
        task: What it learns.
        train: The sets that it learns from.
        options: Of ``squeezebert train``.
        start: What it starts from: the trunk, or another run.
        compares: Heads of attention are set to look for the same word in the other text first; see
            equal_words.py.
        teacher: Options of ``squeezebert train`` for its teacher: all-MiniLM-L6-v2, fine-tuned on the same
            rows, whose answers are learnt from beside the labels. None to learn from labels
            alone.
        unlabelled: So many further texts are made for the teacher to answer; see unlabelled.py.
        soft_share: Weight of the teacher's answers in the loss.
    """

    task: str
    train: tuple[str, ...]
    options: str
    start: str = TRUNK
    compares: bool = False
    teacher: str | None = None
    unlabelled: int = 0
    soft_share: float = 0.8


@dataclass(frozen=True, kw_only=True)
class Head(Run):
    """A run that gives a head to be shipped.

    Attributes:
        note: For the model card, in Markdown.
    """

    note: str


@dataclass(frozen=True)
class Row:
    """A row of the table of results.

    Attributes:
        title: How the table calls it.
        model: A name in `HEADS` or `MEASURED`, or `TRUNK`.
        task: What is evaluated.
        data: The set to measure on.
        metrics: What is shown, the headline first; all are percentages but the perplexity.
        bar: What the headline has to reach, in percent, for the head to be shipped; or the row that it has to
            beat.
        bert_mini: BERT-Mini's figure on GLUE's test set, to stand beside.
    """

    title: str
    model: str
    task: str
    data: str
    metrics: tuple[str, ...] = ("accuracy",)
    bar: float | str | None = None
    bert_mini: float | None = None


_ENTITIES = (
    "ner/wikiann-en:train", "ner/wikiann-en:validation", "ner/btc:train", "ner/btc:validation",
    # Thrice: few, and the only ones of mail, reviews and weblogs.
    *3 * ("ner/uner-ewt:validation",),
)  # fmt: skip

STARTS = {
    PARAPHRASE: Run(
        task="text-classification", train=("glue/QQP-subset:all",), start=ENTAILMENT,
        options="--swap-pairs --epochs 4 --batch-tokens 2048 --learning-rate 5e-4 --freeze-embeddings "
        "--dropout 0.1",
    ),
    READING: Run(
        task=FILL_MASK, train=(f"english_novels:{FEW_PARAGRAPHS}", f"enwiki_2015:{MANY_PARAGRAPHS}"),
        start=FILL_MASK,
        options="--blocks 4 --freeze-blocks 1 --tokens 16000000 --batch-tokens 4096 --learning-rate 8e-4 "
        "--dropout 0 --evaluate-every 1000",
    ),
    GRAMMAR: Run(
        task="token-classification", train=(f"english_novels:{CORRUPTED}", f"enwiki_2015:{CORRUPTED}"),
        start=READING,
        options="--epochs 1 --batch-tokens 1024 --learning-rate 8e-4 --freeze-embeddings --dropout 0",
    ),
}  # fmt: skip
"""What others go on from."""

PARAGRAPHS_READ = f"{PARTS[FEW_PARAGRAPHS].rows + PARTS[MANY_PARAGRAPHS].rows:,} paragraphs"
_READ = (
    f"Before, its blocks learnt to guess words, from {PARAGRAPHS_READ} of English Wikipedia (2015, CC BY-SA "
    "3.0) and of novels in the public domain."
)

HEADS = {
    FILL_MASK: Head(
        task=FILL_MASK,
        train=(f"enwiki_2015:{PARAGRAPHS}",),
        note="Guesses what stands at `[MASK]`. Learnt from English Wikipedia (2015, CC BY-SA 3.0), as the "
        "trunk did, whose blocks it shares.",
        options="--freeze-blocks 6 --epochs 0.45 --batch-tokens 4096 --learning-rate 2e-3 --dropout 0",
    ),
    "text-classification": Head(
        task="text-classification",
        train=("glue/SST-2:train",),
        note="Sentiment of English sentences, learnt from film reviews (SST-2). SST-2 states no licence; its "
        "use in released models is general practice.",
        teacher="--epochs 2 --batch-size 64 --learning-rate 8e-5",
        unlabelled=200_000,
        options="--blocks 4 --freeze-blocks 1 --epochs 3 --batch-tokens 1024 --learning-rate 8e-4 "
        "--dropout 0.1",
    ),
    "token-classification": Head(
        task="token-classification",
        train=_ENTITIES,
        note="Persons, places and organisations in English text, upper or lower case alike. Learnt from "
        "WikiANN-en (silver labels on Wikipedia, CC BY-SA), the Broad Twitter Corpus (CC BY 4.0) and the "
        "development part of UNER English EWT (CC BY-SA 4.0). " + _READ,
        start=READING,
        # Hardly a sentence has 128 tokens, so it learns nothing of the places beyond.
        options="--blocks 4 --freeze-blocks 1 --epochs 16 --batch-tokens 1024 --learning-rate 8e-4 "
        "--dropout 0.1 --max-length 128",
    ),
    "question-answering": Head(
        task="question-answering",
        train=("squad/train-v1.1.json.xz",),
        note="Marks the answer to a question in a text. Learnt from SQuAD v1.1 (CC BY-SA 4.0), where every "
        "question has an answer. " + _READ,
        start=READING,
        compares=True,
        options="--hints --blocks 4 --freeze-blocks 1 --epochs 2 --batch-tokens 1536 --learning-rate 8e-4 "
        "--warmup 0.02 --dropout 0 --evaluate-every 2500",
    ),
    ENTAILMENT: Head(
        task="text-classification",
        train=("nli/snli-devtest:validation",),
        note="Whether a text entails a sentence, contradicts it, or neither. Learnt from the development "
        "part of SNLI (CC BY-SA 4.0) alone.",
        compares=True,
        teacher="--epochs 3 --batch-size 32 --learning-rate 1e-4",
        unlabelled=60_000,
        options="--epochs 3 --batch-tokens 1024 --learning-rate 6e-4 --freeze-embeddings --dropout 0.1",
    ),
    "multiple-choice": Head(
        task="multiple-choice",
        train=("mc/commonsenseqa:train", "mc/codah:train"),
        note="Which choice fits a prompt. Learnt from CommonsenseQA (MIT) and CODAH (ODC-BY 1.0).",
        start=ENTAILMENT,
        options="--epochs 3 --batch-size 16 --learning-rate 3e-4 --freeze-embeddings --dropout 0.1",
    ),
}  # fmt: skip
SHIPPED = tuple(HEADS)

# All weights are trained, from the trunk as it is shipped.
MEASURED = {
    "sts-b": Run(
        task="feature-extraction", train=("glue/STS-B:train",),
        options="--epochs 6 --batch-size 64 --learning-rate 1e-4",
    ),
    "sts-b-pairs": Run(
        task="text-classification", train=("glue/STS-B:train",),
        options="--epochs 8 --batch-size 32 --learning-rate 2e-4 --dropout 0.1",
    ),
    "mrpc": Run(
        task="text-classification", train=("glue/MRPC:train",), start=PARAPHRASE,
        options="--swap-pairs --metric f1 --epochs 5 --batch-size 32 --learning-rate 2e-4 --dropout 0.1",
    ),
    "rte": Run(
        task="text-classification", train=("glue/RTE:train",), start=ENTAILMENT,
        options="--epochs 5 --batch-size 32 --learning-rate 1e-4 --dropout 0.1",
    ),
    "cola": Run(
        task="text-classification", train=("glue/CoLA:train",), start=GRAMMAR,
        options="--epochs 5 --batch-size 32 --learning-rate 2e-4 --dropout 0.1",
    ),
    "codah": Run(
        task="multiple-choice", train=("mc/codah:train",),
        options="--epochs 6 --batch-size 16 --learning-rate 1e-4 --dropout 0.1",
    ),
    "banking77": Run(
        task="text-classification", train=("cls/banking77:train",),
        options="--epochs 12 --batch-size 64 --learning-rate 1e-3 --dropout 0.1",
    ),
    "clinc150": Run(
        task="text-classification", train=("cls/clinc150:train",),
        options="--epochs 10 --batch-size 64 --learning-rate 1e-3 --dropout 0.1",
    ),
}  # fmt: skip
RUNS: dict[str, Run] = {**STARTS, **HEADS, **MEASURED}

_TEXT, _TOKENS, _VECTORS = "text-classification", "token-classification", "feature-extraction"
_ZERO_SHOT, _CHOICE = ENTAILMENT, "multiple-choice"
ROWS = {
    "sts-b-zero-shot": Row(
        "STS-B test, cosine of vectors", TRUNK, _VECTORS, "glue/STS-B:test", ("spearman",)
    ),
    "ag-news-similarity": Row(
        "AG News test, labels by similarity", TRUNK, _ZERO_SHOT, "cls/ag-news-test"
    ),
    "commonsenseqa-similarity": Row(
        "CommonsenseQA dev, choices by similarity", TRUNK, _CHOICE, "mc/commonsenseqa:validation"
    ),
    "codah-similarity": Row(
        "CODAH test, fold 0, choices by similarity", TRUNK, _CHOICE, "mc/codah:test"
    ),
    "mlm": Row(
        "Wikipedia, held out", FILL_MASK, FILL_MASK, WIKIPEDIA, ("accuracy", "perplexity"), bar=25
    ),
    # A head that is shipped has its own figure for a bar: nothing worse replaces it.
    "sst-2": Row("SST-2 dev", _TEXT, _TEXT, "glue/SST-2:validation", bar=85, bert_mini=85.9),
    "uner-ewt": Row("UNER English EWT test", _TOKENS, _TOKENS, "ner/uner-ewt:test", ("f1",), bar=61),
    "wikiann": Row("WikiANN-en test", _TOKENS, _TOKENS, "ner/wikiann-en:test", ("f1",), bar=76),
    "squad": Row(
        "SQuAD v1.1 dev", "question-answering", "question-answering", "squad/dev-v1.1.json.xz",
        ("f1", "exact_match"), bar=65,
    ),
    "snli": Row("SNLI test", _ZERO_SHOT, _TEXT, "nli/snli-devtest:test", bar=65),
    "ag-news-entailment": Row(
        "AG News test, labels by entailment", _ZERO_SHOT, _ZERO_SHOT, "cls/ag-news-test",
        bar="ag-news-similarity",
    ),
    "commonsenseqa": Row(
        "CommonsenseQA dev", _CHOICE, _CHOICE, "mc/commonsenseqa:validation",
        bar="commonsenseqa-similarity",
    ),
    "codah": Row("CODAH test, fold 0", _CHOICE, _CHOICE, "mc/codah:test", bar=35),
    "codah-alone": Row("CODAH test, fold 0, CODAH alone learnt", "codah", _CHOICE, "mc/codah:test"),
    "sts-b": Row(
        "STS-B test, cosine of vectors, fine-tuned", "sts-b", _VECTORS, "glue/STS-B:test",
        ("spearman", "pearson"), bert_mini=75.4,
    ),
    "sts-b-pairs": Row(
        "STS-B test, both texts at once", "sts-b-pairs", _TEXT, "glue/STS-B:test", ("spearman", "pearson"),
        bert_mini=75.4,
    ),
    "mrpc": Row("MRPC test", "mrpc", _TEXT, "glue/MRPC:test", ("f1", "accuracy"), bert_mini=81.1),
    "rte": Row("RTE dev", "rte", _TEXT, "glue/RTE:validation", bert_mini=57.9),
    "cola": Row("CoLA dev", "cola", _TEXT, "glue/CoLA:validation", ("matthews",), bert_mini=0.0),
    "banking77": Row("Banking77 test", "banking77", _TEXT, "cls/banking77:test"),
    "clinc150": Row("CLINC150 test", "clinc150", _TEXT, "cls/clinc150:test"),
}  # fmt: skip


def is_taught(name: str) -> bool:
    """Whether a run has a teacher."""
    return RUNS[name].teacher is not None


def before(name: str) -> tuple[str, ...]:
    """The runs that one goes on from, the last one first, without the trunk."""
    start = RUNS[name].start
    return () if start == TRUNK else (start, *before(start))


def rows_of(model: str) -> dict[str, Row]:
    """The rows that measure a model."""
    return {name: row for name, row in ROWS.items() if row.model == model}

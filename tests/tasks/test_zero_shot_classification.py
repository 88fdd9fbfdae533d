"""Labels without training: entailment as in transformers, similarity, and which checkpoint does which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from sklearn.metrics import accuracy_score, f1_score

from squeezebert import pipeline
from squeezebert.errors import DataError, OptionError
from squeezebert.modeling.backend import TorchBackend
from squeezebert.pipelines import Pipeline
from squeezebert.tasks.vectors import TEMPERATURE
from squeezebert.tasks.zero_shot_classification import (
    CLASSIFIER,
    ZeroShotClassification,
    ZeroShotExample,
    entailment_of,
)
from tests.tasks.tiny import LONGEST, config, model, pipe, row, setup, tokenizer

TASK = ZeroShotClassification()
NLI = (
    ["contradiction", "neutral", "entailment"],
    ["ENTAILMENT", "NEUTRAL", "CONTRADICTION"],
    ["not_entailment", "entailment"],
)
TEXTS = ["the good cat sat on the mat.", "ada lovelace lives in paris", "not good, very bad!"]
CANDIDATES = ["film", "cat", "not very good", "x"]


@pytest.mark.parametrize("labels", NLI)
def test_scores_by_entailment_equal_those_of_transformers(labels: list[str], tmp_path: Path) -> None:
    model(CLASSIFIER, labels=labels).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    theirs = transformers.pipeline(
        TASK.name,
        model=transformers.SqueezeBertForSequenceClassification.from_pretrained(tmp_path),
        tokenizer=transformers.AutoTokenizer.from_pretrained(tmp_path),
    )
    ours = pipeline(TASK.name, tmp_path, precision="fp32")
    for options in (
        {"candidate_labels": CANDIDATES},
        {"candidate_labels": CANDIDATES, "multi_label": True},
        {"candidate_labels": ["cat"]},
        {"candidate_labels": "cat, film,mat", "hypothesis_template": "ada is {} in paris"},
    ):
        expected, found = theirs(TEXTS, **options), ours(TEXTS, **options)
        for one, other in zip(found, expected, strict=True):
            assert one["method"] == "entailment"
            assert {key: one[key] for key in ("sequence", "labels")} == {
                key: other[key] for key in ("sequence", "labels")
            }
            assert one["scores"] == pytest.approx(other["scores"], abs=1e-5)
        assert ours(TEXTS[0], **options) == found[0]
        # As there, one text gives one dict.
        assert theirs(TEXTS[0], **options)["labels"] == found[0]["labels"]


def test_scores_by_similarity_are_the_softmax_of_cosines() -> None:
    network = TorchBackend(model("SqueezeBertModel"))
    classify = Pipeline(TASK, network, tokenizer())
    extract = pipe("feature-extraction")
    answer = classify(TEXTS[0], candidate_labels=CANDIDATES, hypothesis_template="the {} film")
    labels = np.stack(extract([f"the {label} film" for label in CANDIDATES]))
    powers = np.exp(labels.astype(np.float64) @ extract(TEXTS[0]) / TEMPERATURE)
    expected = dict(zip(CANDIDATES, powers / powers.sum(), strict=True))
    assert answer["method"] == "similarity"
    assert answer["scores"] == sorted(answer["scores"], reverse=True)
    assert dict(zip(answer["labels"], answer["scores"], strict=True)) == pytest.approx(expected, rel=1e-3)
    with pytest.raises(OptionError, match="multi_label needs a model of entailment"):
        classify(TEXTS[0], candidate_labels=CANDIDATES, multi_label=True)


def test_long_labels_are_no_windows_of_the_text() -> None:
    """By similarity they are read in windows of their own."""
    classify = Pipeline(TASK, TorchBackend(model("SqueezeBertModel")), tokenizer())
    answer = classify("the cat", candidate_labels=["film " * 5 * LONGEST, "cat"])
    assert answer["windows"] == 1


@pytest.mark.parametrize("labels", [NLI[0], None])
def test_long_texts_are_read_to_the_end_with_every_label(labels: list[str] | None) -> None:
    head = CLASSIFIER if labels else "SqueezeBertModel"
    classify = Pipeline(TASK, TorchBackend(model(head, labels=labels)), tokenizer())
    text = "the cat sat on the mat " * 20
    answer = classify(text, candidate_labels=["film", "cat"])
    assert answer["windows"] > 4
    assert answer["truncated"] is False
    whole = {start for start, _ in tokenizer().encode_windows(text, max_length=10**6)[0].offsets[1:-1]}
    example = ZeroShotExample("x", text, ("film", "cat"))
    windows = TASK.encode(example, classify.setup)
    for choice in (0, 1) if labels else (2,):
        read = {
            offset[0]
            for window in windows
            if window.choice == choice
            for offset, owner in zip(window.encoding.offsets, window.encoding.sequence_ids, strict=True)
            if owner == 0
        }
        assert read == whole


def test_labels_are_embedded_once_for_many_texts() -> None:
    class Counting(TorchBackend):
        texts = 0

        def run(self, batch: Any, wanted: Any = None) -> Any:
            self.texts += len(batch)
            return super().run(batch, wanted)

    counting = Counting(model("SqueezeBertModel"))
    answers = Pipeline(TASK, counting, tokenizer())(
        [f"the cat {n}" for n in range(7)], candidate_labels=CANDIDATES
    )
    assert len(answers) == 7
    assert counting.texts == 7 + len(CANDIDATES)


@pytest.mark.parametrize(
    ("architectures", "labels", "index"),
    [
        ((CLASSIFIER,), NLI[0], 2),
        (("BertForSequenceClassification",), NLI[1], 0),
        ((), NLI[2], 1),
        ((), None, None),
        (("SqueezeBertModel",), None, None),
        (("BertForMaskedLM",), NLI[0], None),
    ],
)
def test_what_a_checkpoint_is_decides_how(
    architectures: tuple[str, ...], labels: list[str] | None, index: int | None
) -> None:
    sizes = config(labels, architectures=architectures)
    assert entailment_of(sizes) == index
    assert TASK.head_for(sizes) == ("SqueezeBertModel" if index is None else CLASSIFIER)


@pytest.mark.parametrize(
    ("architectures", "labels"),
    [((CLASSIFIER,), ["negative", "positive"]), ((), ["LABEL_0", "LABEL_1", "LABEL_2"])],
)
def test_classifiers_of_something_else_are_refused(architectures: tuple[str, ...], labels: list[str]) -> None:
    """The second one is the published NLI model, which does not say what its outputs mean."""
    with pytest.raises(OptionError, match=f"classifies {', '.join(labels)}; .* needs a label 'entailment'"):
        TASK.head_for(config(labels, architectures=architectures))


def test_the_embedded_models(tmp_path: Path) -> None:
    answer = pipeline(TASK.name)(
        "The goalkeeper broke his arm in the match.", candidate_labels=["politics", "sports", "cooking"]
    )
    assert answer["labels"][0] == "sports"
    with pytest.raises(OptionError, match="the model classifies negative, positive"):
        pipeline(TASK.name, "mini/text-classification")


def test_candidates_come_from_the_labels_of_all_rows() -> None:
    told = [TASK.labelled_example(row(text="a", label=label)) for label in ("sport", 10, "9", "sport")]
    own = TASK.labelled_example(row(text="a", label="x", candidate_labels="x,y"))
    gathered = list(TASK.gather([*told, own]))
    assert [example.candidate_labels for example in gathered] == [("10", "9", "sport", "x")] * 4 + [
        ("x", "y")
    ]
    assert [example.label for example in gathered] == ["sport", "10", "9", "sport", "x"]


def test_labels_and_candidates_of_tables() -> None:
    """A list in a cell is none of commas, and blanks make no label of their own."""
    told = TASK.labelled_example(row(text="a", label="y ", candidate_labels="['x', 'y']"))
    assert (told.candidate_labels, told.label) == (("x", "y"), "y")


def test_metrics_are_those_of_scikit_learn() -> None:
    true, best = ["a", "b", "c", "a", "b"], ["a", "c", "c", "b", "b"]
    told = [ZeroShotExample("x", "t", ("a", "b", "c"), label=label) for label in true]
    found = TASK.metric(told, [{"labels": [label, "a"]} for label in best], config())
    assert found == {
        "accuracy": pytest.approx(accuracy_score(true, best)),
        "f1_macro": pytest.approx(f1_score(true, best, average="macro")),
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text": "a"}, "has no labels to choose from; give candidate_labels"),
        ({"text": "a", "candidate_labels": " , "}, "has no labels to choose from"),
        ({"text": "a", "candidate_labels": [1]}, r"candidate_labels is \[1\]; expected a list of strings"),
        ({"text": "a", "candidate_labels": ["b"], "hypothesis_template": "so"}, "'so' has no {} for the"),
        ({"text": "a", "candidate_labels": ["b"], "hypothesis_template": 3}, "hypothesis_template is a int"),
        ({"text": None, "candidate_labels": ["b"]}, "text is null"),
    ],
)
def test_wrong_rows_name_the_place(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"file.csv:7: .*{message}|file.csv:7: {message}"):
        TASK.example(row(**values))


@pytest.mark.parametrize("label", [None, "", float("nan")])
def test_a_missing_label_is_no_class(label: Any) -> None:
    with pytest.raises(DataError, match=r"file.csv:7: label is .*; leave out"):
        TASK.labelled_example(row(text="a", label=label))


def test_a_label_that_is_no_candidate_is_found_when_its_row_is_read() -> None:
    with pytest.raises(DataError, match=r"file.csv:7: label 'sprot' \(nearest: 'sport'\) is none of the"):
        TASK.labelled_example(row(text="a", label="sprot", candidate_labels=["sport", "money"]))


def test_a_label_longer_than_a_window_is_an_error_with_its_place() -> None:
    with pytest.raises(DataError, match=r"input 0: the hypothesis 'This .* no room .*; shorten the label"):
        pipe(TASK.name, labels=NLI[0])("ada " * 40, candidate_labels=["very " * 40])


@pytest.mark.parametrize("room", range(1, 9))
def test_a_label_may_take_most_of_a_window(room: int) -> None:
    """Neighbouring windows then share less of the text than they would."""
    classify = pipe(TASK.name, labels=NLI[0])
    count = LONGEST - 3 - room
    answer = classify("ada " * 40, ["ada " * count, "cat"], hypothesis_template="{}")
    assert answer["windows"] >= 40 // room


def test_no_model_is_trained_for_it() -> None:
    with pytest.raises(OptionError, match="no model is trained for zero-shot-classification; train text"):
        TASK.check_trainable()
    with pytest.raises(OptionError, match="no model is trained"):
        TASK.features(ZeroShotExample("x", "a", ("b",)), [], setup(), np.random.default_rng(0))


def test_a_label_that_is_given_twice_is_one() -> None:
    classify = Pipeline(TASK, TorchBackend(model("SqueezeBertModel")), tokenizer())
    answer = classify("the cat", candidate_labels=["cat", " cat", "", "film"])
    assert sorted(answer["labels"]) == ["cat", "film"]
    assert sum(answer["scores"]) == pytest.approx(1)

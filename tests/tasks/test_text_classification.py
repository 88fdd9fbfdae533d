"""Kinds of labels, targets, windows and metrics of text classification."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from squeezebert.errors import DataError, OptionError
from squeezebert.tasks.collate import collate
from squeezebert.tasks.text_classification import (
    MULTI,
    REGRESSION,
    SINGLE,
    TextClassification,
    TextExample,
    positive_label,
    target_of,
)
from tests.tasks.tiny import config, model, pipe, row, setup

TASK = TextClassification()
RNG = np.random.default_rng(0)


def examples(*labels: Any) -> list[TextExample]:
    return [TASK.labelled_example(row(text="the cat", label=label)) for label in labels]


@pytest.mark.parametrize(
    ("labels", "problem", "names"),
    [
        (["pos", "neg", "pos"], SINGLE, ["neg", "pos"]),
        ([1, 0, 1], SINGLE, ["0", "1"]),
        (["10", "9", "9"], SINGLE, ["9", "10"]),
        ([True, False], SINGLE, ["false", "true"]),
        (["2.5", "3", "4.0"], REGRESSION, ["score"]),
        (["2,5", "3", "4,0"], REGRESSION, ["score"]),
        (["2,5", "good"], SINGLE, ["2,5", "good"]),
        ([0.5, 1], REGRESSION, ["score"]),
        ([["a"], ["b", "c"], []], MULTI, ["a", "b", "c"]),
    ],
)
def test_labels_say_what_problem_it_is(labels: list[Any], problem: str, names: list[str]) -> None:
    config = TASK.configure(setup().config, examples(*labels))
    assert (config.problem_type, list(config.id2label.values())) == (problem, names)


@pytest.mark.parametrize("strange", ["nan", "inf", "-Infinity"])
@pytest.mark.parametrize("number", ["2.5", "2"])
def test_a_missing_number_makes_no_names_of_the_others(strange: str, number: str) -> None:
    with pytest.raises(DataError, match=f"file.csv:7: label '{strange}' is not a number, as the others are"):
        TASK.configure(setup().config, examples(number, "3", strange))
    assert TASK.configure(setup().config, examples("nan", "roti", "nan")).label2id == {"nan": 0, "roti": 1}


def test_whole_numbers_of_which_hardly_any_comes_back_may_be_either() -> None:
    """Else prices would be hundreds of classes, and nothing learnt."""
    prices = [str(100 + 7 * place) for place in range(31)]
    with pytest.raises(DataError, match=r"file.csv:7 and 30 more: 31 different whole numbers are labels"):
        TASK.configure(setup().config, examples(*prices))
    for problem in (SINGLE, REGRESSION):
        asked = setup().config.replace(problem_type=problem)
        assert TASK.configure(asked, examples(*prices)).problem_type == problem
    assert TASK.configure(setup().config, examples(*prices, *prices)).num_labels == 31
    assert TASK.configure(setup().config, examples(*prices[:20])).num_labels == 20
    assert TASK.configure(setup().config, examples(*prices, "none")).num_labels == 32


def test_labels_of_numpy_are_those_of_python() -> None:
    found = examples(np.int64(1), np.float32(0.5), np.bool_(True), np.array(["a", "b"]), np.str_("x"))
    assert [example.label for example in found] == [1, 0.5, "true", ("a", "b"), "x"]


def test_a_problem_type_that_was_chosen_is_kept() -> None:
    config = setup().config.replace(problem_type=REGRESSION)
    assert TASK.configure(config, examples("1", "2")).problem_type == REGRESSION
    with pytest.raises(DataError, match=r"label 'good' is not a number, .*; leave out the row$"):
        TASK.configure(config, examples("1", "good"))


def test_labels_that_make_no_task() -> None:
    with pytest.raises(DataError, match=r"^file.csv:7 and 1 more: all have the label 'pos'"):
        TASK.configure(setup().config, examples("pos", "pos"))
    with pytest.raises(DataError, match=r"has a list of labels, \['a'\], where one label is expected"):
        TASK.features(examples(["a"])[0], [], setup(["a", "b"], SINGLE), RNG)


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ('["b", "c"]', ("b", "c")), ("['b', 'c']", ("b", "c")), ("[]", ()), ("[3, 5]", (3, 5)),
        ('{"choices": ["b", "c"]}', ("b", "c")),
        ("[b]", "[b]"), ("[" * 5000 + "]", "[" * 5000 + "]"), ("[b", "[b"), ("b, c", "b, c"),
    ],
)  # fmt: skip
def test_lists_of_labels_in_a_table(written: str, label: Any) -> None:
    """As JSON, as pandas and as Label Studio write them; other names in brackets stay names."""
    assert examples(written)[0].label == label


def test_a_list_of_0_and_1_for_each_label_is_no_list_of_names() -> None:
    """Else a model would learn the labels 0 and 1."""
    with pytest.raises(DataError, match=r"file.csv:7: \[0, 1, 0\] names a label twice; write the names"):
        examples([0, 1, 0])


def test_rows_that_all_have_all_labels_teach_nothing() -> None:
    """Two labels as 0 and 1 for each look like that: [1, 0] and [0, 1]."""
    with pytest.raises(DataError, match=r"file.csv:7 and 1 more: all have all 2 labels; write the names"):
        TASK.configure(setup().config, examples([1, 0], [0, 1]))
    assert TASK.configure(setup().config, examples(["a", "b"], ["b"])).num_labels == 2


def test_an_error_is_nothing_to_have_more_of() -> None:
    with pytest.raises(OptionError, match="metric 'mse' is not one of spearman, pearson"):
        TASK.headed({"spearman": 0.5, "pearson": 0.5, "mse": 2.0}, "mse")


def test_blanks_around_labels_make_no_labels_of_their_own() -> None:
    """As cells of tables have them that people fill in."""
    assert [example.label for example in examples("good ", [" a", "b"], " 1")] == ["good", ("a", "b"), "1"]


def test_a_comma_of_thousands_or_of_decimals_is_asked_about() -> None:
    """Prices would be learnt as a thousandth of themselves."""
    with pytest.raises(DataError, match=r"file.csv:7: label '1,234' has a comma .*; write 1234 or 1\.234"):
        TASK.configure(setup().config, examples("950", "1,234"))


def test_large_numbers_that_are_neighbours_stay_apart() -> None:
    """Float32 would make one label of times in seconds."""
    here = setup(["score"], REGRESSION)
    targets = [target_of(example, here.config) for example in examples("1700000000.5", "1700000001.5")]
    assert targets[1] - targets[0] == 1


@pytest.mark.parametrize(
    "label", [None, "", " ", ["a", " "], {"a": 1}, [None], "[None]", math.nan, math.inf, np.float32("nan")]
)
def test_wrong_labels_name_the_place(label: Any) -> None:
    with pytest.raises(DataError, match=r"file.csv:7: label is"):
        examples(label)
    with pytest.raises(DataError, match=r"file.csv:7: label 'a\\ud800' has an unpaired surrogate"):
        examples("a\ud800")


@pytest.mark.parametrize("text", [None, 3, ["a"], 2.5])
def test_a_text_must_be_a_string(text: Any) -> None:
    with pytest.raises(DataError, match=r"file.csv:7: text is .*; expected a string"):
        TASK.example(row(text=text))


def test_predicting_does_not_look_at_labels() -> None:
    assert TASK.example(row(text="a", label={"odd": None})).label is None


@pytest.mark.parametrize(
    ("problem", "names", "labels"),
    [
        (SINGLE, ["a", "b", "c"], ["b", "a", "c"]),
        (MULTI, ["a", "b", "c"], [["b", "c"], [], ["a"]]),
        (REGRESSION, ["score"], ["0.5", "2", "-1"]),
    ],
)
def test_features_feed_the_head(problem: str, names: list[str], labels: list[Any]) -> None:
    """The loss of the collated batch is the one computed by hand from the logits."""
    here = setup(names, problem)
    rows = examples(*labels)
    features = [f for e in rows for f in TASK.features(e, TASK.encode(e, here), here, RNG)]
    batch = {k: torch.from_numpy(v) for k, v in collate(features, 0).items()}
    output = model(TASK.head, labels=names, problem=problem)(**batch)
    logits = output.logits.double().detach().numpy()
    if problem == SINGLE:
        logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        expected = -np.mean([logp[i, names.index(label)] for i, label in enumerate(labels)])
    elif problem == MULTI:
        true = np.array([[name in label for name in names] for label in labels])
        p = 1 / (1 + np.exp(-logits))
        expected = -np.mean(np.where(true, np.log(p), np.log(1 - p)))
    else:
        expected = np.mean((logits[:, 0] - np.array(labels, dtype=float)) ** 2)
    assert output.loss.item() == pytest.approx(expected, rel=1e-5)


def test_windows_are_averaged_by_their_tokens() -> None:
    pipeline = pipe("text-classification", labels=["a", "b"], max_length=14, stride=3)
    text = "the cat sat on the mat in paris and ada was good very bad not film"
    windows = TASK.encode(TextExample("x", text), pipeline.setup)
    assert len(windows) == 2
    alone = pipe("text-classification", labels=["a", "b"], max_length=14)
    logits, sizes = [], []
    for window in windows:
        offsets = window.encoding.offsets[1:-1]
        part = text[offsets[0][0] : offsets[-1][1]]
        scores = {a["label"]: a["score"] for a in alone(part, top_k=None, function_to_apply="none")}
        logits.append([scores["a"], scores["b"]])
        sizes.append(len(window.ids))
    expected = np.average(logits, axis=0, weights=sizes)
    answer = pipeline(text, top_k=None, function_to_apply="none")
    assert {a["label"]: a["score"] for a in answer} == pytest.approx(
        dict(zip("ab", expected, strict=True)), abs=1e-5
    )
    assert all(a["windows"] == 2 and not a["truncated"] for a in answer)


def test_every_token_of_both_long_texts_is_read() -> None:
    here = setup(["a", "b"], max_length=14, stride=2)
    pair = TextExample("x", "the cat sat on the mat in paris", "ada was good very bad not film and of")
    windows = TASK.encode(pair, here)
    for owner, text in ((0, pair.text), (1, pair.text_pair or "")):
        read = {
            o
            for w in windows
            for o, s in zip(w.encoding.offsets, w.encoding.sequence_ids, strict=True)
            if s == owner
        }
        whole = here.tokenizer.encode_windows(text, max_length=10**6)[0].offsets[1:-1]
        assert read == set(whole)


def test_metrics_headline_by_problem() -> None:
    single = TASK.metric(
        examples("b", "a"),
        [
            [{"label": "b", "score": 0.9}, {"label": "a", "score": 0.1}],
            [{"label": "b", "score": 0.6}, {"label": "a", "score": 0.4}],
        ],
        setup(["a", "b"], SINGLE).config,
    )
    assert single == {
        "accuracy": 0.5,
        "f1_macro": pytest.approx(1 / 3),
        "f1": pytest.approx(2 / 3),
        "matthews": 0.0,
    }
    assert next(iter(single)) == "accuracy"
    several = TASK.metric(
        examples(["a", "b"], []),
        [
            [{"label": "a", "score": 0.9}, {"label": "b", "score": 0.1}],
            [{"label": "a", "score": 0.2}, {"label": "b", "score": 0.1}],
        ],
        setup(["a", "b"], MULTI).config,
    )
    assert several == {"f1_micro": pytest.approx(2 / 3), "f1_macro": 0.5, "accuracy": 0.5}
    numbers = TASK.metric(
        examples(1.0, 2.0, 3.5),
        [[{"label": "score", "score": s}] for s in (0.0, 2.0, 9.0)],
        setup(["score"], REGRESSION).config,
    )
    assert next(iter(numbers)) == "spearman"
    assert numbers["spearman"] == pytest.approx(1.0)
    with pytest.raises(DataError, match="unknown label 'd'"):
        TASK.metric(examples("d"), [[]], setup(["a", "b"], SINGLE).config)


@pytest.mark.parametrize(("problem", "labels"), [(SINGLE, "abcd"), (MULTI, "abcd"), (REGRESSION, "a")])
def test_metrics_take_what_is_kept_of_answers(
    problem: str, labels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole answers of a hundred labels took 30 kB a row."""
    pipeline = pipe("text-classification", labels=[*labels], problem=problem)
    texts = ["the cat", "ada sat", "bad film", "very good", "in paris", "not on the mat"]
    given = [0.1, 0.2, 0.5, 3.0, 1.0, 2.5] if problem == REGRESSION else [*"abcdda"]
    told = [TASK.labelled_example(row(text=t, label=label)) for t, label in zip(texts, given, strict=True)]
    whole = list(pipeline.answers(told, TASK.evaluation_options))
    taken: list[Any] = []

    def metric(task: TextClassification, *given: Any) -> dict[str, float]:
        taken.extend(given[1])
        return measure(task, *given)

    measure = TextClassification.metric
    monkeypatch.setattr(TextClassification, "metric", metric)
    assert pipeline.measure(told) == measure(TASK, told, whole, pipeline.setup.config)
    assert [len(answer) for answer in taken] == [
        1 if problem != MULTI else sum(item["score"] > 0.5 for item in answer) for answer in whole
    ]


def test_threshold_gives_all_labels_that_reach_it_and_no_other() -> None:
    pipeline = pipe("text-classification", labels=["a", "b", "c"], problem=MULTI)
    text = "the cat sat on the mat"
    answers = pipeline([text], top_k=None)[0]
    highest, middle, lowest = (answer["score"] for answer in answers)
    assert highest > middle > lowest
    assert pipeline([text], threshold=middle) == [answers[:2]]
    assert pipeline([text], threshold=highest) == [answers[:1]]
    assert pipeline([text], threshold=1.0) == [[]]


@pytest.mark.parametrize("problem", [SINGLE, MULTI, None])
def test_one_output_is_a_score_by_itself(problem: str | None) -> None:
    """As in transformers; its softmax is 1 whatever the text is."""
    pipeline = pipe("text-classification", labels=["spam"], problem=problem)
    [logit] = (answer["score"] for answer in pipeline("the cat sat", function_to_apply="none"))
    [score] = (answer["score"] for answer in pipeline("the cat sat"))
    assert score == pytest.approx(1 / (1 + math.exp(-logit)))


def test_options_that_make_no_sense() -> None:
    with pytest.raises(OptionError, match="top_k 0 is less than 1"):
        TASK.options(top_k=0)
    with pytest.raises(OptionError, match=r"top_k 3 and threshold 0\.5 cannot both be given"):
        TASK.options(top_k=3, threshold=0.5)
    with pytest.raises(OptionError, match="threshold nan is not a number"):
        TASK.options(threshold=math.nan)
    with pytest.raises(OptionError, match="function_to_apply 'tanh' is not one of softmax, sigmoid, none"):
        TASK.options(function_to_apply="tanh")


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["0", "1"], "1"),
        (["negative", "positive"], "positive"),
        (["equivalent", "not_equivalent"], "equivalent"),
        (["not_duplicate", "duplicate"], "duplicate"),
        (["No", "Yes"], "Yes"),
    ],
)
def test_f1_is_that_of_the_label_without_a_negation(labels: list[str], positive: str) -> None:
    chosen = config(labels)
    assert chosen.id2label[positive_label(chosen)] == positive

"""Spans, windows and targets of question answering, against a search through everything."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squeezebert.errors import DataError, OptionError
from squeezebert.tasks.base import Setup, Window
from squeezebert.tasks.question_answering import Gold, QuestionAnswering, QuestionExample
from tests.tasks.tiny import WORDS, pipe, row, setup

TASK = QuestionAnswering()
RNG = np.random.default_rng(0)
contexts = st.lists(st.sampled_from([*WORDS.split(), "lovelaces", "qx", ".", "İx"]), max_size=40).map(
    " ".join
)


def random_outputs(windows: list[Window], seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    names = ("start_logits", "end_logits")
    return [{n: rng.normal(size=len(w.ids)).astype(np.float32) for n in names} for w in windows]


def brute_force(
    example: QuestionExample, windows: list[Window], outputs: list[Any], longest: int
) -> list[Any]:
    """All spans of all windows, their probabilities by the definition, best first, each text once.

    Among all pairs "no answer" is once, with the least mass that it has in a window.
    """
    total, found, nothing = 0.0, {}, math.inf
    for window, output in zip(windows, outputs, strict=True):
        owners = window.encoding.sequence_ids
        usable = [0, *(i for i, owner in enumerate(owners) if owner == 1)]
        for i in usable:
            for j in usable:
                mass = math.exp(float(output["start_logits"][i]) + float(output["end_logits"][j]))
                if i == j == 0:
                    nothing = min(nothing, mass)
                    continue
                total += mass
                if 0 < i <= j < i + longest:
                    word = [window.encoding.word_ids[i], window.encoding.word_ids[j]]
                    places = [k for k in usable[1:] if word[0] <= window.encoding.word_ids[k] <= word[1]]
                    span = window.encoding.offsets[places[0]][0], window.encoding.offsets[places[-1]][1]
                    found[span] = max(mass, found.get(span, 0.0))
    total += nothing
    return [(span, mass / total) for span, mass in sorted(found.items(), key=lambda item: -item[1])]


@settings(max_examples=40)
@given(contexts, st.integers(1, 6), st.integers(0, 99))
def test_best_spans_are_those_of_a_full_search(context: str, longest: int, seed: int) -> None:
    example = QuestionExample("x", "is ada good", context)
    here = setup(max_length=20, stride=5)
    windows = TASK.encode(example, here)
    outputs = random_outputs(windows, seed)
    expected = brute_force(example, windows, outputs, longest)[:3]
    answers = TASK.decode(example, windows, outputs, here, TASK.options(top_k=3, max_answer_len=longest))
    if not expected:
        assert [(a["answer"], a["start"], a["end"]) for a in answers] == [("", 0, 0)]
        return
    assert [(a["start"], a["end"]) for a in answers] == [span for span, _ in expected]
    assert [a["score"] for a in answers] == pytest.approx([score for _, score in expected])
    assert all(a["answer"] == context[a["start"] : a["end"]] for a in answers)
    assert {a["windows"] for a in answers} == {len(windows)}


def test_no_answer_competes_when_it_is_asked_for() -> None:
    example = QuestionExample("x", "is ada good", "the cat sat on the mat")
    here = setup()
    windows = TASK.encode(example, here)
    outputs = random_outputs(windows, 1)
    outputs[0]["start_logits"][0] = outputs[0]["end_logits"][0] = 9.0
    answer = TASK.decode(example, windows, outputs, here, TASK.options(handle_impossible_answer=True))
    assert (answer["answer"], answer["start"], answer["end"]) == ("", 0, 0)
    assert answer["score"] == answer["no_answer_score"] > 0.9
    assert TASK.decode(example, windows, outputs, here, TASK.options())["answer"] != ""


def test_no_answer_needs_every_window_to_say_so() -> None:
    example = QuestionExample("x", "is ada good", "the cat sat on the mat " * 9)
    here = setup()
    windows = TASK.encode(example, here)
    assert len(windows) > 2
    outputs = random_outputs(windows, 1)
    for output in outputs[1:]:
        output["start_logits"][0] = output["end_logits"][0] = 9.0
    sure = TASK.decode(example, windows, outputs, here, TASK.options())["no_answer_score"]
    assert sure < 0.01


@pytest.mark.parametrize("says", ["nothing", "an answer"])
def test_windows_that_do_not_tell_take_nothing_from_the_others(says: str) -> None:
    example = QuestionExample("x", "is ada good", "the cat sat on the mat " * 9)
    here = setup()
    windows = TASK.encode(example, here)
    outputs = random_outputs(windows, 1)
    for output in outputs:
        output["start_logits"][0] = output["end_logits"][0] = 20.0
    if says == "an answer":
        place = windows[1].encoding.sequence_ids.index(1)
        outputs[1]["start_logits"][place] = outputs[1]["end_logits"][place] = 20.0
        outputs[1]["start_logits"][0] = outputs[1]["end_logits"][0] = 0.0
    answer = TASK.decode(example, windows, outputs, here, TASK.options())
    assert answer["no_answer_score" if says == "nothing" else "score"] > 0.99


def test_a_word_of_many_pieces_leaves_room_for_other_answers() -> None:
    example = QuestionExample("x", "is ada good", "lovelaceslovelaces cat")
    here = setup()
    windows = TASK.encode(example, here)
    outputs = random_outputs(windows, 1)
    long = [word == 0 and owner == 1 for word, owner in zip(
        windows[0].encoding.word_ids, windows[0].encoding.sequence_ids, strict=True
    )]  # fmt: skip
    assert sum(long) > 10
    for name in ("start_logits", "end_logits"):
        outputs[0][name][long] += 9
    answers = TASK.decode(example, windows, outputs, here, TASK.options(top_k=3))
    expected = [span for span, _ in brute_force(example, windows, outputs, 30)[:3]]
    assert [(answer["start"], answer["end"]) for answer in answers] == expected
    assert len(expected) == 3


def test_accents_that_stand_for_themselves_belong_to_the_answer() -> None:
    context = unicodedata.normalize("NFD", "the café")
    example = QuestionExample("x", "is ada good", context)
    here = setup()
    windows = TASK.encode(example, here)
    outputs = random_outputs(windows, 1)
    last = len(windows[0].ids) - 2
    for name in ("start_logits", "end_logits"):
        outputs[0][name][last] = 20
    answer = TASK.decode(example, windows, outputs, here, TASK.options())
    assert (answer["answer"], answer["end"]) == (context[4:], len(context))


def test_a_question_longer_than_a_window_is_an_error() -> None:
    with pytest.raises(DataError, match="the question has 80 tokens, more than a window of 31 holds"):
        pipe("question-answering")(question="is the cat good " * 20, context="ada sat in paris")


def test_a_question_longer_than_half_a_window_is_cut_and_that_is_said() -> None:
    pipeline = pipe("question-answering")
    answer = pipeline(question="is the cat good " * 5, context="ada sat in paris")
    assert answer["truncated"]
    assert not pipeline(question="is the cat good", context="ada sat in paris " * 20)["truncated"]


@settings(max_examples=40)
@given(contexts.filter(lambda text: len(text.split()) > 2), st.data())
def test_targets_select_the_answer_in_every_window_that_holds_it(context: str, data: Any) -> None:
    words = context.split()
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, min(first + 3, len(words) - 1)))
    text = " ".join(words[first : last + 1])
    start = len(" ".join(words[:first])) + bool(first)
    example = QuestionExample("x", "is ada good", context, (Gold(text, start),))
    here = setup(max_length=20, stride=5)
    windows = TASK.encode(example, here)
    whole = 0
    for window, feature in zip(windows, TASK.features(example, windows, here, RNG), strict=True):
        begin, end = int(feature.targets["start_positions"]), int(feature.targets["end_positions"])
        offsets = window.encoding.offsets
        mine = [i for i, owner in enumerate(window.encoding.sequence_ids) if owner == 1]
        holds = offsets[mine[0]][0] <= start and offsets[mine[-1]][1] >= start + len(text)
        assert (begin, end) != (0, 0) if holds else (begin, end) == (0, 0)
        if holds:
            whole += 1
            assert context[offsets[begin][0] : offsets[end][1]] == text
    assert whole or len(text.split()) > 1


@pytest.mark.parametrize(
    ("context", "answer"),
    [("\ufeffada sat", "\ufeffada"), (" ada sat", " ada"), ("cat ada ", "ada "), ("ada\u200b", "ada\u200b")],
)
def test_an_answer_at_the_edge_of_the_text_is_learnt_with_what_has_no_token(
    context: str, answer: str
) -> None:
    """It was learnt as a question without an answer."""
    here = setup()
    example = QuestionExample("x", "is ada good", context, (Gold(answer),))
    windows = TASK.encode(example, here)
    [feature] = TASK.features(example, windows, here, RNG)
    start, end = int(feature.targets["start_positions"]), int(feature.targets["end_positions"])
    assert windows[0].encoding.tokens[start : end + 1] == ["ada"]


def test_answer_that_starts_elsewhere_than_it_says_is_the_nearest_one() -> None:
    example = QuestionExample("x", "q", "cat a cat the cat", (Gold("cat", 7),))
    here = setup()
    windows = TASK.encode(example, here)
    [feature] = TASK.features(example, windows, here, RNG)
    assert windows[0].encoding.offsets[int(feature.targets["start_positions"])] == (6, 9)
    with pytest.raises(DataError, match="x: the answer 'dog' does not occur in the context"):
        TASK.features(QuestionExample("x", "q", "cat", (Gold("dog", 0),)), windows, here, RNG)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([{"text": "cat", "start": 4}], (Gold("cat", 4),)),
        ([{"text": "cat", "answer_start": 4}], (Gold("cat", 4),)),
        ({"text": ["cat"], "answer_start": [4]}, (Gold("cat", 4),)),
        ({"text": ["cat"], "answer_start": 4}, (Gold("cat", 4),)),
        ({"text": ["cat"], "answer_start": ["4"]}, (Gold("cat", 4),)),
        ({"text": ["cat"]}, (Gold("cat"),)),
        ('{"text": ["cat"], "answer_start": [4]}', (Gold("cat", 4),)),
        ("[{'text': 'cat', 'start': 4}]", (Gold("cat", 4),)),
        ('["cat", "a cat"]', (Gold("cat"), Gold("a cat"))),
        ("{'text': [], 'answer_start': []}", ()),
        ("[1] and [2", (Gold("[1] and [2"),)),
        ("[1]", (Gold("[1]"),)),
        ("cat", (Gold("cat"),)),
        (["cat", "a cat"], (Gold("cat"), Gold("a cat"))),
        (np.array([{"text": "cat", "start": 4}]), (Gold("cat", 4),)),
        ({"text": np.array(["cat"]), "answer_start": np.array([4])}, (Gold("cat", 4),)),
        ("", ()),
        ([], ()),
        (None, ()),
    ],
)
def test_forms_of_answers(answers: Any, expected: Any) -> None:
    example = TASK.labelled_example(row(question="q", context="the cat", answers=answers))
    assert example.answers == expected


@pytest.mark.parametrize("name", ["answer_start", "start"])
@pytest.mark.parametrize(
    ("start", "expected"), [("4", 4), (4.0, 4), ("", None), (None, None), (math.nan, None)]
)
def test_a_column_may_say_where_the_answer_starts(name: str, start: Any, expected: int | None) -> None:
    """Else a flat table would always mean the first place where the answer stands."""
    values = {"question": "q", "context": "cat cat", "answer": "cat", name: start}
    assert TASK.labelled_example(row(**values)).answers == (Gold("cat", expected),)


@pytest.mark.parametrize(
    ("answers", "start"),
    [
        ({"text": ["cat"], "start": [4]}, None),
        ([{"text": "cat"}], 4),
        ([{"text": "cat", "start": None, "answer_start": 4}], None),
        ([{"text": "cat", "start": "4"}], 0),
        ({"text": "cat", "answer_start": 4.0}, None),
    ],
    ids=str,
)
def test_starts_are_read_from_wherever_they_stand(answers: Any, start: Any) -> None:
    values = {"question": "q", "context": "cat cat", "answers": answers, "answer_start": start}
    assert TASK.labelled_example(row(**values)).answers == (Gold("cat", 4),)


@pytest.mark.parametrize(
    ("said", "expected"), [(True, 0), ("true", 0), (1.0, 0), (False, 1), ("", 1), (None, 1)]
)
def test_a_column_may_say_that_there_is_no_answer(said: Any, expected: int) -> None:
    values = {"question": "q", "context": "cat", "answers": ["cat"], "is_impossible": said}
    assert len(TASK.labelled_example(row(**values)).answers or ()) == expected
    with pytest.raises(DataError, match="is_impossible is 'maybe'; expected true or false"):
        TASK.labelled_example(row(**{**values, "is_impossible": "maybe"}))


def test_a_start_has_no_comma() -> None:
    values = {"question": "q", "context": "cat " * 300, "answer": "cat", "answer_start": "1,000"}
    with pytest.raises(DataError, match="answer_start is '1,000'; expected how many characters"):
        TASK.labelled_example(row(**values))


@pytest.mark.parametrize(
    ("answers", "starts", "expected"),
    [
        (["cat"], [4], [4]), ("['cat']", "[4]", [4]), (["cat", "cat"], [4, 0], [4, 0]), (["cat"], 4, [4]),
        (["cat", "cat"], None, [None, None]), (np.array(["cat"]), np.array([4]), [4]),
    ],
)  # fmt: skip
def test_lists_of_answers_and_of_starts_belong_together(
    answers: Any, starts: Any, expected: list[Any]
) -> None:
    """As SQuAD has them where its nested columns were flattened."""
    example = row(question="q", context="cat cat", answers=answers, answer_start=starts)
    assert TASK.labelled_example(example).answers == tuple(Gold("cat", start) for start in expected)


def test_as_many_starts_as_answers_are_needed() -> None:
    with pytest.raises(DataError, match=r"file.csv:7: has 2 answers, and answer_start is \[4\]; give one"):
        TASK.labelled_example(row(question="q", context="a b", answers=["a", "b"], answer_start=[4]))


def test_a_start_that_is_none_names_the_place() -> None:
    """It is not taken for one that is missing."""
    with pytest.raises(DataError, match=r"file.csv:7: answer_start is '-1'; expected how many characters"):
        TASK.labelled_example(row(question="q", context="cat", answer="cat", answer_start="-1"))


def test_of_several_answers_the_first_that_occurs_is_learnt() -> None:
    """One that is written otherwise in the context does not stop a run."""
    example = QuestionExample("x", "q", "the cat", (Gold("CAT"), Gold("cat")))
    here = setup()
    windows = TASK.encode(example, here)
    [feature] = TASK.features(example, windows, here, RNG)
    assert windows[0].encoding.offsets[int(feature.targets["start_positions"])] == (4, 7)


@pytest.mark.parametrize(
    "answers",
    [
        3, [{"start": 4}], [{"text": "a", "start": -1}], [None],
        {"text": ["the", "cat"], "answer_start": [0]}, {"text": ["the", "cat"], "answer_start": 4},
    ],
)  # fmt: skip
def test_wrong_answers_name_the_place(answers: Any) -> None:
    with pytest.raises(DataError, match=r"file.csv:7: .*answer"):
        TASK.labelled_example(row(question="q", context="the cat", answers=answers))


def test_metric_with_and_without_questions_that_have_no_answer() -> None:
    here: Setup = setup()
    told = QuestionExample("x", "q", "c", (Gold("cat"),))
    none = QuestionExample("x", "q", "c", ())
    sure = {"answer": "the cat", "score": 0.9, "no_answer_score": 0.1}
    unsure = {"answer": "dog", "score": 0.1, "no_answer_score": 0.9}
    assert TASK.metric([told], [sure], here.config) == {"f1": 1.0, "exact_match": 1.0}
    scores = TASK.metric([told, none], [sure, unsure], here.config)
    assert next(iter(scores)) == "f1"
    assert scores["f1"] == scores["HasAns_f1"] == scores["NoAns_exact_match"] == 1.0


def test_options_that_make_no_sense() -> None:
    with pytest.raises(OptionError, match="top_k 0 is less than 1"):
        TASK.options(top_k=0)
    with pytest.raises(OptionError, match=r"question-answering has no option 'topk' \(nearest: 'top_k'\)"):
        TASK.options(topk=1)

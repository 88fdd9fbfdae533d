"""Entities keep their characters, over windows too; targets and metric are by word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squeezebert.errors import DataError, OptionError
from squeezebert.tasks.base import ASKED, NO_LOSS, Setup, Window
from squeezebert.tasks.merging import best_places
from squeezebert.tasks.tags import STRICT_KEY
from squeezebert.tasks.token_classification import TokenClassification, TokenExample
from tests.tasks.tiny import WORDS, pipe, row, setup

TASK = TokenClassification()
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
RNG = np.random.default_rng(0)
words = st.lists(
    st.sampled_from([*WORDS.split(), "lovelaces", "qx", ".", "İx", "é", "cafe\u0301"]),
    min_size=1,
    max_size=45,
)


def as_told(windows: list[Window], tag_of_word: list[str], here: Setup) -> list[dict[str, Any]]:
    """Outputs of a model that knows the tag of each word, and says O at the borders of a window."""
    outputs = []
    for window in windows:
        logits = np.zeros((len(window.ids), len(TAGS)), dtype=np.float32)
        for position, word in enumerate(window.encoding.word_ids):
            logits[position, 0 if word is None else here.config.label2id[tag_of_word[word]]] = 5.0
        outputs.append({"logits": logits})
    return outputs


@settings(max_examples=40)
@given(words, st.integers(0, 6), st.integers(12, 31))
def test_every_token_comes_once_from_where_it_has_most_context(
    text: list[str], stride: int, length: int
) -> None:
    here = setup(TAGS, max_length=length, stride=stride)
    joined = " ".join(text)
    windows = TASK.encode(TokenExample("x", joined), here)
    whole = here.tokenizer.encode_windows(joined, max_length=10**6)[0]
    places = best_places(windows, stride)
    tokens = [(w.encoding.tokens[p], w.encoding.offsets[p]) for w, p in ((windows[i], p) for i, p in places)]
    assert tokens == list(zip(whole.tokens, whole.offsets, strict=True))[1:-1]
    # No other window shows more of the text on the token's poorer side.
    for (index, position), token in zip(places, range(len(tokens)), strict=True):
        step = len(windows[0].ids) - 2 - stride
        for other, window in enumerate(windows):
            rank = token - other * step
            if 0 <= rank < len(window.ids) - 2:
                assert context(windows, other, rank) <= context(windows, index, position - 1)


def context(windows: list[Window], index: int, rank: int) -> float:
    left = float("inf") if index == 0 else rank
    right = float("inf") if index == len(windows) - 1 else len(windows[index].ids) - 3 - rank
    return min(left, right)


@settings(max_examples=40)
@given(words, st.data(), st.booleans())
def test_entities_are_found_whole_over_windows(text: list[str], data: Any, given_as_words: bool) -> None:
    """A window more or less changes nothing: what the model knows comes out with its characters."""
    here = setup(TAGS, max_length=14, stride=4)
    tags = data.draw(st.lists(st.sampled_from(TAGS), min_size=len(text), max_size=len(text)))
    joined = " ".join(text)
    example = TokenExample("x", joined, tuple(text) if given_as_words else None)
    windows = TASK.encode(example, here)
    last = max((w for part in windows for w in part.encoding.word_ids if w is not None), default=-1)
    if last != len(text) - 1:
        return  # The tokenizer made other words of the text than we did.
    answer = TASK.decode(example, windows, as_told(windows, tags, here), here, TASK.options())
    assert all(joined[e["start"] : e["end"]] == e["word"] for e in answer)
    starts = np.cumsum([0, *(len(word) + 1 for word in text)])
    found = {(e["entity_group"], e["start"], e["end"]) for e in answer}
    from seqeval.metrics.sequence_labeling import get_entities

    assert found == {(kind, starts[a], starts[b] + len(text[b])) for kind, a, b in get_entities(tags)}


def test_what_is_between_entities_is_left_out_unless_asked_for() -> None:
    """As transformers gives it: neighbours without an entity are one group."""
    here = setup(TAGS)
    example = TokenExample("x", "the cat sat in paris .")
    windows = TASK.encode(example, here)
    outputs = as_told(windows, ["O", "O", "O", "O", "B-LOC", "O"], here)
    for strategy in ("first", "simple", "average", "max"):
        options = TASK.options(aggregation_strategy=strategy, ignore_labels=())
        answer = TASK.decode(example, windows, outputs, here, options)
        assert [(e["entity_group"], e["word"]) for e in answer] == [
            ("O", "the cat sat in"), ("LOC", "paris"), ("O", "."),
        ]  # fmt: skip
        options = TASK.options(aggregation_strategy=strategy)
        assert [e["word"] for e in TASK.decode(example, windows, outputs, here, options)] == ["paris"]


@settings(max_examples=20)
@given(words, st.integers(0, 6))
def test_stride_never_loses_an_entity_inside_the_overlap(text: list[str], stride: int) -> None:
    joined = " ".join(text)
    example = TokenExample("x", joined)
    answers = []
    for here in (setup(TAGS, max_length=16, stride=stride), setup(TAGS, max_length=16, stride=0)):
        windows = TASK.encode(example, here)
        count = 1 + max(w for part in windows for w in part.encoding.word_ids if w is not None)
        tags = [TAGS[i % 5] for i in range(count)]
        answer = TASK.decode(example, windows, as_told(windows, tags, here), here, TASK.options())
        answers.append([(e["entity_group"], e["start"], e["end"]) for e in answer])
    assert answers[0] == answers[1]


def test_first_tokens_take_the_loss() -> None:
    here = setup(TAGS)
    example = TokenExample("x", "ada lovelaces cat", ("ada", "lovelaces", "cat"), ("B-PER", "I-PER", "O"))
    windows = TASK.encode(example, here)
    [feature] = TASK.features(example, windows, here, RNG)
    assert windows[0].encoding.tokens == ["[CLS]", "ada", "lovelace", "##s", "cat", "[SEP]"]
    assert feature.token_targets["labels"].tolist() == [NO_LOSS, 1, 2, NO_LOSS, 0, NO_LOSS]


def test_words_that_begin_with_what_has_no_token_are_learnt() -> None:
    """Such as a soft hyphen or a byte order mark: the first token begins behind it."""
    here = setup(TAGS)
    text = ("\u00adada", "lives", "\ufeffparis")
    example = TokenExample("x", " ".join(text), text, ("B-PER", "O", "B-LOC"))
    windows = TASK.encode(example, here)
    [feature] = TASK.features(example, windows, here, RNG)
    assert feature.token_targets["labels"].tolist() == [NO_LOSS, 1, 0, 3, NO_LOSS]
    [asked] = TASK.unlabelled_features(windows)
    assert asked.token_targets[ASKED].tolist() == [NO_LOSS, 0, 0, 0, NO_LOSS]


def test_a_word_cut_by_a_window_takes_its_loss_at_its_first_token_only() -> None:
    here = setup(TAGS, max_length=12, stride=0)
    text = ("zzzzzzzzzzzzzzzz",)
    example = TokenExample("x", text[0], text, ("B-PER",))
    windows = TASK.encode(example, here)
    assert len(windows) == 2
    labels = [f.token_targets["labels"].tolist() for f in TASK.features(example, windows, here, RNG)]
    assert [sum(label != NO_LOSS for label in each) for each in labels] == [1, 0]


def test_every_word_has_a_tag_in_evaluation_even_without_tokens() -> None:
    pipeline = pipe("token-classification", labels=TAGS)
    text = ("ada", "\u200b", "cat")
    example = TokenExample("x", " ".join(text), text, ("B-PER", "O", "O"))
    [answer] = pipeline.answers([example], TASK.evaluation_options)
    assert [entry["word"] for entry in answer] == list(text)
    assert answer[1]["entity"] == "O"
    kept = TASK.condense_answer(answer, pipeline.setup.config)
    assert kept == [{"entity": entry["entity"]} for entry in answer]
    found = TASK.metric([example], [answer], pipeline.setup.config)
    assert found == TASK.metric([example], [kept], pipeline.setup.config)
    assert set(found) == {
        "f1",
        "precision",
        "recall",
        "accuracy",
    }


@pytest.mark.parametrize("strict", [False, True])
def test_a_word_without_tokens_changes_no_other_and_divides_no_entity(strict: bool) -> None:
    here = setup(TAGS)
    here = here._replace(config=here.config.replace(extra={STRICT_KEY: strict}))
    seen, tags = ("ada", "lovelace", "in", "paris", "paris"), ["B-PER", "I-PER", "O", "B-LOC", "I-LOC"]
    windows = TASK.encode(TokenExample("x", " ".join(seen), seen), here)
    outputs = as_told(windows, tags, here)

    text = ("ada", "\u200b", "\u200b", "lovelace", "\u200b", *seen[2:], "\ufe0f")
    example = TokenExample("x", " ".join(text), text)
    # The same outputs: what has no tokens is not seen by the model.
    windows = TASK.encode(example, here)
    assert [window.ids for window in windows] == [
        w.ids for w in TASK.encode(TokenExample("x", "", seen), here)
    ]
    answer = TASK.decode(example, windows, outputs, here, TASK.evaluation_options)
    assert [entry["entity"] for entry in answer] == [
        "B-PER", "I-PER", "I-PER", "I-PER", "O", "O", "B-LOC", "I-LOC", "O",
    ]  # fmt: skip
    entities = TASK.decode(example, windows, outputs, here, TASK.options())
    found = {(e["entity_group"], e["start"], e["end"]) for e in entities}
    starts = [entry["start"] for entry in answer]
    assert found == {("PER", 0, answer[3]["end"]), ("LOC", starts[6], answer[7]["end"])}


def test_metric_of_parts_of_speech_is_the_accuracy() -> None:
    config = setup(["NOUN", "VERB"]).config
    example = TokenExample("x", "a b", ("a", "b"), ("NOUN", "VERB"))
    answer = [{"entity": "NOUN"}, {"entity": "NOUN"}]
    assert TASK.metric([example], [answer], config) == {"accuracy": 0.5}


def test_tables_may_hold_words_and_tags_as_text() -> None:
    example = TASK.labelled_example(row(words="EU rejects calls", ner_tags="B-ORG O O"))
    assert example.words == ("EU", "rejects", "calls")
    assert example.text == "EU rejects calls"
    assert example.tags == ("B-ORG", "O", "O")
    assert TASK.labelled_example(row(tokens=["a", "b"], ner_tags=[0, 3])).tags == ("0", "3")


@pytest.mark.parametrize(
    ("words", "tags"),
    [
        ("['a b', 'c']", "[0, 3]"),
        ('["a b", "c"]', '["0", "3"]'),
        ("['a b' 'c']", "[0 3]"),
        (np.array(["a b", "c"]), np.array([0, 3])),
    ],
)
def test_lists_in_cells_and_arrays(words: Any, tags: Any) -> None:
    """Cells split at blanks would teach brackets and commas."""
    example = TASK.labelled_example(row(tokens=words, ner_tags=tags))
    assert (example.words, example.tags) == (("a b", "c"), ("0", "3"))


def test_brackets_may_be_words() -> None:
    """Only what can be nothing but a list is taken for one."""
    for text in ("[ see below ]", "[ 1 ]"):
        assert TASK.example(row(tokens=text)).words == tuple(text.split())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, "has 2 tokens and 1 tags"),
        ({"text": "a b", "tags": ["O", "O"]}, "has tags but no words"),
        ({"tokens": ["a", 3], "tags": ["O", "O"]}, r"tokens\[1\] is a int"),
        ({"tokens": '["a", 3]', "tags": ["O", "O"]}, r"tokens\[1\] is a int"),
        ({"tokens": ["a", "b"], "tags": [0, 1.5]}, r"tags\[1\] is 1.5 where tags\[0\] is a whole number"),
        ({"tokens": 3, "tags": ["O"]}, "tokens is a int; expected a list of strings"),
        ({"tokens": ["a"]}, "no column for 'tags'"),
        ({"body": "a", "tags": "O"}, "has tags but no words|no column"),
    ],
)
def test_wrong_rows_name_the_place(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"file.csv:7: .*{message}|file.csv:7: {message}"):
        TASK.labelled_example(row(**values))


def test_labels_of_a_new_head_start_with_outside() -> None:
    examples = [
        TokenExample("x", "a b", ("a", "b"), ("B-PER", "O")),
        TokenExample("x", "c", ("c",), ("B-LOC",)),
    ]
    config = TASK.configure(setup().config, examples)
    assert list(config.id2label.values()) == ["O", "B-LOC", "B-PER"]
    assert config.architectures == ("SqueezeBertForTokenClassification",)
    with pytest.raises(DataError, match="two or more"):
        TASK.configure(config, [TokenExample("x", "a", ("a",), ("O",))])


def test_unknown_strategy() -> None:
    with pytest.raises(OptionError, match="aggregation_strategy 'frist' is not one of none, word, simple"):
        TASK.options(aggregation_strategy="frist")

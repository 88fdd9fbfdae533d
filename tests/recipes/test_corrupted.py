"""Damaged sentences differ from what they were made of where they say so, and nowhere else."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corrupted import DAMAGED, RIGHT, WRONG, corrupted, damage, forms

VOCABULARY = [
    "move",
    "moves",
    "moved",
    "moving",
    "mover",
    "car",
    "cars",
    "the",
    "cat",
    "wine",
    "win",
    "##s",
    "a1",
]
OTHERS = forms(VOCABULARY)
words = st.lists(
    st.sampled_from(["He", "moves", "the", "car", "himself", "xylophone", ",", "to"]), min_size=2, max_size=17
)


def is_subsequence(short: list[str], long: list[str]) -> bool:
    rest = iter(long)
    return all(word in rest for word in short)


@given(words, st.integers(0, 2**32))
def test_what_is_not_marked_stands_as_it_stood(sentence: list[str], seed: int) -> None:
    damaged = damage([(word, False) for word in sentence], OTHERS, np.random.default_rng(seed))
    kept = [word for word, wrong in damaged if not wrong]
    assert is_subsequence(kept, sentence)
    assert len(kept) >= len(sentence) - 2
    if [word for word, _ in damaged] != sentence:
        assert len(kept) < len(damaged)
    if len(kept) == len(damaged):
        assert kept == sentence


def test_a_word_is_replaced_by_its_inflections_and_by_its_kind() -> None:
    assert OTHERS["moving"] == ("moved", "mover", "moves")
    assert "cars" in OTHERS["car"]
    assert {"herself", "him", "themselves"} <= set(OTHERS["himself"])
    # Neither another word with the same beginning nor a piece of a word.
    assert "wine" not in OTHERS
    assert "himself" not in OTHERS["himself"]


def test_as_many_sentences_are_damaged_as_is_said() -> None:
    sentence = "The old man from the small village never takes anything to his sister ."
    rows = list(corrupted([sentence, "Too short ."] * 2003, VOCABULARY, np.random.default_rng(5)))
    assert len(rows) == 2003
    assert all(len(row["tokens"]) == len(row["tags"]) for row in rows)
    assert {tag for row in rows for tag in row["tags"]} == {RIGHT, WRONG}
    changed = np.mean([row["tokens"] != sentence.split() for row in rows])
    assert abs(changed - DAMAGED) < 0.03
    assert abs(np.mean([WRONG in row["tags"] for row in rows]) - DAMAGED) < 0.03

"""Masking keeps its rates: checked against the binomial distribution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from squeezebert.tasks.masking import mask_tokens, mask_words

VOCABULARY, MASK = 997, 996
SPECIAL = {0, 1, 2}
CONTINUES = np.arange(VOCABULARY) % 3 == 0


def masked(kind, ids, rng):
    special = [int(piece in SPECIAL) for piece in ids]
    options = {"mask_id": MASK, "vocab_size": VOCABULARY, "rng": rng}
    if kind == "words":
        return mask_words(ids, special, CONTINUES, **options)
    return mask_tokens(ids, special, **options)


def agrees(successes, trials, share):
    return binomtest(int(successes), int(trials), share).pvalue > 1e-4


@pytest.mark.parametrize("kind", ["pieces", "words"])
def test_eighty_ten_ten(kind):
    rng = np.random.default_rng(5)
    hidden = stayed = replaced = chosen = 0
    for _ in range(400):
        ids = [1, *rng.integers(3, VOCABULARY - 1, size=101).tolist(), 2]
        found, places = masked(kind, ids, rng)
        new, old = np.array(found)[list(places)], np.array(ids)[list(places)]
        chosen += len(places)
        hidden += int((new == MASK).sum())
        stayed += int((new == old).sum())
        replaced += int(((new != MASK) & (new != old)).sum())
        untouched = np.delete(np.arange(103), list(places))
        assert (np.array(found)[untouched] == np.array(ids)[untouched]).all()
        assert max(found) < VOCABULARY
    assert agrees(hidden, chosen, 0.8 + 0.1 / VOCABULARY)
    assert agrees(stayed, chosen, 0.1 + 0.1 / VOCABULARY)
    assert agrees(replaced, chosen, 0.1 - 0.2 / VOCABULARY)
    assert chosen == 400 * 15 or kind == "words"
    assert 0.95 * 400 * 15 < chosen <= 400 * 15


def test_every_place_is_chosen_alike():
    rng = np.random.default_rng(5)
    counts = np.zeros(40)
    for _ in range(2000):
        counts[list(masked("pieces", [1, *range(3, 41), 2], rng)[1])] += 1
    assert counts[0] == counts[39] == 0
    assert all(agrees(count, 2000, 6 / 38) for count in counts[1:39])


@given(st.lists(st.integers(0, VOCABULARY - 2), max_size=60), st.integers(0, 2**32))
def test_words_are_hidden_whole(ids, seed):
    _, places = masked("words", ids, np.random.default_rng(seed))
    free = [piece not in SPECIAL for piece in ids]
    chosen = set(places)
    assert all(free[place] for place in chosen)
    assert bool(chosen) == any(free)
    for place in range(1, len(ids)):
        if CONTINUES[ids[place]] and free[place] and free[place - 1]:
            assert (place in chosen) == (place - 1 in chosen)


def test_a_long_word_is_hidden_only_where_no_other_fits():
    long, single = [4, 3, 6, 9, 12, 15], [4]
    for seed in range(20):
        assert {*masked("words", long + 4 * single, np.random.default_rng(seed))[1]} <= {6, 7, 8, 9}
        assert masked("words", long, np.random.default_rng(seed))[1] == tuple(range(6))


@given(st.lists(st.integers(0, VOCABULARY - 2), max_size=60), st.integers(0, 2**32))
def test_masking_is_a_function_of_the_seed(ids, seed):
    for kind in ("pieces", "words"):
        first, second = (masked(kind, ids, np.random.default_rng(seed)) for _ in range(2))
        assert first == second

"""Where sentences end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.corpus import split_sentences


@pytest.mark.parametrize(
    "text",
    [
        "One. | Two! | Three? | Four… | Five",
        "Dr. Smith met J. K. Rowling and Mrs. Dalloway. | They left.",
        "The U.S. Navy sailed at 5 p.m. | Then it rained.",
        'He said "Go!" | Then he left. | (So it was.) | Yes.',
        "“What?” | “Nothing.” | ‘Well…’ | Ä is a letter.",
        "See fig. 3 and vol. 12, pp. 4 to 5. | No. 7 is here. | No. | Yes.",
        "It costs 3.50 dollars at example.com today. | E.g. This one e.g. Paris i.e. France.",
        "It was I. | It is so. | In 1999. | 42 is the answer.",
        "no capital. follows here, ok",
        "中文句子. | 另一个.",
    ],
)
def test_ends(text):
    sentences = text.split(" | ")
    assert split_sentences(" ".join(sentences)) == sentences


@given(st.text(st.sampled_from("ab AB.!?…\"')(1 \n\tÄß")))
def test_nothing_but_white_space_is_lost(text):
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence and sentence == sentence.strip() for sentence in sentences)


@given(st.text(st.sampled_from("ab AB.!?…\"')(1 ")))
def test_a_sentence_is_not_cut_further_from_its_start(text):
    """Splitting is stable: the first sentence alone is one sentence."""
    for sentence in split_sentences(text)[:1]:
        assert split_sentences(sentence) == [sentence]


@pytest.mark.parametrize("long", ["A" * 300_000 + " b", "X" + "." * 300_000 + "b", "X" + ".b" * 150_000])
def test_the_time_grows_with_the_length_and_not_with_its_square(long):
    """Encoded pictures are words as long as these: from each character anew it would take long."""
    assert split_sentences(f"Here it is. {long}. There.") == ["Here it is.", f"{long}.", "There."]


@pytest.mark.parametrize("name", ["J. Smith, ", "p. 12, the ", "Dr. Who, "])
def test_long_lists_of_abbreviations_are_one_sentence(name):
    assert len(split_sentences(20_000 * name + "and Ada.")) == 1

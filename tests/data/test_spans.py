"""Spans become tags that say the same: no character is lost, and each entity begins and ends where it did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.data.spans import CharacterSpan, tagged

texts = st.text(st.sampled_from("abü_9 .,-\n'漢\u0301\u200d"), max_size=43)


@given(texts, st.data())
def test_tags_say_what_the_spans_said(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=7)))
    spans = [
        CharacterSpan(start, end, data.draw(st.sampled_from(["PER", "LOC"])))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    words, tags = tagged(text, spans)
    assert "".join(words) == "".join(text.split())
    found: list[tuple[str, str]] = []
    for word, tag in zip(words, tags, strict=True):
        if tag.startswith("B-"):
            found.append((word, tag[2:]))
        elif tag.startswith("I-"):
            assert found[-1][1] == tag[2:]
            found[-1] = (found[-1][0] + word, tag[2:])
    written = [("".join(text[span.start : span.end].split()), span.label) for span in spans]
    assert found == [(characters, label) for characters, label in written if characters]


def test_of_overlapping_spans_the_first_is_tagged() -> None:
    spans = [CharacterSpan(0, 8, "A"), CharacterSpan(4, 12, "B")]
    assert tagged("one two four", spans) == (["one", "two", "four"], ["B-A", "I-A", "B-B"])


@pytest.mark.parametrize("word", ["Zu\u0308rich", "\u0939\u093f\u0928\u094d\u0926\u0940", "co\u00adoperate"])
def test_accents_vowel_signs_and_soft_hyphens_divide_no_word(word: str) -> None:
    assert tagged(f"in {word}, now", [CharacterSpan(3, 3 + len(word), "LOC")]) == (
        ["in", word, ",", "now"],
        ["O", "B-LOC", "O", "O"],
    )

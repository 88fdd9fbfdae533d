"""Texts made by hypothesis that touch every rule of the normaliser."""

from __future__ import annotations

from hypothesis import strategies as st

# Marks of many combining classes, among them ones that are not accents to the norm.
_MARKS = "\u0301\u0308\u0323\u0327\u0328\u0334\u0345\u05b0\u0651\u0e38\u0f71\u0f72\u0f73"
_MARKS += "\u302a\u302e\u3099\U0001d165"
_MARKS += "\u0344\u0f75\u0f81\U0001d16d\U0001d172\u16ff\U00016ff0\u1dfa\u0711\u093c\u0c56"
_LETTERS = "abzABZéÉïñåÅøßẞıİIΣσςΩŐœﬁﬃǅǆḍ̇ạ̈ệữ가각힣각цЙйёクガがぱ中国々豈\U0002f800\u0958\u09cb\U0001109a"
_OTHERS = (
    " \t\n\r\x00\x0b\x0c\x1c\x7f\x85\xa0\xad\u200b\u200d\u2028\u3000\ufeff\ufffd\ue000.,!?-_'\"`$€«»¿…—·;[]##"
)
_OTHERS += "😀🏽👨‍👩‍👧🇩🇪☃️①²½"

chars = st.one_of(
    st.sampled_from(_LETTERS),
    st.sampled_from(_MARKS),
    st.sampled_from(_OTHERS),
    st.characters(exclude_categories=["Cs"]),
)
words = st.sampled_from(
    [
        "[MASK]",
        "[SEP]",
        "[CLS]",
        "[mask]",
        "unaffable",
        "##ing",
        "naïve",
        "ΟΔΟΣ",
        "Straße",
        "x" * 101,
        "y" * 100,
    ]
)
texts = st.lists(st.one_of(chars, chars, chars, words), max_size=40).map("".join)
word_lists = st.lists(st.one_of(texts, words, st.just("")), max_size=7)
# Plain words, so that lengths are easy to reason about.
plain = st.lists(st.sampled_from(["the", "cat", "unaffable", "Zürich", "中国", "it's"]), max_size=30).map(
    " ".join
)

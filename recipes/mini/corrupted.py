"""Sentences with words that are wrong, each word labelled: what a model learns grammar from without labels.

A trunk that learnt to say what texts are about knows little of whether they are well formed. Here sentences
of the corpus are damaged in the ways in which the sentences of grammar books are wrong: words in another
order, left out, put in, inflected otherwise, or replaced by another one of their kind ("himself" by
"herself", "any" by "some", "to" by "of"). To say of each word whether it is wrong is how ELECTRA learns
(Clark et al., 2020); its wrong words are a generator's, these are made by rules.

Everything is a pure function of its arguments and the seed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

WRONG, RIGHT = "WRONG", "O"
DAMAGED = 0.7
"""Share of the sentences that are damaged."""
_TWICE = 0.25
"""Share of those that are damaged in two places."""
_SHORTEST, _LONGEST = 4, 18
"""Words of a sentence, marks included."""
_REPLACED, _SWAPPED, _LEFT_OUT, _PUT_IN = 0.5, 0.65, 0.8, 0.9
"""Shares of the kinds of damage, summed; what is left moves a word."""

Marked = tuple[str, bool]
"""A word, and whether it is wrong."""

KINDS = tuple(
    tuple(words.split())
    for words in (
        "a an the this that these those", "some any every each all no many much few several",
        "in on at to of for from with by about into over under between through after before",
        "i me my mine myself", "he him his himself", "she her hers herself", "it its itself",
        "we us our ours ourselves", "they them their theirs themselves", "you your yours yourself",
        "myself yourself himself herself itself ourselves themselves", "he she it they we i you who",
        "him her it them us me you whom", "who whom whose which what that", "when where why how whether if",
        "is are am was were be been being", "has have had having", "do does did done doing",
        "can could will would shall should may might must", "and or but because although while",
        "not never ever always already yet still", "go goes went gone going", "say says said saying",
        "see sees saw seen seeing", "take takes took taken taking", "give gives gave given giving",
        "come comes came coming", "know knows knew known knowing", "make makes made making",
        "get gets got gotten getting", "write writes wrote written writing", "think thinks thought thinking",
        "tell tells told telling", "find finds found finding", "good better best well",
        "bad worse worst badly", "more most much very", "than as like", "there it here", "so such too very",
    )
)  # fmt: skip
"""Words that may stand for each other, and are mostly wrong then."""
_ENDINGS = ("", "s", "es", "ed", "d", "ing", "er", "est", "ly")
_TOKEN = re.compile(r"\w+(?:'\w+)?|[^\w\s]")
_WORD = re.compile(r"[a-z]+")


def forms(vocabulary: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The words that may stand for a word: others of its kind, and its other inflections in a vocabulary."""
    others: defaultdict[str, set[str]] = defaultdict(set)
    for kind in KINDS:
        for word in kind:
            others[word].update(kind)
    known = {word for word in vocabulary if _WORD.fullmatch(word) and len(word) > 2}
    stems: defaultdict[str, set[str]] = defaultdict(set)
    for word in known:
        for ending in _ENDINGS:
            stem = word.removesuffix(ending) if ending else word
            if len(stem) > 2 and word.endswith(ending):
                stems[stem].add(word)
    for stem, words in stems.items():
        # "moving" and "moved" are of "move", whose stem ends where theirs do.
        if stem in known or stem + "e" in known:
            for word in words:
                others[word].update(words)
    return {word: tuple(sorted(found - {word})) for word, found in others.items() if len(found) > 1}


def damage(
    words: Sequence[Marked], others: Mapping[str, tuple[str, ...]], rng: np.random.Generator
) -> list[Marked]:
    """Damage a sentence of two words or more in one place, and mark what is wrong then.

    Args:
        words: The sentence.
        others: What may stand for a word; see :func:`forms`.
        rng: Says where and how.
    """
    result, kind, place = list(words), rng.random(), int(rng.integers(len(words) - 1))
    if kind < _REPLACED:
        places = [place for place, (word, _) in enumerate(words) if word.lower() in others]
        if places:
            place = int(rng.choice(places))
            result[place] = str(rng.choice(others[words[place][0].lower()])), True
        return result
    (word, _), (after, _) = moved = result[place], result[place + 1]
    if kind < _SWAPPED:
        if word.lower() != after.lower():
            result[place : place + 2] = (after, True), (word, True)
    elif kind < _LEFT_OUT:
        result[place : place + 2] = [(after, True)]
    elif kind < _PUT_IN:
        result.insert(place, (str(rng.choice(KINDS[rng.integers(len(KINDS))])), True))
    else:
        del result[place]
        target = int(rng.integers(len(result) + 1))
        result.insert(target, moved[0] if target == place else (word, True))
    return result


def corrupted(
    sentences: Iterable[str], vocabulary: Iterable[str], rng: np.random.Generator
) -> Iterator[dict[str, list[str]]]:
    """Damage sentences and label their words; those that are too short or too long are passed over.

    Args:
        sentences: Of the corpus.
        vocabulary: Words whose inflections are known.
        rng: Says which sentences are damaged, and how.

    Yields:
        ``tokens`` and as many ``tags``, `WRONG` or `RIGHT`.
    """
    others = forms(vocabulary)
    for sentence in sentences:
        words = [(word, False) for word in _TOKEN.findall(sentence)]
        if not _SHORTEST <= len(words) <= _LONGEST:
            continue
        if rng.random() < DAMAGED:
            for _ in range(1 + int(rng.random() < _TWICE)):
                words = damage(words, others, rng)
        yield {
            "tokens": [word for word, _ in words],
            "tags": [WRONG if wrong else RIGHT for _, wrong in words],
        }

"""Learning a WordPiece vocabulary from texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from squeezebert.errors import TokenizerError
from squeezebert.tokenization.inputs import check_number, check_text


def train_vocabulary(
    texts: Iterable[str],
    description: Mapping[str, Any],
    *,
    vocab_size: int,
    min_frequency: int,
    limit_alphabet: int,
) -> list[str]:
    """Learn pieces from texts.

    Args:
        texts: The training texts, read once.
        description: The untrained tokenizer, whose normaliser is applied to the texts, as a
            ``tokenizer.json``. Its vocabulary, the special tokens, comes first in the new one.
        vocab_size: Pieces to learn at most, special tokens and characters included: each of these takes two,
            but those that are only found where words begin.
        min_frequency: How often a pair of pieces has to occur to become a piece.
        limit_alphabet: Different characters to keep at most.

    Returns:
        The pieces in the order of their ids. Of pieces that are equally frequent the library takes other ones
        in each run.

    Raises:
        TokenizerError: ``vocab_size`` does not hold the special tokens and all characters, ``texts`` is a
            single string or holds what is none, or a number is none.
    """
    if isinstance(texts, str):
        raise TokenizerError("texts is a string, whose letters would be the texts; give a list of texts")
    for name, value in (
        ("vocab_size", vocab_size),
        ("min_frequency", min_frequency),
        ("limit_alphabet", limit_alphabet),
    ):
        check_number(name, value)
        if value < 0:
            raise TokenizerError(f"{name} {value} is negative")
    # Imported here: the tokenizer in pure Python needs the library for nothing else.
    from tokenizers import Tokenizer
    from tokenizers.trainers import WordPieceTrainer

    specials = list(description["model"]["vocab"])
    if vocab_size <= len(specials):
        raise TokenizerError(f"vocab_size {vocab_size} has no room beside {len(specials)} special tokens")
    # Special tokens that the texts speak of are words like others.
    tokenizer = Tokenizer.from_str(json.dumps({**description, "added_tokens": []}))
    trainer = WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        limit_alphabet=limit_alphabet,
        special_tokens=specials,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_checked(texts), trainer)
    vocab = tokenizer.get_vocab(with_added_tokens=False)
    if len(vocab) > vocab_size:
        raise TokenizerError(
            f"vocab_size {vocab_size} is less than the {len(vocab)} that special tokens and characters take; "
            "give more, or a smaller limit_alphabet"
        )
    return sorted(vocab, key=vocab.__getitem__)


def _checked(texts: Iterable[str]) -> Iterator[str]:
    for row, text in enumerate(texts):
        check_text(text, f"texts[{row}]")
        yield text

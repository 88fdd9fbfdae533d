"""The forms in which a caller may pass texts, brought into one."""

from __future__ import annotations

from typing import Any, NamedTuple

from squeezebert.errors import TokenizerError, is_whole


class Inputs(NamedTuple):
    """Texts to tokenise: strings, or lists of words.

    Attributes:
        first: The first text of each sample.
        second: The second text of each sample; None if there are none.
        batched: Whether a batch was passed, and not a single text.
    """

    first: list[Any]
    second: list[Any] | None
    batched: bool


def parse(text: Any, text_pair: Any, *, is_split_into_words: bool) -> Inputs:
    """Recognise a text, a batch of texts, a pair, or a batch of pairs.

    Raises:
        TokenizerError: Something is not a string, the two sides of a batch differ in length, or a string
            holds an unpaired surrogate; the message names the place.
    """
    inputs = _parse_words(text, text_pair) if is_split_into_words else _parse_texts(text, text_pair)
    if inputs.second is not None and len(inputs.first) != len(inputs.second):
        raise TokenizerError(
            f"text has {len(inputs.first)} items and text_pair {len(inputs.second)}; expected as many"
        )
    for name, column in (("text", inputs.first), ("text_pair", inputs.second or [])):
        for row, item in enumerate(column):
            place = f"{name}[{row}]" if inputs.batched else name
            if is_split_into_words:
                _check_words(item, place)
            else:
                check_text(item, place)
    return inputs


def _parse_texts(text: Any, text_pair: Any) -> Inputs:
    if isinstance(text, str):
        return Inputs([text], None if text_pair is None else [text_pair], batched=False)
    if not isinstance(text, (list, tuple)):
        raise TokenizerError(f"text is a {type(text).__name__}; expected a string or a list of strings")
    if (
        text_pair is None
        and text
        and all(isinstance(item, (list, tuple)) and len(item) == 2 for item in text)
    ):
        return Inputs([item[0] for item in text], [item[1] for item in text], batched=True)
    return Inputs(list(text), _second(text_pair), batched=True)


def _parse_words(text: Any, text_pair: Any) -> Inputs:
    if not isinstance(text, (list, tuple)):
        raise TokenizerError(
            f"text is a {type(text).__name__}; with is_split_into_words=True expected a list of words"
        )
    if text and isinstance(text[0], (list, tuple)):
        return Inputs(list(text), _second(text_pair), batched=True)
    return Inputs([text], None if text_pair is None else [text_pair], batched=False)


def _second(text_pair: Any) -> list[Any] | None:
    if text_pair is None:
        return None
    if not isinstance(text_pair, (list, tuple)):
        raise TokenizerError(f"text_pair is a {type(text_pair).__name__}; text is a list, so give a list")
    return list(text_pair)


def _check_words(words: Any, place: str) -> None:
    if not isinstance(words, (list, tuple)):
        raise TokenizerError(f"{place} is a {type(words).__name__}; expected a list of words")
    for index, word in enumerate(words):
        check_text(word, f"{place}[{index}]")


def check_number(name: str, value: Any) -> None:
    """Refuse an option that is no whole number.

    Raises:
        TokenizerError: See above.
    """
    if not is_whole(value):
        raise TokenizerError(f"{name} is {value!r}; expected a whole number")


def check_text(text: Any, place: str) -> None:
    """Refuse what is not a string of Unicode characters.

    Raises:
        TokenizerError: See above; the message names the place and the position.
    """
    if not isinstance(text, str):
        raise TokenizerError(f"{place} is a {type(text).__name__}; expected a string")
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TokenizerError(
            f"{place} has an unpaired surrogate (U+{ord(text[error.start]):04X}) at character {error.start}; "
            "decode the source as UTF-8 or UTF-16 with errors='replace'"
        ) from error

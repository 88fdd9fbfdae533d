"""What a user gives to the engine: lists of texts or padded arrays, and back to the same form.

Masked tokens are dropped before anything is computed. The others keep their positions, so that they come out
as if the masked ones had been read and ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from squeezebert.engine.outputs import Result
from squeezebert.engine.packing import int32, positions_of, starts_of
from squeezebert.errors import OptionError, is_whole

Integers = NDArray[np.int32]


class Inputs(NamedTuple):
    """The tokens that are not masked, text after text, and the form in which they came.

    Attributes:
        input_ids: Piece ids ``[T]``.
        token_type_ids: Segments ``[T]``; None for all 0.
        position_ids: Place of each token in its text ``[T]``, counted with the masked ones; None for
            0, 1, 2 … in each.
        starts: Text ``b`` has the tokens ``starts[b]`` to ``starts[b + 1]``; ``[B + 1]``.
        kept: Which of the tokens that were given these are ``[given]``; None for all.
        lengths: How many tokens were given for each text ``[B]``.
        form: Shape of the padded arrays, ``[batch, tokens]`` or ``[batch, choices, tokens]``; None for lists.
        choices: In lists, the number of texts that belong to each question; None without choices.
    """

    input_ids: Integers
    token_type_ids: Integers | None
    position_ids: Integers | None
    starts: Integers
    kept: NDArray[np.bool_] | None
    lengths: Sequence[int]
    form: tuple[int, ...] | None
    choices: tuple[int, ...] | None

    def places(self) -> Integers:
        """Place of each token in its text ``[T]``."""
        return positions_of(self.lengths) if self.position_ids is None else self.position_ids

    def of_tokens(self, values: NDArray[np.float32]) -> Result:
        """``[T, …]`` -> ``[batch, tokens, …]``, or ``[tokens, …]`` a text; zeros where tokens are masked."""
        if self.kept is not None:
            spread = np.zeros((len(self.kept), *values.shape[1:]), dtype=np.float32)
            spread[self.kept] = values
            values = spread
        if self.form is not None:
            return values.reshape(*self.form, *values.shape[1:])
        return split(values, self.lengths)

    def of_texts(self, values: NDArray[np.float32]) -> Result:
        """``[B, …]`` -> the same, or a list of ``[…]``."""
        return values if self.form is not None else list(values)

    def of_choices(self, values: NDArray[np.float32]) -> Result:
        """``[B]`` -> ``[batch, choices]``, or ``[choices]`` a question."""
        if self.form is not None:
            return values.reshape(self.form[:-1])
        return split(values, self.choices or ())


def read_inputs(
    input_ids: Any, attention_mask: Any, token_type_ids: Any, position_ids: Any, *, choices: bool
) -> Inputs:
    """Read lists of texts, each a list of ids, or padded arrays, whichever was given.

    Args:
        input_ids: ``[batch, tokens]``, with ``choices`` ``[batch, choices, tokens]``.
        attention_mask: 0 for tokens that are to be ignored; None for none.
        token_type_ids: None for all 0.
        position_ids: None for 0, 1, 2 … in each text.
        choices: Whether each question has several texts.

    Raises:
        OptionError: They have not the same shape, or do not hold integers, or a text has no tokens left.
    """
    others = {
        "attention_mask": attention_mask,
        "token_type_ids": token_type_ids,
        "position_ids": position_ids,
    }
    given = {"input_ids": input_ids, **{name: v for name, v in others.items() if v is not None}}
    if isinstance(input_ids, (list, tuple)):
        return _from_lists(given, choices)
    return _from_arrays(given, choices)


def split(values: NDArray[np.float32], counts: Sequence[int]) -> list[NDArray[np.float32]]:
    """``[T, …]`` -> ``[count, …]`` for each of the counts, whose sum is T."""
    ends = list(accumulate(counts))
    return [values[end - count : end] for end, count in zip(ends, counts, strict=True)]


def _from_lists(given: dict[str, Any], choices: bool) -> Inputs:
    counts: tuple[int, ...] | None = None
    if choices:
        counts = tuple(map(len, _texts("input_ids", given["input_ids"], "a list of choices")))
        given = {name: _choices(name, values, counts) for name, values in given.items()}
    rows = {name: _texts(name, values, "a list of ids") for name, values in given.items()}
    lengths = [len(row) for row in rows["input_ids"]]
    for name, texts in rows.items():
        if [len(row) for row in texts] != lengths:
            raise OptionError(f"{name} has other lengths than input_ids")
    flat = {name: _flat(name, texts) for name, texts in rows.items()}
    return _inputs(flat, lengths, None, counts)


def _from_arrays(given: dict[str, Any], choices: bool) -> Inputs:
    arrays = {name: _array(name, values) for name, values in given.items()}
    form = arrays["input_ids"].shape
    axes = "[batch, choices, tokens]" if choices else "[batch, tokens]"
    if form == ():
        kind = type(given["input_ids"]).__name__
        raise OptionError(f"input_ids is a {kind}; expected a list of lists of ids, or an array {axes}")
    if len(form) != (3 if choices else 2):
        raise OptionError(f"input_ids has the shape {list(form)}; expected {axes}")
    for name, array in arrays.items():
        if array.shape != form:
            raise OptionError(f"{name} has the shape {list(array.shape)}, and input_ids has {list(form)}")
    flat = {name: _checked(name, array.ravel()) for name, array in arrays.items()}
    texts = int(np.prod(form[:-1]))
    return _inputs(flat, [form[-1]] * texts, form, None)


def _inputs(
    flat: dict[str, NDArray[Any]],
    lengths: Sequence[int],
    form: tuple[int, ...] | None,
    choices: tuple[int, ...] | None,
) -> Inputs:
    ids = flat["input_ids"]
    segments, positions = flat.get("token_type_ids"), flat.get("position_ids")
    starts, left = starts_of(lengths), lengths
    kept = flat.get("attention_mask")
    if kept is not None:
        ids = ids[kept]
        segments = None if segments is None else segments[kept]
        positions = (positions_of(lengths) if positions is None else positions)[kept]
        # Tokens that are kept before each text, and after the last one.
        starts = np.concatenate([[0], np.cumsum(kept)])[starts].astype(np.int32)
        left = np.diff(starts).tolist()
    if 0 in left:
        raise OptionError(f"text {left.index(0)} has no tokens that are not masked")
    return Inputs(ids, segments, positions, starts, kept, lengths, form, choices)


def _texts(name: str, values: Any, what: str) -> Sequence[Any]:
    """Make sure that values are a list of lists."""
    if not isinstance(values, Iterable):
        raise OptionError(f"{name} is a {type(values).__name__}; expected a list as input_ids is one")
    texts = list(values)
    for index, text in enumerate(texts):
        if not hasattr(text, "__len__") or isinstance(text, (str, bytes)) or getattr(text, "ndim", 1) == 0:
            raise OptionError(f"{name}[{index}] is a {type(text).__name__}; expected {what} for each text")
    return texts


def _choices(name: str, values: Any, counts: tuple[int, ...]) -> list[Any]:
    questions = _texts(name, values, "a list of choices")
    if tuple(map(len, questions)) != counts:
        raise OptionError(f"{name} has other choices than input_ids")
    return [text for question in questions for text in question]


def _flat(name: str, texts: Sequence[Any]) -> NDArray[Any]:
    """As :func:`_checked`, the values of all texts."""
    try:
        values = int32(chain.from_iterable(texts))
    except (TypeError, OverflowError):
        return _checked(name, list(chain.from_iterable(texts)))
    return _kept(values) if name == "attention_mask" else values


def _checked(name: str, values: Any) -> NDArray[Any]:
    """``[given]`` int32, without wrapping what does not fit; of a mask, whether it is not 0."""
    array = _array(name, values)
    if array.ndim != 1:
        raise OptionError(f"{name} holds lists within its texts; expected integers")
    if name == "attention_mask":
        return _kept(array)
    if array.size == 0:
        return np.zeros(0, dtype=np.int32)
    if array.dtype.kind == "O":
        if wrong := [value for value in array.tolist() if not is_whole(value)]:
            raise OptionError(f"{name} holds {wrong[0]!r}; expected integers")
        try:
            array = array.astype(np.int64)
        except OverflowError as error:
            raise OptionError(f"{name} is out of range") from error
    if array.dtype.kind not in "biu":
        raise OptionError(f"{name} holds {array.dtype}; expected integers")
    limits = np.iinfo(np.int32)
    if array.dtype.kind != "b" and (array.min() < limits.min or array.max() > limits.max):
        outside = array.min() if array.min() < limits.min else array.max()
        raise OptionError(f"{name} holds {outside}, which is out of range")
    return array.astype(np.int32)


def _array(name: str, values: Any) -> NDArray[Any]:
    # Asked for by its name: the module takes long to import.
    if type(values).__module__.startswith("numpy.ma"):
        raise OptionError(f"{name} is a masked array; give plain arrays, and an attention_mask")
    try:
        return np.asarray(values)
    except (TypeError, RuntimeError) as error:
        # Of torch: a type or a device that numpy knows nothing of, or a tensor with a gradient.
        raise OptionError(f"{name} is no array for numpy ({error})") from error
    except ValueError as error:
        what = "lists within its texts, or of different lengths"
        raise OptionError(f"{name} holds {what}; expected integers") from error


def _kept(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """Masks are of any type of number: 1.0 and 0.0, too."""
    if mask.size and (mask.dtype.kind not in "biuf" or np.isnan(mask).any()):
        what = "nan" if mask.dtype.kind == "f" else mask.dtype
        raise OptionError(f"attention_mask holds {what}; expected 1 for tokens and 0 for those to ignore")
    if mask.size and mask.min() < 0:
        # One that is added to scores, which has 0 where this one has 1.
        raise OptionError(
            f"attention_mask holds {mask.min()}; expected 1 for tokens and 0 for those to ignore"
        )
    return np.asarray(mask != 0)

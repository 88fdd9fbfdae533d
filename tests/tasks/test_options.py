"""What a user asks of a task is of the type that it says, or an error names it."""

import numpy as np
import pytest

from squeezebert.errors import OptionError
from squeezebert.tasks import get_task


@pytest.mark.parametrize(
    ("task", "option", "value", "expected"),
    [
        ("text-classification", "top_k", "2", "top_k is '2'; expected a whole number or None"),
        ("text-classification", "top_k", 1.5, "top_k is 1.5; expected a whole number or None"),
        ("text-classification", "top_k", True, "top_k is True; expected a whole number or None"),
        ("text-classification", "threshold", "0.5", "threshold is '0.5'; expected a number or None"),
        ("text-classification", "function_to_apply", 3, "function_to_apply is 3; expected a string or None"),
        ("question-answering", "top_k", None, "top_k is None; expected a whole number"),
        ("question-answering", "handle_impossible_answer", "no", "is 'no'; expected True or False"),
        ("fill-mask", "targets", 7, "targets is 7; expected a list of strings or None"),
        ("fill-mask", "targets", ["a", 7], r"targets is \['a', 7\]; expected a list of strings or None"),
        ("token-classification", "ignore_labels", None, "ignore_labels is None; expected a list of strings"),
        ("feature-extraction", "normalize", 1, "normalize is 1; expected True or False"),
    ],
)
def test_a_value_of_another_type(task, option, value, expected):
    with pytest.raises(OptionError, match=expected):
        get_task(task).options(**{option: value})


@pytest.mark.parametrize(
    ("task", "option", "value", "found"),
    [
        ("text-classification", "top_k", np.int64(2), 2),
        ("text-classification", "threshold", np.float32(0.5), 0.5),
        ("text-classification", "threshold", 1, 1),
        ("zero-shot-classification", "multi_label", np.True_, True),
        ("fill-mask", "targets", "good", ("good",)),
        ("token-classification", "ignore_labels", "PER", ("PER",)),
        ("token-classification", "ignore_labels", ["O", "PER"], ("O", "PER")),
    ],
)
def test_what_stands_for_such_a_value(task, option, value, found):
    assert getattr(get_task(task).options(**{option: value}), option) == found

"""Columns are found under the names that people give them, and what is missing is said."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from squeezebert.data.row import as_rows
from squeezebert.errors import DataError, OptionError
from squeezebert.tasks import ALIASES, TASK_NAMES, get_task
from squeezebert.tasks.columns import Column, parsed, resolve, texts_of
from squeezebert.tasks.inference import infer_task
from squeezebert.tasks.labels import are_measurements, as_number, check_commas, label_index, ordered
from tests.tasks.tiny import config, row

TEXT = Column("text", ("sentence", "review"), rivals=("question",))
PAIR = Column("text_pair", ("sentence2",), required=False)


def test_canonical_name_goes_before_aliases_without_regard_to_case() -> None:
    assert resolve([TEXT], row(Review="r", TEXT="t"), {}) == {"text": "t"}
    assert resolve([TEXT], row(Review="r"), {}) == {"text": "r"}
    assert resolve([TEXT], row(Text="t", text="u"), {}) == {"text": "u"}
    assert resolve([TEXT], row(Review="r", review="s"), {}) == {"text": "s"}
    assert resolve([TEXT], row(Text="t", text="u"), {"other": "text"}) == {"text": "t"}


@pytest.mark.parametrize("name", ["sentence", "question"])
def test_columns_that_may_each_be_the_text_are_asked_about(name: str) -> None:
    """The other half of the input would be dropped without a word."""
    asks = row(**{"Review": "r", name: "s"})
    with pytest.raises(DataError, match=r"file.csv:7: .* may each be the text; say which is with --column"):
        resolve([TEXT], asks, {})
    assert resolve([TEXT], asks, {"text": "Review"}) == {"text": "r"}
    both = resolve([TEXT, PAIR], asks, {"text": "Review", "text_pair": name})
    assert both == {"text": "r", "text_pair": "s"}
    assert resolve([TEXT, PAIR], row(Review="r"), {}) == {"text": "r"}


def test_columns_that_may_each_be_the_label_are_asked_about() -> None:
    asks = row(review="r", rating="5", sentiment="pos")
    task = infer_task(asks)
    with pytest.raises(DataError, match="'sentiment' and 'rating' may each be the label; say which is with"):
        task.labelled_example(asks)
    assert task.labelled_example(asks, {"label": "rating"}).label == "5"
    assert task.labelled_example(row(review="r", rating="5", label="pos")).label == "pos"
    assert task.example(asks).text == "r"


def test_a_task_that_would_ask_which_is_the_text_is_the_one_that_is_meant() -> None:
    asks = row(question="what?", sentence="this.", label="entailment")
    assert infer_task(asks).name == "text-classification"
    with pytest.raises(DataError, match="fit text-classification or multiple-choice; say which with --task"):
        infer_task(row(premise="p", question="effect", choice1="x", choice2="y", label=0))


@pytest.mark.parametrize(("label", "plain"), [("3", 3), ("3.0", 3.0), ("1.25", 1.25), ("-0.5", -0.5)])
def test_decimal_numbers_of_databases_are_numbers(label: str, plain: float) -> None:
    found = get_task("text-classification").labelled_example(row(text="t", label=Decimal(label)))
    assert (found.label, type(found.label)) == (plain, type(plain))


def test_a_first_row_without_a_label_is_said_to_lack_it() -> None:
    """Its columns are those of two tasks, neither of which can read it."""
    with pytest.raises(DataError, match=r"say which with --task .*; for text-classification: label is None"):
        infer_task(row(text="t", label=None))


@pytest.mark.parametrize(
    "values",
    [
        {"query": "q", "passage": "p", "label": "1"},
        {"sentence": "s", "context": "c", "label": "yes"},
        {"article": "a", "question": "q", "options": ["x", "y"], "answer": "A"},  # as RACE has it
    ],
)
def test_half_of_a_pair_is_not_dropped_without_a_word(values: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"may each be the (text|prompt); say which is with --column"):
        infer_task(row(**values)).labelled_example(row(**values))


def test_optional_column_may_be_missing() -> None:
    assert resolve([TEXT, PAIR], row(text="t"), {}) == {"text": "t"}


def test_the_users_choice_goes_first_and_is_not_taken_twice() -> None:
    found = resolve([TEXT, PAIR], row(text="t", sentence="s"), {"text_pair": "text"})
    assert found == {"text": "s", "text_pair": "t"}


def test_missing_column_names_place_columns_and_remedy() -> None:
    with pytest.raises(DataError) as error:
        resolve([TEXT], row(body="b", stars="5"), {})
    assert str(error.value) == (
        "file.csv:7: has no column for 'text'; it has 'body', 'stars'; say which with --column text=NAME"
    )


def test_chosen_column_that_is_missing_is_an_error_even_where_an_alias_fits() -> None:
    with pytest.raises(DataError, match="has no column 'txt'; it has 'text'"):
        resolve([TEXT], row(text="t"), {"text": "txt"})


def test_every_task_is_found_by_its_name_and_aliases() -> None:
    for name in TASK_NAMES:
        assert get_task(name).name == name
    for alias, name in ALIASES.items():
        assert get_task(alias).name == name
    with pytest.raises(OptionError, match=r"no task 'text-clasification' \(nearest: 'text-classification'\)"):
        get_task("text-clasification")


def test_unknown_label_names_place_nearest_and_known_ones() -> None:
    sizes = config(["negative", "positive"])
    assert label_index("positive", sizes, "x") == 1
    assert label_index(0, sizes, "x") == label_index("0", sizes, "x") == 0
    with pytest.raises(DataError) as error:
        label_index("postive", sizes, "train.csv:3")
    assert str(error.value) == (
        "train.csv:3: unknown label 'postive' (nearest: 'positive'); the model knows negative, positive"
    )
    with pytest.raises(DataError, match="unknown label '2'"):
        label_index(2, sizes, "x")


def test_a_label_that_is_a_name_is_not_an_index() -> None:
    assert label_index("1", config(["1", "0"]), "x") == 0
    # Nor is another number one: class 0 of the three would be "1".
    with pytest.raises(DataError, match="unknown label '0'"):
        label_index(0, config(["1", "2", "3"]), "x")


def test_a_label_in_other_letters_is_taken_where_it_fits_one_name() -> None:
    names = config(["negative", "Neutral", "NEUTRAL"])
    assert label_index(" NEGATIVE", names, "x") == 0
    assert label_index("NEUTRAL", names, "x") == 2
    assert label_index("good", config(["bad", "Good "]), "x") == 1
    with pytest.raises(DataError, match="unknown label 'neutral'"):
        label_index("neutral", names, "x")


def test_order_and_kind_of_labels() -> None:
    assert ordered(["10", "9", 1]) == ["1", "9", "10"]
    assert ordered(["b", "a", "10"]) == ["10", "a", "b"]
    assert ordered(["2", "1" * 5000]) == ["1" * 5000, "2"]
    assert are_measurements(["1", "2.5"])
    assert are_measurements([1.0, 2])
    assert not are_measurements(["1", "2"])
    assert not are_measurements(["1.5", "good"])
    assert not are_measurements(["nan", "1.5"])
    assert not are_measurements(["1234567890123456789", "2" * 40])
    assert not are_measurements(["12E5", "13E6"])
    assert are_measurements(["1e-3", "2"])


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("4,5", 4.5),
        (" -0,25", -0.25),
        ("1,234", 1.234),
        ("1,234,567", None),
        (",5", None),
        ("4,5 stars", None),
        ("18_25", None),
    ],
)
def test_numbers_with_a_decimal_comma(label: str, number: float | None) -> None:
    """As spreadsheets write them where commas are decimal."""
    assert as_number(label) == number


def test_commas_that_may_be_those_of_thousands() -> None:
    """A comma that can only be decimal says what the others are."""
    with pytest.raises(DataError, match=r"x:3: label '1,234' has a comma .*; write 1234 or 1\.234"):
        check_commas({"x:2": "950", "x:3": "1,234"})
    check_commas({"x:2": "1,234", "x:3": "0,500"})
    check_commas({"x:2": "1,234", "x:3": "2,5"})
    check_commas({"x:2": "1.5", "x:3": 2})


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ('["a", "it\'s"]', ["a", "it's"]),
        ("['a', \"it's\"]", ["a", "it's"]),
        ("['a' \"it's\"\n 'c']", ["a", "it's", "c"]),
        ("[3 0\n 7]", [3, 0, 7]),
        ("[np.str_('a'), np.int64(3)]", ["a", 3]),
        ("{'text': ['a', 'b']}", {"text": ["a", "b"]}),
        (
            "{'text': array(['a]', \"it's\"], dtype=object), 'start': array([3, 7])}",
            {"text": ["a]", "it's"], "start": [3, 7]},
        ),
        ("[]", []),
        ("[1-2]", "[1-2]"),
        ("[007]", "[007]"),
        ("[ see 'a' ]", "[ see 'a' ]"),
        ("['a'", "['a'"),
        ("{{1}}", "{{1}}"),
        ("{[1]: 2}", "{[1]: 2}"),
    ],
)
def test_lists_in_cells(cell: str, value: Any) -> None:
    """As JSON, and as pandas writes those of Python and of numpy, whose strings Python would join."""
    assert parsed(cell) == value


def test_arrays_of_data_frames_are_lists() -> None:
    """Frames of parquet files have them, also within dictionaries."""
    nested = {"text": np.array(["r"], dtype=object), "start": np.array([4])}
    pairs = np.array([np.array(["a", "b"]), np.array(["c"])], dtype=object)
    found = resolve([TEXT, PAIR], row(text=nested, sentence2=pairs), {})
    assert found == {"text": {"text": ["r"], "start": [4]}, "text_pair": [["a", "b"], ["c"]]}
    assert type(found["text"]["start"][0]) is int


@pytest.mark.parametrize("cell", ["['a', nan]", "['a' 'b' ... 'y' 'z']", '["a", "b"'])
def test_lists_in_cells_that_cannot_be_read_are_no_words(cell: str) -> None:
    with pytest.raises(DataError, match=r"a\.csv:3: tokens begins as a list and is none that can be read"):
        texts_of({"tokens": cell}, "tokens", "a.csv:3")


def test_missing_values_of_pandas_are_missing() -> None:
    missing = type("NAType", (), {"__bool__": None})()
    assert resolve([TEXT], row(text=[missing, "a"]), {}) == {"text": [None, "a"]}


def test_columns_that_are_numbers_are_named_by_them() -> None:
    """A data frame without header has such."""
    [numbered] = as_rows([{0: "t", 1: "s"}], "row")
    assert resolve([TEXT], numbered, {"text": "1"}) == {"text": "s"}
    with pytest.raises(DataError, match="row 0: has no column for 'text'; it has '0', '1'"):
        resolve([TEXT], numbered, {})

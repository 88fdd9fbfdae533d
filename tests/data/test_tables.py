"""Text, comma-separated and tab-separated files."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.data import read_rows
from squeezebert.data.tables import read_csv, read_tsv
from squeezebert.errors import DataError


def file(tmp_path: Path, content: str, name: str) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode())
    return path


def values(path: Path) -> list[dict[str, str]]:
    return [dict(row.values) for row in read_rows(path)]


def places(path: Path) -> list[str]:
    return [row.where.removeprefix(f"{path.parent}/") for row in read_rows(path)]


def test_txt_keeps_blank_lines_and_quotes(tmp_path):
    path = file(tmp_path, 'one "1"\n\n  three, 3\t\n', "a.txt")
    assert values(path) == [{"text": 'one "1"'}, {"text": ""}, {"text": "  three, 3\t"}]
    assert places(path) == ["a.txt:1", "a.txt:2", "a.txt:3"]


def test_csv_quotes_commas_and_line_breaks(tmp_path):
    path = file(tmp_path, 'text,label\r\n"a, ""b""\nc",x\r\n\r\nplain,y\r\n', "a.csv")
    assert values(path) == [{"text": 'a, "b"\nc', "label": "x"}, {"text": "plain", "label": "y"}]
    assert places(path) == ["a.csv:2", "a.csv:5"]


def test_csv_with_semicolons(tmp_path):
    assert values(file(tmp_path, "text;label\n1,5 Sterne;x\n", "a.csv")) == [
        {"text": "1,5 Sterne", "label": "x"}
    ]


def test_a_comma_in_quotes_does_not_tell_what_separates(tmp_path):
    assert values(file(tmp_path, '"text, or what it says";label\n1,5;x\n', "a.csv")) == [
        {"text, or what it says": "1,5", "label": "x"}
    ]


def test_csv_with_tabs(tmp_path):
    assert values(file(tmp_path, 'text\tlabel\n"1,5\tstars"\tx\n', "a.csv")) == [
        {"text": "1,5\tstars", "label": "x"}
    ]


def test_csv_with_mark(tmp_path):
    assert values(file(tmp_path, "\ufefftext,label\na,b\n", "a.csv")) == [{"text": "a", "label": "b"}]


def test_csv_field_longer_than_the_module_allows(tmp_path):
    text = "long " * 100_000
    assert values(file(tmp_path, f"text,label\n{text},x\n", "a.csv")) == [{"text": text, "label": "x"}]


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2, max_size=2
        )
    )
)
def test_csv_round_trip(tmp_path_factory, records):
    """Whatever the csv module writes is read back, but for rows without any value."""
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([["first", "second"], *records])
    assert [list(row.values.values()) for row in read_csv(path)] == [
        record for record in records if any(record)
    ]


@pytest.mark.parametrize(("name", "sign"), [("a.csv", ";"), ("a.csv", ","), ("a.tsv", "\t")])
def test_empty_cells_at_the_right_and_below(tmp_path, name, sign):
    """Spreadsheets write them where somebody once typed."""
    content = "text,label,,\na,x,,\n,,,\nb,,,\n,,,\n".replace(",", sign)
    path = file(tmp_path, content, name)
    assert values(path) == [{"text": "a", "label": "x"}, {"text": "b", "label": ""}]
    assert places(path) == [f"{name}:2", f"{name}:4"]


def test_one_column_may_have_no_name(tmp_path):
    """So pandas writes the index of a frame."""
    assert values(file(tmp_path, ",text\n0,a\n", "a.csv")) == [{"": "0", "text": "a"}]


def test_tsv_has_no_quotes(tmp_path):
    path = file(tmp_path, 'a\tb\n"x\ty"\n\n1,2\t""\n', "a.tsv")
    assert values(path) == [{"a": '"x', "b": 'y"'}, {"a": "1,2", "b": '""'}]
    assert places(path) == ["a.tsv:2", "a.tsv:4"]


def test_tsv_of_one_column_keeps_blank_lines(tmp_path):
    assert values(file(tmp_path, "a\nx\n\ny\n", "a.tsv")) == [{"a": "x"}, {"a": ""}, {"a": "y"}]


def test_table_without_header(tmp_path):
    path = file(tmp_path, "1\tx\textra\n", "a.tsv")
    assert [row.values for row in read_tsv(path, ("label", "text"))] == [{"label": "1", "text": "x"}]


BAD = {
    "too many, csv": (
        "text,label\na,b\na,b,c\n",
        "a.csv",
        "a.csv:3: has 3 fields where 2 are expected (text, label)",
    ),
    "too few, csv": ("text,label\na\n", "a.csv", "a.csv:2: has 1 fields"),
    "open quote": (
        'text,label\na,b\n"c,d\ne,f\n',
        "a.csv",
        "a.csv:3: bad quoting in the row that starts here",
    ),
    "stray quote": ('text,label\n"a" b,c\n', "a.csv", "a.csv:2: bad quoting"),
    "twice, csv": ("text,label,text\na,b,c\n", "a.csv", "a.csv:1: the header names the column 'text' twice"),
    "too many, tsv": ("a\tb\n1\t2\t3\n", "a.tsv", "quotes mean nothing in .tsv"),
    "too few, tsv": ("a\tb\n1\n", "a.tsv", "a.tsv:2: has 1 fields where 2 are expected (a, b)"),
    "twice nameless": ("text,,\na,,\nb,,x\n", "a.csv", "a.csv:1: the header names the column '' twice"),
    "twice, tsv": ("a\ta\n1\t2\n", "a.tsv", "names the column 'a' twice"),
    "empty csv": ("", "a.csv", "holds no rows"),
    "empty tsv": ("", "a.tsv", "holds no rows"),
    "empty txt": ("", "a.txt", "holds no rows"),
    "only a header": ("text,label\n", "a.csv", "holds no rows"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_name_place_and_remedy(tmp_path, case):
    content, name, message = BAD[case]
    with pytest.raises(DataError) as caught:
        values(file(tmp_path, content, name))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)

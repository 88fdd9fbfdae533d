"""Users' own files keep their columns; what does not fit is said in one line."""

import gzip

import pytest

from squeezebert.data import load_dataset_rows
from squeezebert.errors import DataError


def write(tmp_path, files):
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path / next(iter(files))


def values(*arguments, **options):
    return [dict(row.values) for row in load_dataset_rows(*arguments, **options)]


def test_own_columns_are_kept(tmp_path):
    path = write(tmp_path, {"own/a.csv": "review,stars\ngood,5\n"})
    assert values(path) == [{"review": "good", "stars": "5"}]


def test_files_of_a_folder_that_are_named_as_splits(tmp_path):
    files = {
        "own/Train.csv.gz": "",
        "own/dev-00001-of-00002.csv": "text\nc\n",
        "own/dev-00000-of-00002.csv": "text\na\nb\n",
        "own/train_old.csv": "text\nno\n",
        "own/readme.txt": "no\n",
    }
    folder = write(tmp_path, files).parent
    (folder / "Train.csv.gz").write_bytes(gzip.compress(b"text\nx\n"))
    assert values(folder, split="train") == [{"text": "x"}]
    for split in ("dev", "validation"):
        assert values(folder, split=split) == [{"text": "a"}, {"text": "b"}, {"text": "c"}]
    assert values(folder, split="train", format="txt") == [{"text": "text"}, {"text": "x"}]


@pytest.mark.parametrize(
    "names",
    [
        ("data/train-00000-of-00002-b42a775f407cee45.csv", "data/train-00001-of-00002-0123456789abcdef.csv"),
        ("train/0000.csv", "train/0001.csv"),
    ],
)
def test_names_that_the_hub_gives(tmp_path, names):
    files = {name: f"text\n{number}\n" for number, name in enumerate(names)}
    for name, content in {**files, "train/urls.csv": "text\nno\n", "test/readme.txt": "no\n"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert values(tmp_path, split="train") == [{"text": "0"}, {"text": "1"}]


@pytest.mark.parametrize(("name", "split"), [("eval", "validation"), ("testing", "test")])
def test_other_names_of_splits(tmp_path, name, split):
    folder = write(tmp_path, {f"own/{name}.csv": "text\na\n"}).parent
    assert values(folder, split=split) == [{"text": "a"}]


def test_columns_are_renamed(tmp_path):
    path = write(tmp_path, {"own/a.csv": "review,stars,id\ngood,5,x\n"})
    assert values(path, columns={"text": "review", "label": "stars"}) == [
        {"id": "x", "text": "good", "label": "5"}
    ]


def test_columns_can_change_places(tmp_path):
    path = write(tmp_path, {"own/a.csv": "text,label\na,b\n"})
    assert values(path, columns={"text": "label", "label": "text"}) == [{"text": "b", "label": "a"}]


def test_relatedness_as_label(tmp_path):
    header = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"
    path = write(tmp_path, {"SICK_trial.txt": f"{header}\n1\ta\tb\t2.5\tNEUTRAL\n"})
    assert values(path, columns={"label": "score"}) == [{"text": "a", "text_pair": "b", "label": 2.5}]


def test_own_zeros_and_ones_are_not_named(tmp_path):
    """A header that SST-2 shares with many a file does not make it SST-2."""
    path = write(tmp_path, {"spam/train.tsv": "sentence\tlabel\nbuy now\t1\n"})
    assert values(path) == [{"sentence": "buy now", "label": "1"}]


def test_a_header_is_no_message(tmp_path):
    path = write(tmp_path, {"mail.tsv": "spam\ttext\n1\tWIN\n0\thello\n"})
    assert values(path) == [{"spam": "1", "text": "WIN"}, {"spam": "0", "text": "hello"}]


def test_file_format_reads_a_known_file_as_it_is(tmp_path):
    path = write(tmp_path, {"SST-2/dev.tsv": "sentence\tlabel\nfine\t1\n"})
    assert values(path, format="tsv") == [{"sentence": "fine", "label": "1"}]
    assert values(path) == [{"text": "fine", "label": "positive"}]


def test_name_reads_a_file_of_another_name(tmp_path):
    path = write(tmp_path, {"mine.data": "sentence\tlabel\nfine\t0\n"})
    assert values(path, format="sst2") == [{"text": "fine", "label": "negative"}]


def test_tagged_words_and_intent_serve_two_tasks(tmp_path):
    files = {"a.seq.in": "play it\n", "a.seq.out": "O O\n", "a.label": "Play\n"}
    path = write(tmp_path, files)
    for task in ("token-classification", "text-classification", "fill-mask"):
        assert values(path, task=task)[0]["label"] == "Play"


SST2 = {"SST-2/train.tsv": "sentence\tlabel\na\t1\n", "SST-2/dev.tsv": "sentence\tlabel\nb\t0\n"}
SQUAD = {
    "squad/dev-v1.1.json": '{"data": [{"paragraphs": []}]}',
    "squad/dev-v2.0.json": '{"data": [{"paragraphs": []}]}',
}

# files, whether to give their folder, options, message
BAD = {
    "folder without split": (
        SST2,
        True,
        {},
        "holds several splits; say which with --split: train, validation",
    ),
    "no such split": (SST2, True, {"split": "test"}, "has no split 'test'; it has train, validation"),
    "two data sets": (
        SQUAD,
        True,
        {"split": "dev"},
        "several data sets (squad, squad-v2); name one with --format",
    ),
    "unknown folder": (
        {"own/a.csv": "a\nb\n"},
        True,
        {},
        "own: holds no files of a known data set, and none named train, validation or test",
    ),
    "own splits": (
        {"own/train.csv": "a\nb\n", "own/test.csv": "a\nb\n"},
        True,
        {"split": "dev"},
        "own: has no split 'dev'; it has train, test",
    ),
    "a split twice": (
        {"own/dev.csv": "a\nb\n", "own/valid.jsonl": "{}\n"},
        True,
        {},
        "own: holds the split validation twice, dev.csv and valid.jsonl; give one of them",
    ),
    "own splits as another data set": (
        {"own/train.csv": "a\nb\n"},
        True,
        {"format": "snips"},
        "own: holds no files of a known data set",
    ),
    "split of a file": (SST2, False, {"split": "train"}, "is one file without splits; leave out"),
    "unknown format": (SST2, False, {"format": "xml"}, "unknown format 'xml'; known are txt, csv, tsv"),
    "wrong task": (SST2, False, {"task": "question-answering"}, "is sst2, made for text-classification"),
    "not that data set": (
        {"a.tsv": "a\tb\n1\t2\n"},
        False,
        {"format": "sst2"},
        "a.tsv:2: has no column 'sentence'",
    ),
    "unknown label": (
        {"SST-2/dev.tsv": "sentence\tlabel\na\t2\n"},
        False,
        {},
        "dev.tsv:2: label '2' is none of 0, 1",
    ),
    "no number": (
        {"sts-test.tsv": "main-news\ta\tb\tc\t1.0\tx\ty\nmain-news\ta\tb\tc\thigh\tx\ty\n"},
        False,
        {},
        "sts-test.tsv:2: does not fit the layout of stsb",
    ),
    "split of CLINC150": (
        {"a.json": '{"train": [["a", "b"]]}'},
        False,
        {"split": "dev"},
        "a.json: has no split 'val'",
    ),
    "no split of CLINC150": (
        {"a.json": '{"train": [["a", "b"]]}'},
        False,
        {},
        "a.json: holds several splits",
    ),
    "misspelt column": (
        {"a.csv": "review\nx\n"},
        False,
        {"columns": {"text": "reviews"}},
        "has no column 'reviews' (nearest: 'review'); the columns are review",
    ),
    "no such column": (
        {"a.csv": "x,y\n1,2\n"},
        False,
        {"columns": {"text": "words"}},
        "the columns are x, y",
    ),
    "missing sister": ({"s1.dev": "a\n"}, False, {}, "its sister file s2.dev is missing"),
    "short sister": ({"s1.dev": "a\nb\n", "s2.dev": "c\n"}, False, {}, "s2.dev: has fewer lines than"),
    "long sister": ({"s1.dev": "a\n", "s2.dev": "b\nc\n"}, False, {}, "s2.dev: has more lines than"),
    "words and tags": ({"a.seq.in": "x y\n", "a.seq.out": "O\n"}, False, {}, "2 words and 1 tags"),
}


@pytest.mark.parametrize("case", BAD)
def test_errors_name_place_and_remedy(tmp_path, case):
    files, as_folder, options, message = BAD[case]
    path = write(tmp_path, files)
    with pytest.raises(DataError) as caught:
        values(path.parent if as_folder else path, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)

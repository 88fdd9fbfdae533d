"""Each published data set is recognised in its own layout; the lines here are made up."""

import json

import pytest

from squeezebert.data import DATASETS, FORMATS, load_dataset_rows

AI2 = {
    "id": "a1",
    "question": {
        "stem": "Where do bees live?",
        "choices": [{"label": "A", "text": "hive"}, {"label": "B", "text": "sea"}],
    },
    "answerKey": "B",
}
CSQA = {**AI2, "question": {**AI2["question"], "question_concept": "bee"}}
CHOSEN = {"id": "a1", "prompt": "Where do bees live?", "choices": ["hive", "sea"], "label": 1}
SLOTS = [
    {
        "userInput": {"text": "5, on Friday"},
        "labels": [
            {"slot": "people", "valueSpan": {"endIndex": 1}},
            {"slot": "date", "valueSpan": {"startIndex": 3, "endIndex": 12}},
            {"slot": "time", "valueSpan": {"startIndex": 6, "endIndex": 12}},
        ],
    },
    {"userInput": {"text": "Hi!"}},
]
SQUAD = {
    "data": [
        {
            "paragraphs": [
                {
                    "context": "Bees fly.",
                    "qas": [
                        {"id": "q", "question": "Who?", "answers": [{"text": "Bees", "answer_start": 0}]}
                    ],
                }
            ]
        }
    ]
}
ANSWERED = {"id": "q", "question": "Who?", "context": "Bees fly.", "answers": [{"text": "Bees", "start": 0}]}
CLINC = {"oos_val": [["x", "oos"]], "val": [["hi", "greet"]], "train": [["yo", "greet"]]}
STSB = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2"

# name of the data set, split: its files, and the first row.
LAYOUTS = {
    ("cola", "train"): (
        {"CoLA/in_domain_train.tsv": "x01\t0\t*\tBees the fly.\nx02\t1\t\tBees fly.\n"},
        {"text": "Bees the fly.", "label": "unacceptable"},
    ),
    ("cola", "validation"): (
        {
            "CoLA/in_domain_dev.tsv": "x01\t1\t\tBees fly.\n",
            "CoLA/out_of_domain_dev.tsv": "x01\t0\t*\tFly bees the.\n",
        },
        {"text": "Bees fly.", "label": "acceptable"},
    ),
    ("sst2", "validation"): (
        {"SST-2/dev.tsv": 'sentence\tlabel\na "fine film \t1\n'},
        {"text": 'a "fine film ', "label": "positive"},
    ),
    ("sst2", "test"): ({"SST-2/test.tsv": "index\tsentence\n0\ta film\n"}, {"text": "a film"}),
    ("mrpc", "train"): (
        {
            "MRPC/msr_paraphrase_train.txt": "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
            "1\t7\t8\tHe said.\tHe spoke.\n"
        },
        {"text": "He said.", "text_pair": "He spoke.", "label": "equivalent"},
    ),
    ("stsb", "train"): (
        {"STS-B/train.tsv": f"{STSB}\tscore\n0\tmain-news\tM\t2012\t1\tnone\tnone\tA bee.\tBees.\t3.250\n"},
        {"text": "A bee.", "text_pair": "Bees.", "label": 3.25},
    ),
    ("stsb", "test"): (
        {
            "STS-B/test.tsv": f"{STSB}\n0\tmain-news\tM\t2012\t1\tnone\tnone\tA bee.\tBees.\n",
            "STS-B/sts-test.tsv": "main-news\tM\t2012test\t0024\t2.500\tA bee.\tBees.\n"
            "main-news\tM\t2012test\t0025\t5\tA.\tB.\thttp://x\thttp://y\n",
        },
        {"text": "A bee.", "text_pair": "Bees.", "label": 2.5},
    ),
    ("rte", "validation"): (
        {"RTE/val.jsonl": '{"premise": "Bees fly.", "hypothesis": "So.", "label": "entailment", "idx": 0}\n'},
        {"text": "Bees fly.", "text_pair": "So.", "label": "entailment"},
    ),
    ("wnli", "validation"): (
        {"WNLI/dev.tsv": "index\tsentence1\tsentence2\tlabel\n0\tIt flew.\tA bee flew.\t1\n"},
        {"text": "It flew.", "text_pair": "A bee flew.", "label": "entailment"},
    ),
    ("qqp", "all"): (
        {"QQP/qqp_subset.tsv": "1\t2\t3\tWhat is it?\tWhat's it?\t1\n"},
        {"text": "What is it?", "text_pair": "What's it?", "label": "duplicate"},
    ),
    ("snli", "validation"): (
        {"snli/s1.dev": "Bees fly . \n", "snli/s2.dev": "They move . \n", "snli/labels.dev": "entailment\n"},
        {"text": "Bees fly .", "text_pair": "They move .", "label": "entailment"},
    ),
    ("sick", "test"): (
        {
            "sick/SICK_test_annotated.txt": "pair_ID\tsentence_A\tsentence_B\trelatedness_score\t"
            "entailment_judgment\r\n6\tA bee\tA fly\t3.3\tNEUTRAL\r\n"
        },
        {"text": "A bee", "text_pair": "A fly", "label": "NEUTRAL", "score": 3.3},
    ),
    ("wnut17", "test"): (
        {"wnut17/emerging.test.annotated": "#bees\tO\nOslo\tB-location\n\nhi\tO\n"},
        {"tokens": ["#bees", "Oslo"], "tags": ["O", "B-location"]},
    ),
    ("btc", "train"): (
        {f"btc/{section}.conll": f"@\tB-PER\n{section}\tI-PER\n\n" for section in "abeg"},
        {"tokens": ["@", "a"], "tags": ["B-PER", "I-PER"]},
    ),
    ("sec-filings", "train"): (
        {"sec/FIN5.train.txt": "-DOCSTART- -X- O O\n\nACME NNP - I-ORG\n, , - O\n"},
        {"tokens": ["ACME", ","], "tags": ["I-ORG", "O"]},
    ),
    ("wikineural", "validation"): (
        {"wikineural-en/val.conllu": "0\tIn\tO\n1\tOslo\tB-LOC\n"},
        {"tokens": ["In", "Oslo"], "tags": ["O", "B-LOC"]},
    ),
    ("wikiann", "train"): (
        {"wikiann-en/train.conllu": "0\tOslo\tB-LOC\n1\t(\tO\n"},
        {"tokens": ["Oslo", "("], "tags": ["B-LOC", "O"]},
    ),
    ("uner-ewt", "validation"): (
        {"uner/en_ewt-ud-dev.iob2": "# sent_id = 1\n1\tIn\tO\t-\t-\n2\tOslo\tB-LOC\t-\tann\n"},
        {"tokens": ["In", "Oslo"], "tags": ["O", "B-LOC"]},
    ),
    ("snips", "train"): (
        {
            "snips/train.seq.in": "play bee songs \n",
            "snips/train.seq.out": "O B-artist O \n",
            "snips/train.label": "PlayMusic\n",
        },
        {
            "text": "play bee songs",
            "tokens": ["play", "bee", "songs"],
            "tags": ["O", "B-artist", "O"],
            "label": "PlayMusic",
        },
    ),
    ("restaurant8k", "test"): (
        {"restaurant8k/test.json": json.dumps(SLOTS)},
        {
            "text": "5, on Friday",
            "tokens": ["5", ",", "on", "Friday"],
            "tags": ["B-people", "O", "B-date", "I-date"],
            "spans": [
                {"start": 0, "end": 1, "label": "people"},
                {"start": 3, "end": 12, "label": "date"},
                {"start": 6, "end": 12, "label": "time"},
            ],
        },
    ),
    ("squad", "validation"): ({"squad/dev-v1.1.json": json.dumps(SQUAD)}, ANSWERED),
    ("squad-v2", "validation"): ({"squad/dev-v2.0.json": json.dumps(SQUAD)}, ANSWERED),
    ("commonsenseqa", "train"): ({"csqa/train.jsonl": json.dumps(CSQA)}, CHOSEN),
    ("openbookqa", "validation"): ({"obqa/dev.jsonl": json.dumps(AI2)}, CHOSEN),
    ("codah", "train"): (
        {"codah/fold_0.train.tsv": "io\tA bee\tflies.\tsings.\treads.\tswims.\t2\n"},
        {"prompt": "A bee", "choices": ["flies.", "sings.", "reads.", "swims."], "label": 2},
    ),
    ("piqa", "validation"): (
        {
            "piqa/valid.jsonl": '{"goal": "Fly.", "sol1": "Flap.", "sol2": "Sit."}\n',
            "piqa/valid-labels.lst": "1\n",
        },
        {"prompt": "Fly.", "choices": ["Flap.", "Sit."], "label": 1},
    ),
    ("banking77", "test"): (
        {"banking77/test.csv": 'text,category\r\n"Hi, my card?",card_arrival\r\n'},
        {"text": "Hi, my card?", "label": "card_arrival"},
    ),
    ("clinc150", "validation"): (
        {"clinc/data_full.json": json.dumps(CLINC, indent=4)},
        {"text": "hi", "label": "greet"},
    ),
    ("sms-spam", "all"): (
        {"sms/SMSSpamCollection": "ham\tsee you\nspam\twin!\n"},
        {"text": "see you", "label": "ham"},
    ),
    ("ag-news", "test"): (
        {"ag_news/test.csv": '"3","Bees rise","Honey is\\up, ""again""."\n'},
        {"text": 'Bees rise Honey is up, "again".', "label": "Business"},
    ),
    ("20newsgroups", "all"): (
        {"20newsgroups/20_newsgroups.jsonl": '{"group": "sci.med", "id": "1", "text": "From: x"}\n'},
        {"text": "From: x", "label": "sci.med"},
    ),
}


def write(tmp_path, files):
    paths = [tmp_path / name for name in files]
    for path, content in zip(paths, files.values(), strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode())
    return paths


@pytest.mark.parametrize(("name", "split"), LAYOUTS)
def test_folder_and_split(tmp_path, name, split):
    files, first = LAYOUTS[name, split]
    folder = write(tmp_path, files)[0].parent
    assert next(load_dataset_rows(folder, split=split)).values == first


@pytest.mark.parametrize(("name", "split"), LAYOUTS)
def test_file(tmp_path, name, split):
    files, first = LAYOUTS[name, split]
    path = write(tmp_path, files)[-1 if name == "stsb" else 0]
    rows = load_dataset_rows(path, split=split if name == "clinc150" else None)
    assert next(rows).values == first


@pytest.mark.parametrize(("name", "split"), LAYOUTS)
def test_name_as_format(tmp_path, name, split):
    files, first = LAYOUTS[name, split]
    folder = write(tmp_path, files)[0].parent
    assert next(load_dataset_rows(folder, split=split, format=name)).values == first


def test_every_declaration_is_tried_here():
    assert {dataset.name for dataset in DATASETS} == {name for name, _ in LAYOUTS}


def test_declarations_are_sound():
    tasks = {"text-classification", "token-classification", "question-answering", "multiple-choice"}
    for dataset in DATASETS:
        assert dataset.format in FORMATS
        assert dataset.name not in FORMATS
        assert dataset.task in tasks
        assert dataset.has or dataset.head or dataset.path, f"{dataset.name} would match any file"
        assert set(dataset.parts) in (set(), set(dataset.splits))


def test_split_of_several_files_is_read_in_order(tmp_path):
    files, _ = LAYOUTS["btc", "train"]
    folder = write(tmp_path, files)[0].parent
    assert [row.values["tokens"][1] for row in load_dataset_rows(folder, split="train")] == list("abeg")


def test_rows_of_validation_are_no_training_rows(tmp_path):
    """GLUE's download leaves its parts of the original file of MRPC beside that file."""
    head, first, second = (
        "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n",
        "1\t7\t8\tA.\tB.\n",
        "0\t7\t8\tC.\tD.\n",
    )
    files = {
        "MRPC/msr_paraphrase_train.txt": head + first + second,
        "MRPC/train.tsv": head + first,
        "MRPC/dev.tsv": head + second,
    }
    folder = write(tmp_path, files)[0].parent
    texts = [
        [row.values["text"] for row in load_dataset_rows(folder, split=split)]
        for split in ("train", "validation")
    ]
    assert texts == [["A."], ["C."]]


def test_other_columns_are_given_where_the_whole_row_is_wanted(tmp_path):
    (path,) = write(tmp_path, {"banking.csv": "ticket,text,category\n17,My card is lost,cards\n"})
    canonical = {"text": "My card is lost", "label": "cards"}
    assert next(load_dataset_rows(path)).values == canonical
    assert next(load_dataset_rows(path, whole=True)).values == {"ticket": "17", **canonical}
    (path,) = write(tmp_path, {"csqa.jsonl": json.dumps(CSQA) + "\n"})
    assert next(load_dataset_rows(path, whole=True)).values == {**CSQA, **CHOSEN}


@pytest.mark.parametrize(
    ("name", "content", "values"),
    [
        (
            "online-banking/train.csv", "text,category,label\nMy card.,cards,angry\n",
            {"text": "My card.", "category": "cards", "label": "angry"},
        ),
        ("newsgroups/a.jsonl", {"group": "g", "id": 1, "text": "t", "label": "l"}, None),
        ("wikiann/train.json", '[{"tokens": ["Ada"]}]', {"tokens": ["Ada"]}),
    ],
)  # fmt: skip
def test_a_file_that_says_more_than_a_data_set_is_not_taken_for_it(tmp_path, name, content, values):
    """Its own label would be lost."""
    text = content if isinstance(content, str) else json.dumps(content) + "\n"
    (path,) = write(tmp_path, {name: text})
    assert next(load_dataset_rows(path)).values == (values or content)


def test_a_table_is_not_read_as_json(tmp_path):
    """R quotes the names of columns, which look like keys then."""
    (path,) = write(tmp_path, {"pairs.csv": '"idx","premise","hypothesis"\n5,"A.","B."\n'})
    assert next(load_dataset_rows(path)).values == {"idx": "5", "premise": "A.", "hypothesis": "B."}


def test_withheld_labels(tmp_path):
    unanswered = {key: value for key, value in CSQA.items() if key != "answerKey"}
    files = {
        "csqa/test.jsonl": json.dumps(unanswered),
        "piqa/valid.jsonl": '{"goal": "Fly.", "sol1": "Flap.", "sol2": "Sit."}\n',
    }
    for path in write(tmp_path, files):
        assert next(load_dataset_rows(path)).values["label"] is None

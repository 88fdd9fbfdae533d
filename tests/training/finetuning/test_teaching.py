"""Distillation for a task: losses against scipy's, students that follow their teachers, resuming, errors."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, rel_entr, softmax

from squeezebert import modeling
from squeezebert.checkpoints import read_checkpoint
from squeezebert.config import SqueezeBertConfig
from squeezebert.data import Row
from squeezebert.errors import CheckpointError, OptionError, TrainingError
from squeezebert.pipelines import pipeline
from squeezebert.tasks import get_task
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.training import Teaching, TrainingData, TrainingSettings, train
from squeezebert.training.finetuning.teaching.objective import TaskDistillation
from squeezebert.training.finetuning.teaching.soft import binary_divergence, divergence
from squeezebert.training.finetuning.teaching.teacher import TAUGHT_TASKS
from squeezebert.training.objective import MicroBatch
from tests.training.conftest import BAD, GOOD, PIECES, make_data, make_rows
from tests.training.stopping import Stopper

pytestmark = pytest.mark.usefixtures("no_pictures")

FAST = TrainingSettings(
    epochs=2, batch_size=8, learning_rate=3e-3, precision="fp32", threads=1, dropout=0.0, max_length=24
)
LABELS = {"text-classification": ["positive", "negative"], "token-classification": ["B-PER", "O", "B-LOC"]}


def changed(**changes: Any) -> TrainingSettings:
    return TrainingSettings(**{**vars(FAST), **changes})


def save_teacher(
    folder: Path,
    task: str,
    *,
    labels: Any = None,
    problem: str | None = None,
    pieces: Any = PIECES,
    **sizes: Any,
) -> str:
    """A wider and deeper model of random weights; its labels are in another order than the student's."""
    config = SqueezeBertConfig(
        **{
            "vocab_size": len(PIECES), "hidden_size": 36, "embedding_size": 36, "num_hidden_layers": 3,
            "num_attention_heads": 3, "intermediate_size": 52, "max_position_embeddings": 29,
            "initializer_range": 0.4, "q_groups": 1, "k_groups": 1, "v_groups": 1,
            "intermediate_groups": 1, "output_groups": 1, **sizes,
        }
    )  # fmt: skip
    if names := labels or LABELS.get(task):
        config = config.with_labels(names, problem)
    torch.manual_seed(7)
    getattr(modeling, get_task(task).head)(config).save_pretrained(folder)
    SqueezeBertTokenizerFast(pieces, model_max_length=29).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {task: save_teacher(tmp_path_factory.mktemp("teacher"), task) for task in TAUGHT_TASKS}


def with_unlabelled(data: TrainingData, task: str, count: int = 13) -> TrainingData:
    rows = [
        Row(
            {name: value for name, value in row.values.items() if name not in ("label", "tags", "answers")},
            row.where,
        )
        for row in make_rows(task, count, seed=5)
    ]
    examples = [data.task.example(row) for row in rows]
    return TrainingData(**{**vars(data), "unlabelled": examples})


def test_unlabelled_pairs_are_read_in_either_order_too(teachers: dict[str, str], trunk: str) -> None:
    task = "text-classification"
    rows = [
        Row({"text": "ada", "text_pair": place, "label": label}, "rows")
        for place, label in zip(("oslo", "rome") * 9, LABELS[task] * 9, strict=False)
    ]
    data = TrainingData.read(get_task(task), rows, rows[:3])
    data = TrainingData(**{**vars(data), "unlabelled": data.training})
    teaching = Teaching(teacher=teachers[task])
    objective = TaskDistillation(data, trunk, changed(swap_pairs=True), teaching)

    def firsts(epoch: int) -> list[int]:
        features = itertools.chain.from_iterable(objective.epoch(epoch))
        return [feature.inputs[0].ids[1] for feature in features if not feature.targets]

    assert len({*firsts(0)}) > 1
    assert sorted(firsts(0)) != sorted(firsts(1))


LOGITS = st.lists(st.lists(st.floats(-30, 30, width=32), min_size=5, max_size=5), min_size=1, max_size=7)


@given(LOGITS, LOGITS, st.floats(0.5, 9))
def test_divergence_is_scipys(a: list[list[float]], b: list[list[float]], temperature: float) -> None:
    rows = min(len(a), len(b))
    student, teacher = torch.tensor(a[:rows]), torch.tensor(b[:rows])
    p, q = (softmax(np.array(x[:rows], dtype=np.float64) / temperature, axis=1) for x in (b, a))
    expected = temperature**2 * rel_entr(p, q).sum(1)
    np.testing.assert_allclose(divergence(student, teacher, temperature), expected, rtol=1e-4, atol=2e-3)
    # Classes that are not there do as little as if they had been cut off.
    here = torch.tensor([True, True, False, True, False]).expand(rows, -1)
    torch.testing.assert_close(
        divergence(student, teacher, temperature, here),
        divergence(student[:, [0, 1, 3]], teacher[:, [0, 1, 3]], temperature),
        rtol=1e-4, atol=1e-3,
    )  # fmt: skip
    yes_and_no = sum(
        rel_entr(*(expit(sign * np.array(x[:rows], dtype=np.float64) / temperature) for x in (b, a)))
        for sign in (1, -1)
    )
    np.testing.assert_allclose(
        binary_divergence(student, teacher, temperature),
        temperature**2 * yes_and_no.mean(1),
        rtol=1e-4,
        atol=2e-3,
    )


def _texts(student: Any, teacher: Any, row: int, inputs: Any) -> list[tuple[Any, Any, float]]:
    # The teacher has "positive" first, the student "negative".
    return [(student.logits[row], teacher.logits[row].flip(0), 1.0)]


def _tokens(student: Any, teacher: Any, row: int, inputs: Any) -> list[tuple[Any, Any, float]]:
    # Every word of the rows is one piece, so all but the special tokens are asked for.
    places = range(1, int(inputs["attention_mask"][row].sum()) - 1)
    order = [LABELS["token-classification"].index(name) for name in ("O", "B-LOC", "B-PER")]
    return [(student.logits[row, at], teacher.logits[row, at, order], 1.0) for at in places]


def _spans(student: Any, teacher: Any, row: int, inputs: Any) -> list[tuple[Any, Any, float]]:
    length = int(inputs["attention_mask"][row].sum())
    return [
        (student[name][row, :length], teacher[name][row, :length], 0.5)
        for name in ("start_logits", "end_logits")
    ]


def _choices(student: Any, teacher: Any, row: int, inputs: Any) -> list[tuple[Any, Any, float]]:
    count = int((inputs["attention_mask"][row].sum(-1) > 1).sum())
    return [(student.logits[row, :count], teacher.logits[row, :count], 1.0)]


@pytest.mark.parametrize("labelled", [True, False], ids=["labelled", "unlabelled"])
@pytest.mark.parametrize(
    ("task", "compared"), [*zip(TAUGHT_TASKS, (_texts, _tokens, _spans, _choices), strict=True)]
)
def test_the_losses_of_a_batch_are_those_of_its_rows(
    trunk: str, teachers: dict[str, str], task: str, compared: Any, labelled: bool
) -> None:
    data = with_unlabelled(make_data(task, 19), task)
    teaching = Teaching(
        teacher=teachers[task], temperature=3.0, soft_share=0.25, layer_map=((1, 3),), hidden_factor=0.7,
        teacher_precision="torch",
    )  # fmt: skip
    objective = TaskDistillation(data, trunk, FAST, teaching)
    assert objective.parts == {"soft": 0.25, "hard": 0.75, "hidden": 0.7}
    batches = [objective.collate(items) for items in objective.epoch(0)]
    assert len([batch for batch in batches if batch.weights["hard"] == 0]) == 2
    batch = next(batch for batch in batches if (batch.weights["hard"] > 0) == labelled)
    losses = objective.losses(batch)
    teacher = getattr(modeling, data.task.head).from_pretrained(teachers[task]).eval()
    read = [batch.inputs[name] for name in ("input_ids", "attention_mask", "token_type_ids")]
    mine = objective.model(*read, output_hidden_states=True)
    theirs = teacher(*read, output_hidden_states=True)
    expected, weight = 0.0, 0.0
    for row in range(len(read[0])):
        for a, b, share in compared(mine, theirs, row, batch.inputs):
            p, q = (softmax(x.detach().double().numpy() / 3.0) for x in (b, a))
            expected += share * 9.0 * rel_entr(p, q).sum()
            weight += share
    assert batch.weights["soft"] == weight
    np.testing.assert_allclose(losses["soft"].item(), expected, rtol=1e-4)
    texts = batch.inputs["attention_mask"].flatten(0, -2)
    here = texts.bool() & (texts.sum(-1, keepdim=True) > 1)
    assert batch.weights["hidden"] == here.sum()
    states = objective.module["projections"]["layer1"](mine.hidden_states[1][here])
    cosines = torch.nn.functional.cosine_similarity(states, theirs.hidden_states[3][here], dim=-1)
    torch.testing.assert_close(losses["hidden"], (1 - cosines).sum(), rtol=1e-4, atol=1e-4)
    targets = {
        n: t for n, t in batch.inputs.items() if n not in ("input_ids", "attention_mask", "token_type_ids")
    }
    if labelled:
        hard = objective.model(*read, **targets).loss * batch.weights["hard"]
        torch.testing.assert_close(losses["hard"], hard)
    else:
        assert losses["hard"] == 0


@pytest.mark.parametrize("task", TAUGHT_TASKS)
def test_teachers_on_the_engine_and_in_torch_answer_alike(
    trunk: str, teachers: dict[str, str], task: str
) -> None:
    data = with_unlabelled(make_data(task, 19), task)
    found = []
    for precision in ("fp32", "torch"):
        teaching = Teaching(teacher=teachers[task], teacher_precision=precision)
        objective = TaskDistillation(data, trunk, FAST, teaching)
        found.append(
            [float(objective.losses(objective.collate(b))["soft"].detach()) for b in objective.epoch(0)]
        )
    np.testing.assert_allclose(*found, rtol=1e-3)


@pytest.mark.parametrize(
    ("problem", "labels", "rows"),
    [
        ("regression", ["LABEL_0"], [0.5, 2.25, 4.0]),
        ("multi_label_classification", ["b", "c", "a"], [["a"], ["a", "b"], ["c"]]),
    ],
)
def test_numbers_and_several_labels(
    trunk: str, tmp_path: Path, problem: str, labels: list[str], rows: list[Any]
) -> None:
    teacher = save_teacher(tmp_path / "teacher", "text-classification", labels=labels, problem=problem)
    made = [
        Row({"text": f"the film {word}", "label": rows[i % 3]}, f"r:{i}") for i, word in enumerate(GOOD + BAD)
    ]
    data = TrainingData.read(get_task("text-classification"), made, made)
    objective = TaskDistillation(data, trunk, FAST, Teaching(teacher=teacher, teacher_precision="torch"))
    batch = objective.collate(objective.epoch(0)[0])
    network = modeling.SqueezeBertForSequenceClassification.from_pretrained(teacher).eval()
    read = [batch.inputs[name] for name in ("input_ids", "attention_mask", "token_type_ids")]
    mine, theirs = (model(*read).logits.detach().double().numpy() for model in (objective.model, network))
    if problem == "regression":
        # The teacher answers in the units of the rows, the student in standard deviations from their mean.
        units = np.array([row.values["label"] for row in made])
        expected = ((mine - (theirs - units.mean()) / units.std()) ** 2).sum()
    else:
        theirs = theirs[:, [2, 0, 1]]
        parts = [rel_entr(expit(sign * theirs / 2), expit(sign * mine / 2)) for sign in (1, -1)]
        expected = 4 * sum(parts).mean(1).sum()
    np.testing.assert_allclose(objective.losses(batch)["soft"].item(), expected, rtol=1e-4)


def test_a_student_takes_over_the_answers_to_unlabelled_rows(trunk: str, out: Path, tmp_path: Path) -> None:
    """What the teacher says of places, no label tells; without those rows the student does not learn it."""
    places = [
        Row({"text": text, "label": label}, f"r:{index}")
        for index, (text, label) in enumerate(
            60 * [("ada lives in oslo", "positive"), ("kurt lives in paris", "negative")]
        )
    ]
    films = make_rows("text-classification", 61)
    teacher = tmp_path / "teacher"
    both = TrainingData.read(get_task("text-classification"), [*films, *places], films)
    train(both, teacher, start=trunk, settings=changed(epochs=6, learning_rate=1e-2))
    unlabelled = [Row({"text": row.values["text"]}, row.where) for row in places]
    task = get_task("text-classification")
    results = {}
    for name, further in (("with", unlabelled), ("without", [])):
        data = TrainingData.read(task, films, films, unlabelled=further)
        settings = changed(epochs=6, learning_rate=1e-2)
        train(data, out / name, start=trunk, settings=settings, teaching=Teaching(teacher=str(teacher)))
        results[name] = [
            pipe[0]["label"]
            for pipe in map(pipeline(task.name, out / name), ("ada lives in oslo", "kurt lives in paris"))
        ]
    assert results["with"] == ["positive", "negative"]
    assert results["without"] != ["positive", "negative"]
    report = json.loads((out / "with" / "training.json").read_text())
    assert report["teaching"]["teacher"] == str(teacher)
    assert report["data"]["unlabelled"] == {"rows": 120}
    assert f"with the teacher `{teacher}`" in (out / "with" / "README.md").read_text()
    names = set(read_checkpoint(out / "with").arrays)
    assert names == set(read_checkpoint(teacher).arrays)


def test_a_resumed_run_ends_with_the_same_bits_and_with_no_other_teacher(
    trunk: str, teachers: dict[str, str], tmp_path: Path
) -> None:
    task = "token-classification"
    data = with_unlabelled(make_data(task, 23), task)
    settings = changed(save_every=0, dropout=0.1)
    teaching = Teaching(teacher=teachers[task], layer_map=((2, 2),), teacher_precision="torch")
    train(data, tmp_path / "plain", start=trunk, settings=settings, teaching=teaching)
    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        train(data, cut, start=trunk, settings=settings, teaching=teaching, observers=[Stopper(7)])
    other = save_teacher(tmp_path / "other", task, initializer_range=0.3)
    for wrong, message in (
        (Teaching(**{**vars(teaching), "teacher": other}), "teacher '"),
        (Teaching(**{**vars(teaching), "temperature": 3.0}), r"temperature 2\.0, not 3\.0"),
    ):
        with pytest.raises(TrainingError, match=message):
            train(data, cut, start=trunk, settings=settings, teaching=wrong, resume=True)
    train(data, cut, start=trunk, settings=settings, teaching=teaching, resume=True)
    assert "| layers | 2=2 |" in (cut / "README.md").read_text(encoding="utf-8")
    theirs = read_checkpoint(tmp_path / "plain").arrays
    for name, array in read_checkpoint(cut).arrays.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)


def test_other_weights_or_no_teacher_are_another_run(trunk: str, out: Path, tmp_path: Path) -> None:
    task = "text-classification"
    teacher = save_teacher(tmp_path / "teacher", task)
    arguments: dict[str, Any] = {
        "start": trunk, "settings": changed(save_every=0), "teaching": Teaching(teacher=teacher)
    }  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        train(make_data(task, 23), out, observers=[Stopper(3)], **arguments)
    with pytest.raises(TrainingError, match=r"teacher '.*not None"):
        train(make_data(task, 23), out, resume=True, **{**arguments, "teaching": None})
    save_teacher(tmp_path / "teacher", task, initializer_range=0.3)
    with pytest.raises(TrainingError, match="teacher_sha256"):
        train(make_data(task, 23), out, resume=True, **arguments)


def test_a_micro_batch_without_anything_to_learn_is_left_out(trunk: str, teachers: dict[str, str]) -> None:
    task = "text-classification"
    objective = TaskDistillation(
        make_data(task, 19), trunk, FAST, Teaching(teacher=teachers[task], soft_share=1)
    )
    batch: MicroBatch = objective.collate(objective.epoch(0)[0])
    assert dict(batch.weights) == {"soft": 8.0}
    assert set(objective.losses(batch)) == {"soft"}


def test_bad_input(trunk: str, teachers: dict[str, str], tmp_path: Path) -> None:
    task = "text-classification"
    data = make_data(task, 13)

    def made(
        teacher: str, data: TrainingData = data, settings: TrainingSettings = FAST, **changes: Any
    ) -> None:
        TaskDistillation(data, trunk, settings, Teaching(teacher=teacher, **changes))

    other = save_teacher(tmp_path / "labels", task, labels=["good", "negative", "so so"])
    with pytest.raises(
        OptionError, match="only the teacher has 'good', 'so so'; only the rows have 'positive'"
    ):
        made(other)
    with pytest.raises(CheckpointError, match="SqueezeBertForTokenClassification"):
        made(teachers["token-classification"])
    with pytest.raises(OptionError, match="another tokenizer than the student"):
        made(save_teacher(tmp_path / "pieces", task, pieces=[*PIECES[:-2], *PIECES[:-3:-1]]))
    with pytest.raises(OptionError, match=r"reads 29 tokens.*give --max-length 29"):
        made(teachers[task], settings=changed(max_length=33))
    with pytest.raises(
        OptionError, match="was trained for multi_label_classification, and the rows make it single"
    ):
        made(save_teacher(tmp_path / "multi", task, problem="multi_label_classification"))
    with pytest.raises(OptionError, match="the teacher has the blocks 1 to 3, and no 4"):
        made(teachers[task], layer_map=((1, 4),), teacher_precision="torch")
    with pytest.raises(OptionError, match="fill-mask is not learnt from a teacher's answers"):
        made(trunk, data=make_data("fill-mask", 13))
    for changes, message in (
        ({"soft_share": 1.5}, "soft_share 1.5 is not from 0 to 1"),
        ({"temperature": 0.0}, "temperature 0.0 is not positive"),
        ({"teacher_precision": "int4"}, "int8, fp32, torch"),
        ({"layer_map": ((1, 1),)}, "teacher_precision torch"),
        ({"layer_map": (1, 2), "teacher_precision": "torch"}, "layer_map .* is no list of pairs of blocks"),
        ({"layer_map": ((1, 2, 3),), "teacher_precision": "torch"}, "layer_map .* is no list of pairs"),
        ({"soft_share": 0.0}, "nothing to learn from a teacher"),
    ):
        with pytest.raises(OptionError, match=message):
            Teaching(teacher=trunk, **changes)
    with pytest.raises(OptionError, match="unlabelled rows need a teacher"):
        train(with_unlabelled(data, task), tmp_path / "out", start=trunk, settings=FAST)

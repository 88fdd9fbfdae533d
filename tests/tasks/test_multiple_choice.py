"""Choices are scored side by side; their forms in files; batches of unlike questions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from squeezebert.errors import DataError
from squeezebert.modeling.backend import TorchBackend
from squeezebert.pipelines import Pipeline
from squeezebert.tasks.collate import collate
from squeezebert.tasks.multiple_choice import ChoiceExample, MultipleChoice
from squeezebert.tasks.vectors import TEMPERATURE
from tests.tasks.tiny import model, pipe, row, setup, tokenizer

TASK = MultipleChoice()
RNG = np.random.default_rng(0)


def test_scores_are_the_softmax_over_the_heads_logits() -> None:
    prompt, choices = "ada sat on the", ["mat", "bad film in paris", "cat"]
    encoded = tokenizer()([prompt] * 3, choices, padding=True, return_tensors="pt")
    logits = model(TASK.head)(**{k: v[None] for k, v in encoded.items()}).logits
    expected = logits[0].softmax(-1).tolist()
    answer = pipe("multiple-choice")(prompt=prompt, choices=choices)
    assert answer["scores"] == pytest.approx(expected, abs=1e-5)
    assert answer["label"] == int(np.argmax(expected))
    assert answer["choice"] == choices[answer["label"]]
    assert answer["score"] == max(answer["scores"])
    assert answer["method"] == "head"


def test_a_model_without_head_compares_vectors() -> None:
    network = TorchBackend(model("SqueezeBertModel", architectures=["SqueezeBertModel"]))
    prompt, choices = "ada sat on the", ["mat", "bad film in paris " * 9, "cat"]
    answer = Pipeline(TASK, network, tokenizer())(prompt=prompt, choices=choices)
    extract = pipe("feature-extraction")
    cosines = np.stack(extract(choices)).astype(np.float64) @ extract(prompt)
    powers = np.exp(cosines / TEMPERATURE)
    assert answer["scores"] == pytest.approx((powers / powers.sum()).tolist(), rel=1e-3)
    assert answer["label"] == int(np.argmax(cosines))
    assert answer["method"] == "similarity"
    assert answer["windows"] > 1


def test_long_prompts_are_windowed_for_every_choice() -> None:
    answer = pipe("multiple-choice")(prompt="the cat sat on the mat " * 9, choices=["ada", "a very bad film"])
    assert answer["windows"] > 2
    assert not answer["truncated"]
    assert sum(answer["scores"]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({"prompt": "p", "choices": ["x", "y"], "label": 1}, 1),
        ({"question": "p", "options": ["x", "y"], "answer": "B"}, 1),
        ({"prompt": "p", "choice1": "x", "choice2": "y", "label": "0"}, 0),
        ({"prompt": "p", "A": "x", "B": "y", "answer": "y"}, 1),
        ({"prompt": "p", "choice1": "x", "choice2": "y", "choice3": "", "choice4": None, "label": "1"}, 1),
        ({"sentence": "p", "ending_0": "x", "ending_1": "y", "label": "b"}, 1),
        # Labels mean the names of columns, wherever these stand.
        ({"question": "p", "B": "x", "A": "y", "answer": "A"}, 0),
        ({"prompt": "p", "choice2": "x", "choice1": "y", "label": "y"}, 0),
        ({"prompt": "p", "choice10": "x", "choice9": "y", "label": "x"}, 1),
        # Letters alone are something else beside columns that say what they are.
        ({"question": "p", "option_a": "x", "option_b": "y", "a": 0, "b": 3, "label": "B"}, 1),
        ({"question": "p", "option_a": "x", "option_b": "y", "choice1": 0, "label": "B"}, 1),
        ({"prompt": "p", "choices": "['x', 'y']", "label": "y"}, 1),
        ({"prompt": "p", "choices": "['x' 'y']", "label": 1}, 1),
        ({"prompt": "p", "choices": np.array(["x", "y"]), "label": np.int64(1)}, 1),
        ({"prompt": "p", "choices": '{"text": ["x", "y"], "label": ["1", "2"]}', "label": "2"}, 1),
        ({"prompt": "p", "choices": ["4", "1"], "label": "1"}, 1),
        ({"prompt": "p", "choices": ["4", "2"], "label": "2"}, 1),
        ({"prompt": "p", "choices": ["1", "0"], "label": 0}, 0),
        # As CommonsenseQA and ARC are on the hub.
        ({"question": "p", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "B"}, 1),
        ({"question": "p", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "1"}, 0),
        ({"question": "p", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": 1}, 0),
        ({"question": "p", "choices": {"text": ["x", "y"], "label": [1, 2]}, "answerKey": "2 "}, 1),
        ({"question": "p", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "y"}, 1),
    ],
)
def test_forms_of_choices_and_labels(values: dict[str, Any], label: int) -> None:
    example = TASK.labelled_example(row(**values))
    assert (example.prompt, len(example.choices), example.label) == ("p", 2, label)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prompt": "p", "choices": ["x"], "label": 0}, "has 1 choices; two or more"),
        ({"prompt": "p", "choice1": "x", "choice2": "", "label": 0}, "has 1 choices; two or more"),
        ({"prompt": "p", "choices": "x", "label": 0}, "choices is 'x'; expected a list"),
        ({"prompt": "p", "choices": ["x", "y"], "label": 2}, "label 2 is none of the 2 choices"),
        ({"prompt": "p", "choices": ["x", "y"], "label": None}, "label None is none of the 2 choices"),
        ({"prompt": "p", "choices": ["x", "y"], "label": "C"}, "label 'C' is none"),
        ({"prompt": "p", "label": 0}, "no column for 'choices'"),
        *(
            ({"prompt": "p", "choices": {"text": ["x", "y"], "label": named}, "label": "A"}, "one for each")
            for named in (None, 1, ["A"])
        ),
        ({"prompt": "p", "choices": {"text": 5, "label": [1]}, "label": 1}, "one for each"),
        *(
            (
                {"prompt": "p", "choices": {"text": ["x", "y"], "label": labels}, "label": label},
                f"label {label!r} is none of those of the choices, {labels[0]}, {labels[1]}",
            )
            for labels, label in ((["1", "2"], "0"), (["E", "F"], "B"))
        ),
        (
            {"prompt": "p", "option1": "x", "option2": "y", "answer_a": "x", "answer_b": "y", "label": 0},
            "'option1' and its like or 'answer_a' and its like may be the choices; rename the others",
        ),
        ({"prompt": "p", "choices": ["1", "0"], "label": "0"}, "'0' may be the .* or '1' .*write its letter"),
        ({"prompt": "p", "choices": ["b", "A"], "label": "A"}, "'A' may be the .* or 'b' .*write its index"),
        ({"question": "effect", "premise": "p", "choices": ["x", "y"], "label": 0}, "each be the prompt"),
    ],
)
def test_wrong_rows_name_the_place(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"file.csv:7: .*{message}|file.csv:7: {message}"):
        TASK.labelled_example(row(**values))


def test_features_of_unlike_questions_make_one_batch_for_the_head() -> None:
    here = setup()
    two = ChoiceExample("x", "the cat", ("sat", "was bad"), 1)
    three = ChoiceExample("x", "ada " * 30, ("lives", "sat on the mat", "is good"), 2)
    features = [f for e in (two, three) for f in TASK.features(e, TASK.encode(e, here), here, RNG)]
    assert [len(f.inputs) for f in features] == [2] + [3] * (len(features) - 1)
    assert len(features) > 2
    batch = {k: torch.from_numpy(v) for k, v in collate(features, 0).items()}
    assert batch["input_ids"].shape[:2] == (len(features), 3)
    # Else its gradient would be wrong in fused attention.
    assert batch["attention_mask"][0, 2].sum() == 1
    output = model(TASK.head)(**batch)
    assert torch.isfinite(output.loss)
    expected = -output.logits.log_softmax(-1)[range(len(features)), [1] + [2] * (len(features) - 1)].mean()
    assert output.loss.item() == pytest.approx(expected.item())


def test_accuracy() -> None:
    told = [ChoiceExample("x", "p", ("a", "b"), label) for label in (0, 1, 1)]
    assert TASK.metric(told, [{"label": 0}, {"label": 0}, {"label": 1}], setup().config) == {
        "accuracy": pytest.approx(2 / 3)
    }

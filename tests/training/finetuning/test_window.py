"""Models of words read no places that their rows do not reach."""

from __future__ import annotations

import pytest

from squeezebert.config import SqueezeBertConfig
from squeezebert.data import Row
from squeezebert.errors import OptionError
from squeezebert.tasks import get_task
from squeezebert.tasks.base import Setup
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.training import TrainingData
from squeezebert.training.finetuning.window import learnt_window


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The embedded model's, which reads 256 tokens at once."""
    return Setup.of(
        SqueezeBertConfig.from_pretrained("mini"), SqueezeBertTokenizerFast.from_pretrained("mini")
    )


def words(*lengths: int) -> TrainingData:
    rows = [
        Row({"tokens": ["in"] * count, "tags": ["B-X", *["O"] * (count - 1)]}, "made") for count in lengths
    ]
    return TrainingData.read(get_task("token-classification"), rows, rows[:1])


@pytest.mark.parametrize(
    ("lengths", "window"),
    [
        ([3] * 97, 64),
        ([62] * 7, 64),
        ([63] * 7, 128),
        ([3] * 99 + [126], 64),
        ([3] * 98 + [126] * 2, 128),
        ([3] * 98 + [127] * 2, 256),
        ([900] * 3, 256),
        # Some of so many tell how long all are, those at the end of the file, too.
        ([3] * 4001 + [200] * 997, 256),
    ],
)
def test_the_window_holds_ninety_nine_of_a_hundred_rows(
    lengths: list[int], window: int, setup: Setup
) -> None:
    assert learnt_window(words(*lengths), setup) == window


def test_it_is_no_longer_than_the_model_reads(setup: Setup) -> None:
    small = setup._replace(config=setup.config.replace(max_position_embeddings=100), max_length=100)
    assert learnt_window(words(*[900] * 3), small) == 100
    small = setup._replace(config=setup.config.replace(max_position_embeddings=33), max_length=33, stride=8)
    assert learnt_window(words(*[3] * 3), small) == 33


def test_what_another_models_rows_taught_is_no_limit(setup: Setup) -> None:
    learnt = setup._replace(max_length=64, stride=16)
    assert learnt_window(words(*[90] * 7), learnt) == 128
    assert learnt_window(words(*[900] * 7), learnt) == 256


def test_a_task_that_answers_once_for_a_text_reads_all_that_its_model_can(setup: Setup) -> None:
    rows = [Row({"text": "in", "label": label}, "made") for label in "abab"]
    assert learnt_window(TrainingData.read("text-classification", rows, rows), setup) == 256


def test_a_tokenizer_that_leaves_no_room_is_named_and_no_option(setup: Setup) -> None:
    tokenizer = SqueezeBertTokenizerFast.from_pretrained("mini")
    tokenizer.model_max_length = 3
    with pytest.raises(
        OptionError, match="the tokenizer's model_max_length 3 is less than 12; give max_length"
    ):
        Setup.of(setup.config, tokenizer)
    assert Setup.of(setup.config, tokenizer, max_length=12).max_length == 12

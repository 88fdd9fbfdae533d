"""Hints for question answering: what they say of each token; the model's own loss stays what it is."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from squeezebert.checkpoints import read_checkpoint
from squeezebert.errors import OptionError
from squeezebert.training import Teaching, TrainingSettings, train
from squeezebert.training.finetuning.hints import REACHES, HintedAnswers, hints_of, rarities
from squeezebert.training.finetuning.objective import TaskObjective
from tests.training.conftest import PIECES, make_data, save_trunk

pytestmark = pytest.mark.usefixtures("no_pictures")

SETTINGS = TrainingSettings(
    epochs=2, batch_size=8, learning_rate=3e-3, precision="fp32", threads=1, hints=True, dropout=0.0
)
STOP, CLS, SEP = 7, 2, 3


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a trunk that knows a full stop."""
    return save_trunk(tmp_path_factory.mktemp("start"), [*PIECES, "."])


def windows(rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Padded windows of questions and texts; the first has no answer."""
    rows = []
    for question, text in ((3, 19), (5, 11), (1, 23)):
        words = rng.integers(5, 13, question + text).tolist()
        ids = [CLS, *words[:question], SEP, *words[question:], SEP]
        rows.append((ids, [0] * (question + 2) + [1] * (text + 1)))
    longest = max(len(ids) for ids, _ in rows)
    padded = {
        "input_ids": [ids + [0] * (longest - len(ids)) for ids, _ in rows],
        "token_type_ids": [types + [0] * (longest - len(types)) for _, types in rows],
        "attention_mask": [[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in rows],
        "start_positions": [0, 9, 5],
    }
    return {name: torch.tensor(values) for name, values in padded.items()}


def test_hints_say_of_each_token_what_they_promise() -> None:
    inputs = windows(np.random.default_rng(5))
    rarity = torch.linspace(0, 1, 13)
    found = {name: hint.tolist() for name, hint in hints_of(inputs, rarity, STOP).items()}
    for row, (ids, types, mask, start) in enumerate(zip(*(inputs[n].tolist() for n in inputs), strict=True)):
        question = {i for i, kind, here in zip(ids, types, mask, strict=True) if here and not kind}
        text = [bool(here and kind) for kind, here in zip(types, mask, strict=True)]
        text[sum(mask) - 1] = False  # What closes the window, which the question has, too.
        shared = [t and i in question for t, i in zip(text, ids, strict=True)]
        told = [rarity[i].item() if s else 0.0 for s, i in zip(shared, ids, strict=True)]
        for at, token in enumerate(ids):
            near = [
                sum(told[max(0, at - reach) : at + reach + 1]) / math.sqrt(2 * reach + 1) for reach in REACHES
            ]
            between = ids[min(at, start) : max(at, start)]
            assert found["text"][row][at] == text[at]
            assert found["rarity"][row][at] == pytest.approx(rarity[token].item() if text[at] else 0)
            assert found["overlap"][row][at] == shared[at]
            assert found["density"][row][at] == pytest.approx(near, abs=1e-5)
            assert found["answered"][row][at] == (text[at] and start > 0)
            assert found["sentence"][row][at] == (text[at] and STOP not in between)


def test_rare_tokens_tell_more_than_common_ones() -> None:
    out = rarities([[1, 2, 2], [1, 3], [1, 2], [1, 4]], 6)
    assert out[1] == 0
    assert out[2] == pytest.approx(1.5 * math.log(4 / 2) / math.log(4))
    assert out[3:].tolist() == [1, 1, 1]


def test_the_heads_own_loss_is_as_without_hints_and_parts_add_up_over_micro_batches(start: str) -> None:
    data = make_data("question-answering")
    hinted, plain = (kind(data, start, SETTINGS) for kind in (HintedAnswers, TaskObjective))
    features = plain.epoch(0)[0]
    whole = hinted.collate(features)
    losses = hinted.losses(whole)
    assert set(losses) == set(whole.weights) == set(hinted.parts)
    torch.testing.assert_close(losses["loss"], plain.losses(plain.collate(features))["loss"])
    pieces = [hinted.collate(features[:3]), hinted.collate(features[3:])]
    # The published loss of answers depends on the padding, which the other parts do not see.
    for name in hinted.parts.keys() - {"loss"}:
        assert sum(piece.weights[name] for piece in pieces) == pytest.approx(whole.weights[name])
        parts = [hinted.losses(piece)[name].item() for piece in pieces]
        assert sum(parts) == pytest.approx(losses[name].item(), rel=1e-5)


def test_what_reads_the_hints_learns_and_is_not_saved(start: str, out: Path, tmp_path: Path) -> None:
    data = make_data("question-answering")
    train(data, out, start=start, settings=SETTINGS)
    plain = TrainingSettings(**{**vars(SETTINGS), "hints": False})
    train(data, tmp_path / "plain", start=start, settings=plain)
    assert read_checkpoint(out).arrays.keys() == read_checkpoint(tmp_path / "plain").arrays.keys()
    lines = (out / "metrics.jsonl").read_text().splitlines()
    steps = [line for line in map(json.loads, lines) if "loss" in line]
    for name in ("overlap", "density", "sentence"):
        assert steps[-1]["parts"][name] < steps[0]["parts"][name]


def test_hints_where_there_can_be_none(start: str, trunk: str, out: Path) -> None:
    with pytest.raises(OptionError, match="hints are for question-answering, not for text-classification"):
        train(make_data(), out, start=start, settings=SETTINGS)
    data = make_data("question-answering")
    with pytest.raises(OptionError, match="hints and a teacher do not go together"):
        train(data, out / "b", start=start, settings=SETTINGS, teaching=Teaching(teacher=start))
    with pytest.raises(OptionError, match="need a vocabulary with a full stop"):
        train(data, out / "c", start=trunk, settings=SETTINGS)

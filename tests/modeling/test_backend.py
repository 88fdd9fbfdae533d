"""The torch model as a backend: no padding comes out, no random head goes in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from squeezebert import modeling
from squeezebert.config import OUTPUT_KEYS
from squeezebert.engine.packing import pack
from squeezebert.errors import CheckpointError, OptionError
from squeezebert.modeling.backend import TorchBackend
from squeezebert.tasks import get_task
from tests.tasks.tiny import config, model, tokenizer

TEXTS = ["the cat", "ada sat on the mat in paris", ""]
SHAPES = {
    "SqueezeBertModel": {"last_hidden_state": ("tokens", 24), "pooler_output": (24,)},
    "SqueezeBertForSequenceClassification": {"logits": (3,)},
    "SqueezeBertForMultipleChoice": {"logits": (1,)},
    "SqueezeBertForTokenClassification": {"logits": ("tokens", 3)},
    "SqueezeBertForQuestionAnswering": {"start_logits": ("tokens",), "end_logits": ("tokens",)},
    "SqueezeBertForMaskedLM": {"logits": ("tokens", config().vocab_size)},
}


@pytest.mark.parametrize("head", SHAPES)
def test_outputs_have_no_padding_and_equal_those_of_each_text_alone(head: str) -> None:
    backend = TorchBackend(model(head, labels=["a", "b", "c"]))
    encodings = [tokenizer().encode_windows(text)[0] for text in TEXTS]
    together = backend.run(pack(encodings))
    for encoding, output in zip(encodings, together, strict=True):
        [alone] = backend.run(pack([encoding]))
        expected = {
            name: tuple(len(encoding) if n == "tokens" else n for n in s) for name, s in SHAPES[head].items()
        }
        assert {name: array.shape for name, array in output.items()} == expected
        for name, array in output.items():
            assert array.dtype == np.float32
            np.testing.assert_allclose(array, alone[name], atol=1e-5)


def test_a_config_that_asks_for_states_changes_no_outputs() -> None:
    batch = pack([tokenizer().encode_windows(text)[0] for text in TEXTS])
    plain = model("SqueezeBertForMaskedLM")
    asking = type(plain)(plain.config.replace(extra=dict.fromkeys(OUTPUT_KEYS, True)))
    asking.load_state_dict(plain.state_dict())
    assert asking(torch.tensor([[1, 2]])).hidden_states is not None
    for some, expected in zip(TorchBackend(asking).run(batch), TorchBackend(plain).run(batch), strict=True):
        assert some.keys() == expected.keys()
        np.testing.assert_array_equal(some["logits"], expected["logits"])


def test_a_model_made_from_a_trunk_is_no_trunk() -> None:
    """Until it is saved, its config names what the checkpoint was."""
    trained = model("SqueezeBertForMultipleChoice", architectures=("SqueezeBertModel",))
    backend = TorchBackend(trained)
    assert get_task("multiple-choice").head_for(backend.config) == backend.head


def test_wanted_positions_are_rows_of_the_full_output() -> None:
    backend = TorchBackend(model("SqueezeBertForMaskedLM"))
    batch = pack([tokenizer().encode_windows(text)[0] for text in TEXTS])
    wanted = [(1, 2), (), (0,)]
    full = backend.run(batch)
    for every, some, positions in zip(full, backend.run(batch, wanted), wanted, strict=True):
        assert some["logits"].shape == (len(positions), config().vocab_size)
        np.testing.assert_allclose(some["logits"], every["logits"][list(positions)], atol=1e-5)
    nothing = backend.run(batch, [(), (), ()])
    assert [output["logits"].shape[0] for output in nothing] == [0, 0, 0]


def test_a_model_in_training_is_measured_without_dropout_and_goes_on_training() -> None:
    trained = model("SqueezeBertForSequenceClassification").train()
    backend = TorchBackend(trained)
    batch = pack([tokenizer().encode_windows("the cat")[0]])
    np.testing.assert_array_equal(backend.run(batch)[0]["logits"], backend.run(batch)[0]["logits"])
    assert trained.training


def test_a_checkpoint_with_its_head_loads(tmp_path: Path) -> None:
    saved = model("SqueezeBertForTokenClassification", labels=["O", "B-X"])
    saved.save_pretrained(tmp_path)
    backend = TorchBackend.load(tmp_path, "SqueezeBertForTokenClassification", threads=1)
    assert backend.head == "SqueezeBertForTokenClassification"
    assert list(backend.config.id2label.values()) == ["O", "B-X"]
    batch = pack([tokenizer().encode_windows("the cat")[0]])
    np.testing.assert_array_equal(
        backend.run(batch)[0]["logits"], TorchBackend(saved).run(batch)[0]["logits"]
    )


@pytest.mark.parametrize(
    ("saved", "wanted", "message"),
    [
        (
            "SqueezeBertForTokenClassification",
            "SqueezeBertForSequenceClassification",
            "holds a SqueezeBertForToken",
        ),
        (
            "SqueezeBertModel",
            "SqueezeBertForQuestionAnswering",
            "has no qa_outputs, which a SqueezeBertForQuestion",
        ),
        ("SqueezeBertModel", "SqueezeBertForSequenceClassification", "has no classifier"),
        (
            "SqueezeBertForPreTraining",
            "SqueezeBertForSequenceClassification",
            "holds a SqueezeBertForPreTraining",
        ),
    ],
)
def test_a_checkpoint_without_the_head_is_refused(
    saved: str, wanted: str, message: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    getattr(modeling, saved)(config()).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=message):
        TorchBackend.load(tmp_path, wanted)


def test_a_pretraining_checkpoint_fills_masks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    modeling.SqueezeBertForPreTraining(config()).save_pretrained(tmp_path)
    assert TorchBackend.load(tmp_path, "SqueezeBertForMaskedLM").head == "SqueezeBertForMaskedLM"


def test_threads_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="threads 0"):
        TorchBackend.load(tmp_path, "SqueezeBertForMaskedLM", threads=0)

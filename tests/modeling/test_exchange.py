"""Checkpoints travel between this package and transformers, and the published forms load."""

from __future__ import annotations

import json
import logging

import pytest
import torch
import transformers

from squeezebert import modeling
from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import CheckpointError, OptionError
from squeezebert.modeling import (
    SqueezeBertForMaskedLM,
    SqueezeBertForMultipleChoice,
    SqueezeBertForPreTraining,
    SqueezeBertForSequenceClassification,
    SqueezeBertForTokenClassification,
    SqueezeBertModel,
)
from tests.modeling.pairs import HEADS, ours_like, random_inputs, randomised, theirs_for, tiny_config

NAMES = ("SqueezeBertModel", *(f"SqueezeBertFor{head}" for head in HEADS))


def auto_class(name):
    return getattr(
        transformers, name.replace("SqueezeBertFor", "AutoModelFor").replace("SqueezeBert", "Auto")
    )


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("name", NAMES)
def test_what_we_save_loads_in_transformers(name, dtype, tmp_path):
    ours = ours_like(theirs_for(name))
    ours.save_pretrained(save_directory=tmp_path, dtype=dtype)
    theirs, info = auto_class(name).from_pretrained(tmp_path, output_loading_info=True)
    assert type(theirs).__name__ == name
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert theirs.dtype == getattr(torch, dtype)
    inputs = random_inputs(choices="Choice" in name)
    expected, exact = type(ours).from_pretrained(tmp_path)(**inputs)[0], ours(**inputs)[0]
    torch.testing.assert_close(theirs.float().eval()(**inputs)[0], expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(expected, exact) == (dtype == "float32")
    # 11 significant bits in every weight.
    torch.testing.assert_close(expected, exact, rtol=0.02, atol=0.02)


def test_answers_have_two_outputs_whatever_labels_there_were(tmp_path):
    """As after training from a model of entailment; transformers makes as many outputs as labels."""
    ours = modeling.SqueezeBertForQuestionAnswering(tiny_config().with_labels(["yes", "no", "maybe"]))
    ours.save_pretrained(tmp_path)
    theirs = transformers.SqueezeBertForQuestionAnswering.from_pretrained(tmp_path).eval()
    inputs = random_inputs()
    torch.testing.assert_close(
        theirs(**inputs).end_logits, ours.eval()(**inputs).end_logits, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_transformers_saves_loads_here(name, tmp_path, caplog):
    theirs = theirs_for(name)
    theirs.save_pretrained(tmp_path)
    ours = getattr(modeling, name).from_pretrained(tmp_path)
    assert not ours.training
    assert caplog.text == ""
    inputs = random_inputs(choices="Choice" in name)
    torch.testing.assert_close(ours(**inputs)[0], theirs(**inputs)[0], rtol=1e-5, atol=1e-5)


def save_bin(folder, state, config, **missing_keys):
    folder.mkdir(exist_ok=True)
    torch.save(state, folder / "pytorch_model.bin")
    values = {k: v for k, v in config.to_dict().items() if k not in ("architectures", "layer_norm_eps")}
    (folder / "config.json").write_text(json.dumps({**values, **missing_keys}))
    return folder


def test_the_published_pretraining_checkpoint_loads(tmp_path, caplog):
    """As squeezebert-uncased: .bin, fp16, masked-LM and sentence-order heads, tied decoder, position_ids."""
    theirs = theirs_for("SqueezeBertForMaskedLM", layer_norm_eps=1e-12)
    state = {k: v.half() for k, v in theirs.state_dict().items() if not k.endswith("decoder.bias")}
    state["transformer.embeddings.position_ids"] = torch.arange(17)[None]
    state["cls.seq_relationship.weight"] = torch.randn(2, 24).half()
    state["cls.seq_relationship.bias"] = torch.randn(2).half()
    save_bin(tmp_path, state, tiny_config())
    theirs.load_state_dict(
        {k: v.float() for k, v in state.items() if "seq_rel" not in k and "position_ids" not in k},
        strict=False,
    )
    ours = SqueezeBertForPreTraining.from_pretrained(tmp_path)
    assert caplog.text == ""
    assert ours.dtype == torch.float32
    inputs = random_inputs()
    output = ours(**inputs)
    torch.testing.assert_close(output.prediction_logits, theirs(**inputs).logits, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.cls.seq_relationship.weight, state["cls.seq_relationship.weight"].float())
    for cls in (SqueezeBertForMaskedLM, SqueezeBertModel):
        again = cls.from_pretrained(tmp_path)
        torch.testing.assert_close(again.get_input_embeddings().weight, ours.get_input_embeddings().weight)
    assert caplog.text == ""


def test_the_published_classifier_loads(tmp_path, caplog):
    """As squeezebert-mnli: .bin, fp32, a 3-way classifier, ``num_labels`` in place of label names."""
    theirs = theirs_for("SqueezeBertForSequenceClassification", num_labels=3, layer_norm_eps=1e-12)
    config = tiny_config(id2label={0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"})
    save_bin(tmp_path, theirs.state_dict(), config)
    values = json.loads((tmp_path / "config.json").read_text())
    del values["id2label"], values["label2id"]
    (tmp_path / "config.json").write_text(json.dumps({**values, "num_labels": 3}))
    ours = SqueezeBertForSequenceClassification.from_pretrained(tmp_path)
    inputs = random_inputs()
    torch.testing.assert_close(ours(**inputs).logits, theirs(**inputs).logits, rtol=1e-5, atol=1e-5)
    named = SqueezeBertForSequenceClassification.from_pretrained(tmp_path, labels=["a", "b", "c"])
    assert named.config.id2label == {0: "a", 1: "b", 2: "c"}
    assert torch.equal(named(**inputs).logits, ours(**inputs).logits)
    counted = SqueezeBertForSequenceClassification.from_pretrained(tmp_path, num_labels=3)
    assert counted.config.id2label == ours.config.id2label
    assert caplog.text == ""
    with pytest.raises(OptionError, match="give either labels or num_labels"):
        SqueezeBertForSequenceClassification.from_pretrained(tmp_path, num_labels=2, labels=["a", "b"])
    fresh = SqueezeBertForSequenceClassification.from_pretrained(
        tmp_path, num_labels=5, ignore_mismatched_sizes=True
    )
    assert fresh(**inputs).logits.shape[-1] == 5


@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_a_headless_checkpoint_loads_and_says_once_what_starts_fresh(prefix, tmp_path, caplog):
    """As squeezebert-mnli-headless: neither pooler nor classifier."""
    theirs = theirs_for("SqueezeBertModel", layer_norm_eps=1e-12)
    state = {prefix + k: v for k, v in theirs.state_dict().items() if "pooler" not in k}
    save_bin(tmp_path, state, tiny_config())
    inputs = random_inputs()
    expected = theirs(**inputs).last_hidden_state
    ours = SqueezeBertModel.from_pretrained(tmp_path)
    torch.testing.assert_close(ours(**inputs).last_hidden_state, expected, rtol=1e-5, atol=1e-5)
    caplog.clear()
    ours = SqueezeBertForSequenceClassification.from_pretrained(tmp_path, labels=["x", "y", "z"])
    torch.testing.assert_close(ours.transformer(**inputs)[0], expected, rtol=1e-5, atol=1e-5)
    assert ours.classifier.weight.shape == (3, 24)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "has no transformer.pooler, classifier; starting with random weights" in record.getMessage()


def test_another_number_of_labels_is_an_error_with_a_remedy(tmp_path, caplog):
    theirs_for("SqueezeBertForSequenceClassification", num_labels=3).save_pretrained(tmp_path)
    wrong = r"wrong shape classifier.weight \[3, 24\] instead of \[2, 24\].*ignore_mismatched_sizes=True"
    with pytest.raises(CheckpointError, match=wrong):
        SqueezeBertForTokenClassification.from_pretrained(tmp_path, labels=["O", "B"])
    with pytest.raises(CheckpointError, match=r"classifier.weight \[3, 24\] instead of \[1, 24\]"):
        SqueezeBertForMultipleChoice.from_pretrained(tmp_path)
    ours = SqueezeBertForTokenClassification.from_pretrained(
        tmp_path, labels=["O", "B"], ignore_mismatched_sizes=True
    )
    assert ours.classifier.weight.shape == (2, 24)
    assert "has no classifier" in caplog.text


def test_a_given_config_replaces_the_checkpoints(tmp_path):
    ours = randomised(SqueezeBertModel(tiny_config()))
    ours.save_pretrained(tmp_path)
    config = SqueezeBertConfig.from_pretrained(tmp_path).replace(hidden_dropout_prob=0.5)
    again = SqueezeBertModel.from_pretrained(tmp_path, config=config)
    assert again.embeddings.dropout.p == 0.5
    with pytest.raises(CheckpointError, match=r"layers\.1.*unexpected|unexpected.*layers\.1"):
        SqueezeBertModel.from_pretrained(tmp_path, config=config.replace(num_hidden_layers=1))
    with pytest.raises(CheckpointError, match=r"missing transformer\.encoder\.layers\.2"):
        SqueezeBertModel.from_pretrained(tmp_path, config=config.replace(num_hidden_layers=3))
    with pytest.raises(CheckpointError, match=r"query.weight \[24, 6, 1\] instead of \[24, 12, 1\]"):
        SqueezeBertModel.from_pretrained(tmp_path, config=config.replace(q_groups=2))


def test_an_untied_decoder_is_refused_where_it_would_be_used(tmp_path):
    theirs = theirs_for("SqueezeBertForMaskedLM", tie_word_embeddings=False)
    theirs.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"decoder\.weight.*; its output embeddings are not tied"):
        SqueezeBertForMaskedLM.from_pretrained(tmp_path)
    SqueezeBertModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_other_types_can_be_asked_for_and_saved(dtype, tmp_path):
    ours = randomised(SqueezeBertForMaskedLM(tiny_config()))
    ours.save_pretrained(tmp_path)
    half = SqueezeBertForMaskedLM.from_pretrained(tmp_path, dtype=dtype)
    assert {p.dtype for p in half.parameters()} == {dtype}
    half.save_pretrained(tmp_path)
    again = SqueezeBertForMaskedLM.from_pretrained(tmp_path)
    for name, parameter in again.named_parameters():
        assert torch.equal(parameter, ours.get_parameter(name).to(dtype).float())


@pytest.mark.parametrize(
    "arguments",
    [
        {"dtype": "float16"},
        {"dtype": "auto"},
        {"dtype": torch.bfloat16},
        {"torch_dtype": torch.float16},
        {"torch_dtype": "auto"},
        {"dtype": "float32", "torch_dtype": "auto"},
    ],
)
def test_types_are_named_as_for_transformers(arguments, tmp_path):
    randomised(SqueezeBertModel(tiny_config())).save_pretrained(tmp_path, dtype="float16")
    theirs = transformers.SqueezeBertModel.from_pretrained(tmp_path, **arguments)
    assert SqueezeBertModel.from_pretrained(tmp_path, **arguments).dtype == theirs.dtype


@pytest.mark.parametrize("dtype", ["int8", "half precision", "nn", 16])
def test_a_type_that_is_none_of_floats_is_refused(dtype, tmp_path):
    randomised(SqueezeBertModel(tiny_config())).save_pretrained(tmp_path)
    with pytest.raises(OptionError, match=r"dtype .* is neither a type of floats"):
        SqueezeBertModel.from_pretrained(tmp_path, dtype=dtype)


def test_keys_of_the_config_are_arguments_of_loading(tmp_path):
    theirs_for("SqueezeBertForSequenceClassification").save_pretrained(tmp_path)
    names = {0: "a", 1: "b", 2: "c", 3: "d", 4: "e"}
    changes = {
        "id2label": names,
        "label2id": {name: index for index, name in names.items()},
        "problem_type": "multi_label_classification",
        "output_hidden_states": True,
        "hidden_dropout_prob": 0.5,
    }
    theirs = transformers.SqueezeBertForSequenceClassification.from_pretrained(tmp_path, **changes)
    ours = SqueezeBertForSequenceClassification.from_pretrained(tmp_path, **changes)
    assert ours.config.id2label == theirs.config.id2label == names
    assert ours.config.problem_type == theirs.config.problem_type
    assert ours.dropout.p == theirs.dropout.p == 0.5
    inputs = {**random_inputs(), "labels": torch.rand(13, 5)}
    mine, other = ours(**inputs), theirs(**inputs)
    assert list(mine.keys()) == list(other.keys())
    torch.testing.assert_close(mine.loss, other.loss, rtol=1e-5, atol=1e-5)
    with pytest.raises(OptionError, match="give either labels or id2label"):
        SqueezeBertForSequenceClassification.from_pretrained(tmp_path, labels=["a"], id2label={0: "a"})
    with pytest.raises(OptionError, match=r"hidden_dropout is no key .*nearest: 'hidden_dropout_prob'"):
        SqueezeBertForSequenceClassification.from_pretrained(tmp_path, hidden_dropout=0.1)


@pytest.mark.parametrize("padding", [None, -1])
def test_a_checkpoint_without_a_padding_id_gives_what_transformers_gives(padding, tmp_path):
    theirs = theirs_for("SqueezeBertForMaskedLM", pad_token_id=padding)
    theirs.save_pretrained(tmp_path)
    ours = SqueezeBertForMaskedLM.from_pretrained(tmp_path)
    inputs = random_inputs()
    torch.testing.assert_close(ours(**inputs).logits, theirs(**inputs).logits, rtol=1e-5, atol=1e-5)


def test_safetensors_are_what_is_saved_and_may_be_asked_for(tmp_path):
    model = SqueezeBertModel(tiny_config())
    model.save_pretrained(tmp_path, safe_serialization=True)
    with pytest.raises(OptionError, match="safe_serialization False: safetensors is all that is written"):
        model.save_pretrained(tmp_path, safe_serialization=False)


def test_averaged_and_wrapped_weights_are_saved_under_published_names(tmp_path):
    ours = randomised(SqueezeBertForMaskedLM(tiny_config()))
    average = torch.optim.swa_utils.AveragedModel(ours)
    state = {k: v * 2 for k, v in average.state_dict().items() if k != "n_averaged"}
    assert all(name.startswith("module.") for name in state)
    ours.save_pretrained(tmp_path, state_dict=state)
    again = SqueezeBertForMaskedLM.from_pretrained(tmp_path)
    assert torch.equal(again.cls.predictions.bias, ours.cls.predictions.bias * 2)


def test_int8_and_a_shared_base_give_a_model_that_saves_whole(tmp_path):
    base, head, whole = tmp_path / "m", tmp_path / "m" / "head", tmp_path / "whole"
    trunk = randomised(SqueezeBertModel(tiny_config()))
    trunk.save_pretrained(base, dtype="int8")
    model = SqueezeBertForSequenceClassification.from_pretrained(base, labels=["no", "yes"])
    with torch.no_grad():
        model.transformer.encoder.layers[1].output.conv1d.weight += 0.1
    model.save_pretrained(head, dtype="int8", base=base)
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (base, head)]
    assert sizes[1] < sizes[0] * 0.4
    loaded = SqueezeBertForSequenceClassification.from_pretrained(head)
    assert "base_checkpoint" not in loaded.config.extra
    assert loaded.config.id2label == {0: "no", 1: "yes"}
    assert torch.equal(loaded.get_input_embeddings().weight, model.get_input_embeddings().weight)
    inputs = random_inputs()
    torch.testing.assert_close(loaded(**inputs).logits, model(**inputs).logits, rtol=0.05, atol=0.05)
    loaded.save_pretrained(whole)
    again = SqueezeBertForSequenceClassification.from_pretrained(whole)
    assert torch.equal(again(**inputs).logits, loaded(**inputs).logits)

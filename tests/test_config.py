"""What a config accepts, refuses, keeps and writes."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squeezebert.config import GROUP_KEYS, LABEL_KEYS, SqueezeBertConfig
from squeezebert.errors import CheckpointError, ConfigError, OptionError


def test_the_defaults_are_those_of_the_public_implementation():
    transformers = pytest.importorskip("transformers")
    theirs = transformers.SqueezeBertConfig()
    for item in dataclasses.fields(SqueezeBertConfig):
        if item.name not in ("extra", "architectures"):
            mine = getattr(SqueezeBertConfig(), item.name)
            expected = getattr(theirs, item.name)
            assert (dict(mine) if item.name == "id2label" else mine) == expected, item.name
    assert SqueezeBertConfig().num_labels == theirs.num_labels
    assert SqueezeBertConfig().label2id == theirs.label2id


def test_transformers_reads_what_we_write_and_we_what_it_writes(tmp_path):
    transformers = pytest.importorskip("transformers")
    mine = SqueezeBertConfig(hidden_size=48, embedding_size=48, q_groups=2, vocab_size=101).with_labels(
        ["no", "yes", "maybe"]
    )
    mine.save_pretrained(save_directory=tmp_path / "ours")
    theirs = transformers.AutoConfig.from_pretrained(tmp_path / "ours")
    assert type(theirs) is transformers.SqueezeBertConfig
    assert theirs.id2label == {0: "no", 1: "yes", 2: "maybe"}
    theirs.save_pretrained(tmp_path / "theirs")
    again = SqueezeBertConfig.from_pretrained(tmp_path / "theirs")
    assert again.replace(extra={}) == mine
    assert again.extra["transformers_version"] == transformers.__version__


def test_the_published_config_of_20_keys_is_read():
    published = {
        "attention_probs_dropout_prob": 0.1, "embedding_size": 768, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02,
        "intermediate_groups": 4, "intermediate_size": 3072, "k_groups": 4,
        "max_position_embeddings": 512, "model_type": "squeezebert", "num_attention_heads": 12,
        "num_hidden_layers": 12, "num_labels": 3, "output_groups": 4, "post_attention_groups": 1,
        "q_groups": 4, "type_vocab_size": 2, "v_groups": 4, "vocab_size": 30528,
    }  # fmt: skip
    config = SqueezeBertConfig.from_dict(published)
    assert config == SqueezeBertConfig(vocab_size=30528).with_labels(["LABEL_0", "LABEL_1", "LABEL_2"])
    assert config.layer_norm_eps == 1e-12
    assert config.head_size == 64


def test_a_bert_config_has_one_group_everywhere():
    config = SqueezeBertConfig.from_dict(
        {"model_type": "bert", "hidden_size": 384, "intermediate_size": 1536, "use_cache": True}
    )
    assert [getattr(config, key) for key in GROUP_KEYS] == [1] * 6
    assert config.embedding_size == 384
    assert config.extra == {"use_cache": True}
    assert config.to_dict()["model_type"] == "squeezebert"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_size": 768.0}, "hidden_size 768.0 is not an integer"),
        ({"hidden_size": "768"}, "hidden_size '768' is not an integer"),
        ({"num_hidden_layers": True}, "num_hidden_layers True is not an integer"),
        ({"num_hidden_layers": 0}, "num_hidden_layers 0 is not positive"),
        ({"vocab_size": -1}, "vocab_size -1 is not positive"),
        ({"q_groups": 0}, "q_groups 0 is not positive"),
        ({"hidden_dropout_prob": 1.0}, r"hidden_dropout_prob 1.0 is not in \[0, 1\)"),
        ({"attention_probs_dropout_prob": -0.1}, "attention_probs_dropout_prob -0.1 is not in"),
        ({"hidden_dropout_prob": float("nan")}, "hidden_dropout_prob nan is not in"),
        ({"layer_norm_eps": 0}, "layer_norm_eps 0 is not positive"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps nan is not positive"),
        ({"initializer_range": None}, "initializer_range None is not a number"),
        ({"layer_norm_eps": 10**400}, "layer_norm_eps is more than 1.0"),
        ({"initializer_range": float("inf")}, "initializer_range is more than 1e[+]30"),
        ({"pad_token_id": 30522}, r"pad_token_id 30522 is not in \[0, vocab_size 30522\)"),
        ({"hidden_act": "swish"}, "hidden_act 'swish' is not one of gelu, gelu_new, relu"),
        ({"problem_type": "ranking"}, "problem_type 'ranking' is not one of"),
        ({"num_attention_heads": 7}, "hidden_size 768 is not divisible by num_attention_heads 7"),
        ({"embedding_size": 128}, "embedding_size 128 differs from hidden_size 768"),
        ({"k_groups": 5}, "hidden_size 768 is not divisible by k_groups 5"),
        ({"intermediate_size": 3000, "output_groups": 16}, "intermediate_size 3000 is not divisible by"),
        ({"model_type": "roberta"}, "model_type 'roberta' is not supported"),
        ({"model_type": "bert", "position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"model_type": "bert", "is_decoder": True}, "is_decoder True is not supported"),
        ({"model_type": "bert", "layer_norm_eps": 1e-5}, "layer_norm_eps 1e-05 of a BERT is not supported"),
        ({"num_labels": 0}, "num_labels 0 is not a positive integer"),
        ({"num_labels": 10**9}, "num_labels 1000000000 is more than 1000000"),
        ({"num_labels": 3, "id2label": {"0": "a"}}, "num_labels 3 contradicts id2label"),
        ({"id2label": ["a"]}, "id2label .* is not an object"),
        ({"label2id": {"a": 0, "b": 0}}, r"two labels have the same index: \[0, 0\]"),
        ({"label2id": {"a": [0]}}, "id2label has a key that is not an integer"),
        ({"id2label": {"x": "a"}}, "id2label has a key that is not an integer"),
        ({"id2label": {"0": "a", "2": "b"}}, r"id2label has the indices \[0, 2\]"),
        ({"id2label": {}}, r"id2label has the indices \[\]"),
        ({"id2label": {"0": "a", "1": "a"}}, "id2label names a label twice"),
        ({"id2label": {"0": 1.5}}, r"id2label\[0\] 1.5 is not a string"),
        ({"id2label": {"0": []}, "label2id": {"a": 0}}, r"id2label\[0\] \[\] is not a string"),
        ({"architectures": 7}, "architectures 7 is not a list"),
        ({"architectures": "SqueezeBertModel"}, "architectures 'SqueezeBertModel' is not a list"),
    ],
)
def test_each_wrong_value_is_named_with_its_rule(values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        SqueezeBertConfig.from_dict(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"id2label": {"0": "neg", "1": "pos"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}},
        {"id2label": {"0": "a", "1": "b"}, "label2id": {"a": "0", "b": "1"}},
        {"id2label": {"0": 4, "1": 5}},
        {"num_labels": 3, "id2label": {"0": "LABEL_0", "1": "LABEL_1"}},
        {"num_labels": 3, "id2label": None, "label2id": None},
    ],
)
def test_labels_are_those_that_transformers_reads(values):
    """``id2label`` decides, numbers may be labels, and labels without names make way for ``num_labels``."""
    theirs = pytest.importorskip("transformers").SqueezeBertConfig(**values)
    ours = SqueezeBertConfig.from_dict(values)
    assert ours.id2label == {index: str(label) for index, label in theirs.id2label.items()}
    assert ours.num_labels == theirs.num_labels


def test_the_constructor_takes_what_files_and_arrays_hold():
    config = SqueezeBertConfig(id2label={"1": "b", "0": "a"}, hidden_dropout_prob=np.float32(0.5))
    assert dict(config.id2label) == {0: "a", 1: "b"}
    assert json.loads(json.dumps(config.to_dict()))["hidden_dropout_prob"] == 0.5
    assert SqueezeBertConfig(id2label=None, num_labels=3).num_labels == 3


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="file: cannot be made"):
        SqueezeBertConfig().save_pretrained(tmp_path / "file")


def test_labels_without_id2label_may_have_their_numbers_as_strings():
    assert SqueezeBertConfig.from_dict({"label2id": {"b": "1", "a": "0"}}).id2label == {0: "a", 1: "b"}


@pytest.mark.parametrize("padding", [None, -1])
def test_no_padding_id_is_read_as_zero(padding):
    assert SqueezeBertConfig.from_dict({"pad_token_id": padding}).pad_token_id == 0


def test_the_number_of_labels_may_be_all_that_is_given():
    theirs = pytest.importorskip("transformers").SqueezeBertConfig(num_labels=3)
    ours = SqueezeBertConfig(num_labels=3)
    assert (ours.num_labels, ours.id2label, ours.label2id) == (3, theirs.id2label, theirs.label2id)
    assert "num_labels" not in ours.to_dict()
    assert ours.with_labels(["a", "b"]).num_labels == 2
    with pytest.raises(ConfigError, match="num_labels 3 contradicts id2label, which has 1 labels"):
        SqueezeBertConfig(num_labels=3, id2label={0: "a"})


@pytest.mark.parametrize(
    "changes",
    [
        {"num_labels": 2},
        {"num_labels": 3},
        {"num_labels": None, "id2label": None, "label2id": None},
        {"id2label": {0: "x", 1: "y", 2: "z"}, "label2id": {"x": 0, "y": 1, "z": 2}, "num_labels": 3},
        {"id2label": {0: "x", 1: "y"}, "problem_type": "multi_label_classification"},
        {"hidden_dropout_prob": 0.5, "output_hidden_states": True},
    ],
)
def test_keys_change_as_with_transformers(changes, tmp_path):
    transformers = pytest.importorskip("transformers")
    SqueezeBertConfig().with_labels(["no", "yes"]).save_pretrained(tmp_path)
    # There, None for labels is an error.
    given = {key: value for key, value in changes.items() if value is not None}
    theirs = transformers.SqueezeBertConfig.from_pretrained(tmp_path, **given).to_dict()
    ours = json.loads(json.dumps(SqueezeBertConfig.from_pretrained(tmp_path, **changes).to_dict()))
    for key in {*ours, *changes} - {*LABEL_KEYS, "architectures"}:
        assert ours[key] == theirs[key], key
    assert ours["id2label"] == {str(index): label for index, label in theirs["id2label"].items()}


def test_another_number_of_labels_is_another_problem():
    config = SqueezeBertConfig().with_labels(["price"], "regression")
    assert config.with_keys(id2label={0: "cost"}).problem_type == "regression"
    assert config.with_keys(num_labels=3).problem_type is None


def test_a_key_that_there_is_not_is_named_with_the_nearest():
    with pytest.raises(OptionError, match=r"num_label is no key of the config \(nearest: 'num_labels'\)"):
        SqueezeBertConfig().with_keys(num_label=3)


def test_sizes_may_be_numbers_of_numpy(tmp_path):
    config = SqueezeBertConfig(vocab_size=np.int64(101), num_labels=np.int32(3))
    config.save_pretrained(tmp_path)
    assert SqueezeBertConfig.from_pretrained(tmp_path) == config
    assert type(config.vocab_size) is int


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=7),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=7), inner, max_size=3),
    max_leaves=7,
)
KEYS = [item.name for item in dataclasses.fields(SqueezeBertConfig)] + [
    "label2id",
    "model_type",
]


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=7), JSON, max_size=5))
def test_any_object_is_read_or_refused_by_name(values):
    try:
        config = SqueezeBertConfig.from_dict(values)
    except ConfigError:
        return
    again = SqueezeBertConfig.from_dict(config.to_dict())
    # As text, in which NaN equals NaN.
    assert json.dumps(again.to_dict()) == json.dumps(config.to_dict())


def test_unknown_keys_survive_a_round_trip(tmp_path):
    extra = {"custom": {"a": [1, None, "ü"]}, "id": 7}
    config = SqueezeBertConfig.from_dict({"vocab_size": 99, **extra})
    config.save_pretrained(tmp_path)
    assert SqueezeBertConfig.from_pretrained(tmp_path) == config
    assert json.loads((tmp_path / "config.json").read_text())["custom"] == extra["custom"]


def test_configs_are_frozen_values():
    labels = {0: "a", 1: "b"}
    config = SqueezeBertConfig(id2label=labels)
    labels[2] = "c"
    assert config.num_labels == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.vocab_size = 1
    with pytest.raises(TypeError):
        config.id2label[0] = "z"
    assert config.replace(vocab_size=99).vocab_size == 99
    assert config.vocab_size == 30522
    for twin in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert twin == config
    with pytest.raises(ConfigError, match="wrong is not a field"):
        config.replace(wrong=1)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"vocab_size": 0}', 100_000 * b"["], ids=range(6)
)
def test_a_broken_file_is_named(content, tmp_path):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        SqueezeBertConfig.from_json_file(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_folder_and_file_are_named(tmp_path):
    with pytest.raises(CheckpointError, match="no such folder"):
        SqueezeBertConfig.from_pretrained(tmp_path / "missing")
    with pytest.raises(ConfigError, match=r"config\.json: cannot be read"):
        SqueezeBertConfig.from_pretrained(tmp_path)

"""Foreign names become the published ones."""

from __future__ import annotations

import numpy as np
import pytest

from squeezebert.checkpoints.names import published_name, to_published
from squeezebert.errors import CheckpointError

LAYER = "transformer.encoder.layers.11."


@pytest.mark.parametrize(
    ("foreign", "published"),
    [
        ("bert.embeddings.word_embeddings.weight", "transformer.embeddings.word_embeddings.weight"),
        ("embeddings.LayerNorm.gamma", "transformer.embeddings.LayerNorm.weight"),
        ("bert.embeddings.LayerNorm.beta", "transformer.embeddings.LayerNorm.bias"),
        ("bert.encoder.layer.11.attention.self.query.weight", LAYER + "attention.query.weight"),
        ("encoder.layer.11.attention.self.value.bias", LAYER + "attention.value.bias"),
        ("bert.encoder.layer.11.attention.output.dense.weight", LAYER + "post_attention.conv1d.weight"),
        ("bert.encoder.layer.11.attention.output.LayerNorm.gamma", LAYER + "post_attention.layernorm.weight"),
        ("bert.encoder.layer.11.intermediate.dense.bias", LAYER + "intermediate.conv1d.bias"),
        ("bert.encoder.layer.11.output.dense.weight", LAYER + "output.conv1d.weight"),
        ("bert.encoder.layer.11.output.LayerNorm.beta", LAYER + "output.layernorm.bias"),
        ("bert.pooler.dense.weight", "transformer.pooler.dense.weight"),
        ("pooler.dense.bias", "transformer.pooler.dense.bias"),
        ("cls.predictions.transform.LayerNorm.gamma", "cls.predictions.transform.LayerNorm.weight"),
        ("cls.predictions.transform.dense.weight", "cls.predictions.transform.dense.weight"),
        ("cls.seq_relationship.bias", "cls.seq_relationship.bias"),
        ("qa_outputs.weight", "qa_outputs.weight"),
        ("module.bert.encoder.layer.11.output.dense.bias", LAYER + "output.conv1d.bias"),
        ("_orig_mod.transformer.pooler.dense.bias", "transformer.pooler.dense.bias"),
        ("transformer._orig_mod.pooler.dense.bias", "transformer.pooler.dense.bias"),
        ("module._orig_mod.classifier.weight", "classifier.weight"),
        (LAYER + "output.layernorm.weight", LAYER + "output.layernorm.weight"),
        ("encoder.layers.11.output.conv1d.weight", LAYER + "output.conv1d.weight"),
    ],
)
def test_each_name_of_the_table(foreign, published):
    assert published_name(foreign) == published
    assert published_name(published) == published


def test_linear_layers_of_blocks_become_convolutions_and_no_others():
    arrays = {
        "encoder.layer.0.attention.self.key.weight": np.ones((4, 4), np.float32),
        "encoder.layer.0.intermediate.dense.weight": np.ones((7, 4), np.float32),
        "encoder.layer.0.intermediate.dense.bias": np.ones(7, np.float32),
        "pooler.dense.weight": np.ones((4, 4), np.float32),
    }
    shapes = {name: array.shape for name, array in to_published(arrays, "here").items()}
    assert shapes == {
        "transformer.encoder.layers.0.attention.key.weight": (4, 4, 1),
        "transformer.encoder.layers.0.intermediate.conv1d.weight": (7, 4, 1),
        "transformer.encoder.layers.0.intermediate.conv1d.bias": (7,),
        "transformer.pooler.dense.weight": (4, 4),
    }


def test_two_tensors_of_one_name_are_refused():
    arrays = {"bert.pooler.dense.bias": np.ones(2), "pooler.dense.bias": np.ones(2)}
    with pytest.raises(CheckpointError, match=r"here: holds transformer\.pooler\.dense\.bias twice"):
        to_published(arrays, "here")


def test_copies_of_tied_tensors_are_left_out():
    words, bias = np.ones((3, 2), np.float32), np.zeros(3, np.float32)
    full = {
        "bert.embeddings.word_embeddings.weight": words,
        "cls.predictions.bias": bias,
        "cls.predictions.decoder.weight": words + 1,
        "cls.predictions.decoder.bias": bias,
    }
    kept = {"transformer.embeddings.word_embeddings.weight", "cls.predictions.bias"}
    assert set(to_published(full, "here")) == kept
    assert set(to_published(full, "here", tied=False)) == kept | {"cls.predictions.decoder.weight"}
    full["cls.predictions.decoder.weight"] = words.copy()
    assert set(to_published(full, "here", tied=False)) == kept


def test_a_copy_without_its_original_takes_its_place():
    renamed = to_published({"cls.predictions.decoder.bias": np.ones(3, np.float32)}, "here")
    assert list(renamed) == ["cls.predictions.bias"]

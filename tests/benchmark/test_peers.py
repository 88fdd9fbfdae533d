"""Peers compute the network that they are measured on, and the cache gives back what was built."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from squeezebert.benchmark.models import MODELS, Model
from squeezebert.benchmark.peers import CEILINGS, PEERS
from squeezebert.benchmark.peers.base import Job, padded, timed
from squeezebert.benchmark.peers.ours import random_arrays
from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import MissingExtraError, OptionError
from tests.benchmark.fakes import TINY, TINY_SQUEEZEBERT
from tests.benchmark.test_results import conditions

IDS = [[2, 13, 17, 19, 3], [2, 5, 3]]

SQUEEZEBERT = Model("tiny", "Tiny", "tiny", "squeezebert", sizes=TINY_SQUEEZEBERT)
MATMUL = Model("tiny-matmul", "Tiny", "tiny", "squeezebert", library="squeezebert", sizes=TINY_SQUEEZEBERT)
BERT = Model("tiny-bert", "Tiny", "tiny", "bert", sizes={**TINY, "vocab_size": 97})


def job(model: Model, cache: Path) -> Job:
    return Job(model, threads=1, cache=cache)


def loader(name: str) -> Callable[[Job], Any]:
    module, _, function = {**PEERS, **CEILINGS}[name].loader.partition(":")
    found: Callable[[Job], Any] = getattr(importlib.import_module(module), function)
    return found


def test_padding() -> None:
    input_ids, mask = padded(IDS)
    assert input_ids.tolist() == [[2, 13, 17, 19, 3], [2, 5, 3, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]


def test_milliseconds_are_measured() -> None:
    import time

    assert 20 <= timed(lambda: time.sleep(0.02))() < 2000


def test_the_cache_builds_once_and_nothing_by_halves(tmp_path: Path) -> None:
    built: list[Path] = []

    def build(folder: Path) -> None:
        built.append(folder)
        (folder / "file").write_text("done")

    def interrupt(folder: Path) -> None:
        (folder / "file").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job(BERT, tmp_path).built("x", interrupt)
    assert list(tmp_path.iterdir()) == []
    first = job(BERT, tmp_path).built("x", build)
    assert (first / "file").read_text() == "done"
    assert job(BERT, tmp_path).built("x", build) == first
    assert job(SQUEEZEBERT, tmp_path).built("x", build) != first
    assert len(built) == 2


@pytest.mark.parametrize("name", [name for name, peer in PEERS.items() if peer.family == "squeezebert"])
def test_our_engine_measures_ragged_texts(name: str, tmp_path: Path) -> None:
    assert loader(name)(job(SQUEEZEBERT, tmp_path))(IDS)() > 0


def test_our_engine_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="does not run a mobilebert"):
        loader("squeezebert-int8")(job(MODELS["mobilebert"], tmp_path))


def test_random_weights_are_those_a_network_starts_with() -> None:
    from squeezebert.modeling import SqueezeBertModel

    config = SqueezeBertConfig.from_dict(TINY_SQUEEZEBERT)
    arrays = random_arrays(config)
    expected = {f"transformer.{k}": tuple(v.shape) for k, v in SqueezeBertModel(config).state_dict().items()}
    there = {name: array.shape for name, array in arrays.items()}
    assert there == {name: shape for name, shape in expected.items() if ".pooler." not in name}
    assert {array.dtype for array in arrays.values()} == {np.dtype("float32")}
    weight = arrays["transformer.embeddings.word_embeddings.weight"]
    assert weight.std() == pytest.approx(0.02, rel=0.1)
    assert (arrays["transformer.encoder.layers.0.output.layernorm.weight"] == 1).all()


@pytest.mark.parametrize("model", [SQUEEZEBERT, MATMUL, BERT], ids=lambda model: model.name)
def test_torch_measures(model: Model, tmp_path: Path) -> None:
    assert loader("torch-eager")(job(model, tmp_path))(IDS)() > 0


def test_the_rewritten_network_is_the_published_one() -> None:
    """Batched matrix products in place of convolutions change nothing but the time."""
    import torch

    from squeezebert.benchmark.peers.networks import build

    published, rewritten = build(SQUEEZEBERT), build(MATMUL)
    rewritten.load_state_dict(published.state_dict())
    inputs = tuple(map(torch.from_numpy, padded(IDS)))
    with torch.no_grad():
        expected, got = published(*inputs), rewritten(*inputs)
    assert torch.allclose(expected[inputs[1] == 1], got[inputs[1] == 1], atol=1e-5)


@pytest.mark.parametrize("model", [SQUEEZEBERT, MATMUL, BERT], ids=lambda model: model.name)
def test_exports_compute_the_network_at_other_sizes(model: Model, tmp_path: Path) -> None:
    """Sizes are traced at export; another batch and length must not be those of the example."""
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    import torch

    from squeezebert.benchmark.peers.exporting import INPUTS, onnx_path
    from squeezebert.benchmark.peers.networks import build

    session = runtime.InferenceSession(onnx_path(job(model, tmp_path)), providers=["CPUExecutionProvider"])
    network = build(model)
    for ids in (IDS, [list(range(3, 40))]):
        inputs = padded(ids)
        (got,) = session.run(None, dict(zip(INPUTS, inputs, strict=True)))
        with torch.no_grad():
            expected = network(*map(torch.from_numpy, inputs)).numpy()
        kept = inputs[1] == 1
        assert np.abs(got - expected)[kept].max() < 1e-5


@pytest.mark.parametrize("name", ["onnxruntime-fp32", "onnxruntime-int8", "openvino-fp32", "openvino-bf16"])
@pytest.mark.parametrize("model", [SQUEEZEBERT, MATMUL], ids=lambda model: model.name)
def test_runtimes_measure(name: str, model: Model, tmp_path: Path) -> None:
    for module in PEERS[name].requires:
        pytest.importorskip(module)
    if name == "openvino-bf16" and not has_bf16():
        with pytest.raises(OptionError, match="no bf16 products"):
            loader(name)(job(model, tmp_path))
        return
    assert loader(name)(job(model, tmp_path))(IDS)() > 0


def has_bf16() -> bool:
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.mark.long
@pytest.mark.parametrize("name", ["openvino-int8", "torch-compile"])
def test_slow_runtimes_measure(name: str, tmp_path: Path) -> None:
    for module in PEERS[name].requires:
        pytest.importorskip(module)
    assert loader(name)(job(MATMUL, tmp_path))(IDS)() > 0


@pytest.mark.parametrize("name", ["ceiling-fp32", "ceiling-int8"])
def test_ceilings_are_billions_of_operations(name: str, tmp_path: Path) -> None:
    assert 0.1 < loader(name)(job(SQUEEZEBERT, tmp_path))([])() < 1e6


def test_fp32_is_a_ceiling_however_busy_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch, "mm", lambda a, b: time.sleep(0.05))
    assert loader("ceiling-fp32")(job(SQUEEZEBERT, tmp_path))([])() > 0


def test_what_torch_emulates_is_no_ceiling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take minutes and say nothing about the processor."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch, "_int_mm", lambda a, b: time.sleep(0.1))
    with pytest.raises(OptionError, match="emulates products of int8"):
        loader("ceiling-int8-gemm")(job(SQUEEZEBERT, tmp_path))


def test_a_chart_shows_the_fastest_of_each_runtime(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from squeezebert.benchmark.chart import draw, fastest
    from squeezebert.benchmark.results import Results

    def row(runtime: str, peer: str, model: str, median: float) -> dict[str, Any]:
        return {
            "runtime": runtime, "peer": peer, "title": peer, "model": model, "median": median,
            "work": "1x32", "ratio": None,
        }  # fmt: skip

    rows = [
        row("squeezebert", "squeezebert-fp32", "squeezebert", 9.0),
        row("squeezebert", "squeezebert-int8", "squeezebert", 3.0),
        row("openvino", "openvino-fp32", "squeezebert", 14.0),
        row("openvino", "openvino-int8", "squeezebert-matmul", 7.0),
        row("torch", "torch-eager", "bert-base", 70.0),
        row("openvino", "openvino-int8", "bert-base", 13.0),
        row("squeezebert", "squeezebert-int8", "bert-base", 11.0),
    ]
    assert [shown["median"] for shown in fastest(rows)] == [3.0, 7.0, 9.0, 11.0, 13.0]
    results = Results.empty(conditions())
    results.fields["rows"] = rows
    draw(results, tmp_path / "chart.svg")
    assert (tmp_path / "chart.svg").read_text().startswith("<?xml")
    draw(results, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_row_there_is_nothing_to_draw(tmp_path: Path) -> None:
    from squeezebert.benchmark.chart import draw
    from squeezebert.benchmark.results import Results

    results = Results.empty(conditions())
    with pytest.raises(OptionError, match=r"chart\.svg: there is nothing to draw, because"):
        draw(results, tmp_path / "chart.svg")
    assert not (tmp_path / "chart.svg").exists()


def test_a_chart_is_refused_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    from squeezebert.benchmark.chart import check_chart

    with pytest.raises(OptionError, match=r"chart\.pdf"):
        check_chart(Path("chart.pdf"))
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"squeezebert\[plots\]"):
        check_chart(Path("chart.png"))

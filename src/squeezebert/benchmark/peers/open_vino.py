"""OpenVINO, in fp32, in bf16, and in int8 as NNCF quantises it after training."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openvino

from squeezebert.benchmark.models import VOCABULARY
from squeezebert.benchmark.peers.base import Job, Measure, Prepare, padded, timed
from squeezebert.benchmark.peers.exporting import INPUTS, onnx_path
from squeezebert.benchmark.workloads import Ids
from squeezebert.errors import OptionError

_HINT = "INFERENCE_PRECISION_HINT"
_FILE = "model.xml"
_CALIBRATION_TEXTS, _CALIBRATION_TOKENS, _SEED = 16, 128, 13


def load_fp32(job: Job) -> Prepare:
    """All of it in fp32; without the hint the CPU plugin would take bf16 where the processor has it."""
    return _prepare(job, onnx_path(job), {_HINT: "f32"})


def load_bf16(job: Job) -> Prepare:
    """Products in bf16.

    Raises:
        OptionError: The processor would have to emulate it.
    """
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise OptionError("this processor has no bf16 products")
    return _prepare(job, onnx_path(job), {_HINT: "bf16"})


def load_int8(job: Job) -> Prepare:
    """Quantised by NNCF, and the rest as the CPU plugin chooses: in bf16 where the processor has it."""
    path = job.built("openvino-int8", lambda folder: _quantize(job, folder / _FILE)) / _FILE
    return _prepare(job, path, {})


def _prepare(job: Job, path: Path, precision: Mapping[str, str]) -> Prepare:
    core = openvino.Core()
    model = core.read_model(path)
    settings = {
        **precision,
        "INFERENCE_NUM_THREADS": job.threads,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
    }

    def prepare(ids: Ids) -> Measure:
        feed = dict(zip(INPUTS, padded(ids), strict=True))
        # Compiled for the shape: up to a quarter faster than for any shape.
        fixed = model.clone()
        fixed.reshape({name: list(array.shape) for name, array in feed.items()})
        request = core.compile_model(fixed, "CPU", settings).create_infer_request()
        return timed(lambda: request.infer(feed, share_inputs=True))

    return prepare


def _quantize(job: Job, path: Path) -> None:
    """Calibrated with random words: only the speed is measured."""
    import nncf

    draw = random.Random(_SEED)
    samples: list[dict[str, Any]] = []
    for _ in range(_CALIBRATION_TEXTS):
        words = [[draw.randrange(VOCABULARY) for _ in range(_CALIBRATION_TOKENS)]]
        samples.append(dict(zip(INPUTS, padded(words), strict=True)))
    model = nncf.quantize(
        openvino.Core().read_model(onnx_path(job)),
        nncf.Dataset(samples),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(samples),
    )
    openvino.save_model(model, path, compress_to_fp16=False)

"""ONNX Runtime, in fp32 and with dynamic quantisation."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

from squeezebert.benchmark.peers.base import Job, Measure, Prepare, padded, timed
from squeezebert.benchmark.peers.exporting import INPUTS, onnx_path
from squeezebert.benchmark.workloads import Ids

_FILE = "model.onnx"


def load_fp32(job: Job) -> Prepare:
    """The network as it was exported; fused when it is loaded."""
    return _prepare(job, onnx_path(job))


def load_int8(job: Job) -> Prepare:
    """Weights quantised beforehand, activations as they come.

    One scale per tensor: scales per channel are no faster, and batched matrix products refuse them.
    """
    source = onnx_path(job)

    def quantize(folder: Path) -> None:
        quantize_dynamic(source, folder / _FILE, weight_type=QuantType.QInt8)

    return _prepare(job, job.built("onnxruntime-int8", quantize) / _FILE)


def _prepare(job: Job, path: Path) -> Prepare:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def prepare(ids: Ids) -> Measure:
        feed = dict(zip(INPUTS, padded(ids), strict=True))
        return timed(lambda: session.run(None, feed))

    return prepare

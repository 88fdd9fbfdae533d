"""torch networks as ONNX, once per model; needs torch, transformers and onnx."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from squeezebert.benchmark.peers.base import Job
from squeezebert.benchmark.peers.networks import build

INPUTS = ("input_ids", "attention_mask")
OUTPUT = "last_hidden_state"

_OPSET = 17
_FILE = "model.onnx"


def onnx_path(job: Job) -> Path:
    """Give the network of a job as an ONNX file for batches and texts of any size.

    The tracing exporter and plain attention: what comes of it is fused by ONNX Runtime and OpenVINO at least
    as well as what the newer exporter writes, and it takes a third of the time.
    """
    return job.built("onnx", lambda folder: _export(job, folder / _FILE)) / _FILE


def _export(job: Job, path: Path) -> None:
    network = build(job.model, attn_implementation="eager")
    input_ids = torch.arange(1, 33).view(2, 16)
    mask = torch.ones_like(input_ids)
    # Some networks leave the mask out where it is all ones.
    mask[1, 9:] = 0
    axes = {0: "batch", 1: "tokens"}
    with torch.no_grad(), warnings.catch_warnings():
        # That this exporter is old, and that sizes are traced, which the test of the exports looks after.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (input_ids, mask), path, dynamo=False, opset_version=_OPSET,
            input_names=list(INPUTS), output_names=[OUTPUT],
            dynamic_axes=dict.fromkeys((*INPUTS, OUTPUT), axes),
        )  # fmt: skip

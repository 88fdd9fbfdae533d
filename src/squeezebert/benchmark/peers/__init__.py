"""The table of peers: whatever runs a network. Each runtime has one file here, with a loader per peer.

A loader takes a :class:`squeezebert.benchmark.peers.base.Job` and gives a function from the ids of a workload
to a measurement. It runs in a process of its own, so it may set whatever the runtime has to set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

from squeezebert.benchmark.models import Model

OURS = "squeezebert"
CEILING = "ceiling"
REFERENCE = "squeezebert-int8"
REFERENCE_MODEL = "squeezebert"

_HERE = "squeezebert.benchmark.peers"


@dataclass(frozen=True)
class Peer:
    """A runtime in one precision.

    Attributes:
        name: What the command line calls it.
        title: What the table calls it.
        family: The runtime; the command line takes it for all its peers.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        loader: ``module:function``.
        requires: Modules that have to be installed.
        environment: Variables to set for its process.
        works: Names of the works that it is measured at; all if empty.
    """

    name: str
    title: str
    family: str
    precision: str
    loader: str
    requires: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    works: tuple[str, ...] = ()

    def runs(self, model: Model) -> bool:
        """Whether it can run a model: this package runs SqueezeBERT and BERT in one way."""
        if self.family == OURS:
            return model.config is not None and model.library == "transformers"
        return self.family != CEILING

    def missing(self) -> list[str]:
        """Modules that it needs and that are not installed."""
        return [name for name in self.requires if find_spec(name) is None]


_TORCH = ("torch", "transformers")
# Networks are built in torch, then exported.
_ONNX = (*_TORCH, "onnx", "onnxruntime")
_OPENVINO = (*_TORCH, "onnx", "openvino")

PEERS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(REFERENCE, "squeezebert int8", OURS, "int8", f"{_HERE}.ours:load_int8"),
        Peer("squeezebert-fp32", "squeezebert fp32", OURS, "fp32", f"{_HERE}.ours:load_fp32"),
        Peer(
            "squeezebert-int8-avx2", "squeezebert int8, AVX2 only", OURS, "int8", f"{_HERE}.ours:load_int8",
            environment={"SQUEEZEBERT_ISA": "avx2"},
        ),
        Peer("torch-eager", "torch eager", "torch", "fp32", f"{_HERE}.pytorch:load_eager", _TORCH),
        # It takes half a minute to compile a base-size network for one shape, in each run anew.
        Peer(
            "torch-compile", "torch.compile", "torch", "fp32", f"{_HERE}.pytorch:load_compiled", _TORCH,
            works=("1x128",),
        ),
        Peer(
            "onnxruntime-fp32", "ONNX Runtime fp32", "onnxruntime", "fp32", f"{_HERE}.onnx_runtime:load_fp32",
            _ONNX,
        ),
        Peer(
            "onnxruntime-int8", "ONNX Runtime int8, dynamic", "onnxruntime", "int8",
            f"{_HERE}.onnx_runtime:load_int8", _ONNX,
        ),
        Peer(
            "openvino-fp32", "OpenVINO fp32", "openvino", "fp32", f"{_HERE}.open_vino:load_fp32", _OPENVINO
        ),
        Peer(
            "openvino-bf16", "OpenVINO bf16", "openvino", "bf16", f"{_HERE}.open_vino:load_bf16", _OPENVINO
        ),
        Peer(
            "openvino-int8", "OpenVINO int8, NNCF", "openvino", "int8", f"{_HERE}.open_vino:load_int8",
            (*_OPENVINO, "nncf"),
        ),
    )
}  # fmt: skip

CEILINGS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer("ceiling-fp32", "fp32 GEMM", CEILING, "fp32", f"{_HERE}.ceilings:load_fp32", ("torch",)),
        Peer("ceiling-bf16", "bf16 GEMM", CEILING, "bf16", f"{_HERE}.ceilings:load_bf16", ("torch",)),
        Peer("ceiling-int8", "int8 dot products", CEILING, "int8", f"{_HERE}.ceilings:load_dot_products"),
        Peer(
            "ceiling-int8-gemm", "int8 GEMM", CEILING, "int8", f"{_HERE}.ceilings:load_int8_gemm", ("torch",)
        ),
    )
}

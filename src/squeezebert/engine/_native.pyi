from typing import Any

import numpy as np
from numpy.typing import NDArray

class Model:
    """An encoder and its head, packed for one instruction set."""

    isa: str
    threads: int
    def __init__(
        self,
        config: dict[str, int | float | str],
        arrays: dict[str, NDArray[Any]],
        head: str,
        precision: str,
        threads: int,
        isa: str,
    ) -> None: ...
    def run(
        self,
        input_ids: NDArray[np.int32],
        token_type_ids: NDArray[np.int32],
        position_ids: NDArray[np.int32],
        starts: NDArray[np.int32],
        wanted: NDArray[np.int32] | None,
    ) -> dict[str, NDArray[np.float32]]: ...
    def stage_seconds(self) -> dict[str, float]: ...

def int8_ceiling(threads: int, seconds: float, isa: str = "") -> float: ...
def instruction_sets() -> list[str]: ...
def quantize_rows(values: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]: ...
def dequantize_rows(codes: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]: ...

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
        token_type_ids: NDArray[np.int32] | None,
        position_ids: NDArray[np.int32] | None,
        starts: NDArray[np.int32],
        wanted: NDArray[np.int32] | None,
    ) -> dict[str, NDArray[np.float32]]:
        """Ids, segments and positions ``[T]``, ``starts`` ``[B + 1]`` -> the head's outputs by name.

        Segments are 0 where there are none, and positions counted from 0 in each text.

        ``last_hidden_state`` ``[T, hidden]`` and ``pooler_output`` ``[B, hidden]``, or ``logits``
        ``[B, labels]``, ``[T, labels]`` or ``[wanted or T, vocabulary]``; ``wanted`` are rows of ``[T]``.

        Raises:
            ValueError: A value is out of range, lengths differ, or a text has no tokens.
        """

    def run_lists(self, input_ids: object) -> dict[str, NDArray[np.float32]] | None:
        """As ``run``, of texts that are lists of ids; None where ``input_ids`` are anything else.

        Raises:
            ValueError: A value is out of range, or a text has no tokens.
        """

    def magnitudes(
        self,
        input_ids: NDArray[np.int32],
        token_type_ids: NDArray[np.int32],
        starts: NDArray[np.int32],
    ) -> NDArray[np.float32]:
        """Largest magnitude of each channel that goes into attention and the feed-forward layers.

        Inputs as for :meth:`run`; the result is ``[layers, 2, hidden]``.

        Raises:
            ValueError: As :meth:`run`.
        """

    def stage_seconds(self) -> dict[str, float]: ...

def int8_ceiling(threads: int, seconds: float, isa: str = "") -> float: ...
def instruction_sets() -> list[str]: ...
def quantize_rows(values: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]: ...
def dequantize_rows(codes: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]: ...

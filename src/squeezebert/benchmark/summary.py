"""What many measurements come to: median and quartiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Summary:
    """Of all measurements of a row, whatever round they are from.

    Attributes:
        median: The middle one.
        lower_quartile: A quarter of them is not above it.
        upper_quartile: A quarter of them is not below it.
        count: How many there are.
    """

    median: float
    lower_quartile: float
    upper_quartile: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary:
        """Summarise at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0], 1)
        lower, _, upper = quantiles(values, n=4, method="inclusive")
        return cls(median(values), lower, upper, len(values))

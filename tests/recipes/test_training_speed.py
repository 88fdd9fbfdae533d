"""What the table of training speed says is what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import training_speed

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def test_this_package_is_beside_each_of_the_others() -> None:
    rates = training_speed.rates_of(
        {
            training_speed.OURS: [2.0, 1.0, 50.0],
            training_speed.THEIRS: [4.0],
            training_speed.THEIRS_KEEPING: [2.5, 2.5],
        }
    )
    assert rates[training_speed.OURS] == 1024.0  # 32 × 64 tokens in the median of 2 seconds
    ratios = training_speed.ratios_of(rates)
    assert ratios == {training_speed.THEIRS: 2.0, training_speed.THEIRS_KEEPING: 1.25}
    found = {
        "batch": 32, "tokens": 64, "cpu": "EPYC", "threads": 2, "versions": {"torch": "2"},
        "tokens_per_second": {"fp32": rates}, "ratio": {"fp32": ratios},
    }  # fmt: skip
    assert "\n| fp32 | 1,024 | 512 | 2.00× | 819 | 1.25× |\n" in training_speed.table(found)


@pytest.mark.parametrize("name", ["training_speed", "training_speed_zen5", "training_speed_avx2"])
def test_the_tables_in_the_documentation_are_those_of_the_results(name: str) -> None:
    found = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert training_speed.table(found) == (RESULTS / f"{name}.md").read_text(encoding="utf-8")

"""The two sides of the comparison differ in their groups and in nothing else."""

from __future__ import annotations

import pytest

import groups


def test_the_students_differ_in_groups_alone() -> None:
    four, one = (groups.config_of(count) for count in groups.GROUPS)
    grouped = {"q_groups", "k_groups", "v_groups", "intermediate_groups", "output_groups"}
    differing = {key for key, value in four.to_dict().items() if one.to_dict()[key] != value}
    assert differing == grouped
    assert (four.q_groups, one.q_groups, four.post_attention_groups) == (4, 1, 1)


def test_summary() -> None:
    found = groups.summary([{"accuracy": 0.5}, {"accuracy": 0.75}, {"accuracy": 1.0}])
    assert found == {"accuracy": {"mean": 0.75, "deviation": 0.25}}
    assert groups.summary([{"accuracy": 0.5}])["accuracy"]["deviation"] == pytest.approx(0)

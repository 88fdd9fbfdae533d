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


def test_the_table_shows_both_sides_of_each_figure() -> None:
    sides = {
        count: {
            "summary": {"sts_b_test_spearman": {"mean": mean, "deviation": 0.0123}},
            "parameters": 7919, "parameters_without_embeddings": 13, "operations": 1009,
        }
        for count, mean in (("4", 0.7012), ("1", 0.7345))
    }  # fmt: skip
    found = {
        "tokens": 400_000, "seeds": 3, "length": 128, "machine": {"cpu": "EPYC", "cores": 2}, "groups": sides,
        "milliseconds": {"int8": {"4": 1.5, "1": 2.5}},
    }  # fmt: skip
    text = groups.table(found)
    assert "| sts b test spearman | 0.7012 ± 0.012 | 0.7345 ± 0.012 |\n" in text
    assert "| parameters | 7,919 | 7,919 |\n" in text
    assert "| ms for 128 tokens, int8 | 1.5 | 2.5 |\n" in text

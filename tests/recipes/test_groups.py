"""The two sides of the comparison differ in their groups and in nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import groups
import groups_table
import ship
from groups_plan import HELD_OUT, PARAGRAPH, TASKS, UNTUNED, figure_of, selected
from plan import ROWS


def test_the_students_differ_in_groups_alone() -> None:
    four, one = (groups.config_of(count) for count in groups.GROUPS)
    grouped = {"q_groups", "k_groups", "v_groups", "intermediate_groups", "output_groups"}
    differing = {key for key, value in four.to_dict().items() if one.to_dict()[key] != value}
    assert differing == grouped
    assert (four.q_groups, one.q_groups, four.post_attention_groups) == (4, 1, 1)


def test_every_set_that_the_embedded_model_is_measured_on_is_compared() -> None:
    tuned = [measured for task in TASKS.values() for measured in task.measured.values()]
    measured = {each.data for each in (*tuned, *UNTUNED.values())}
    assert measured == {row.data for row in ROWS.values()}
    assert not measured & {task.train for task in TASKS.values()}
    assert {task.start for task in TASKS.values()} <= {None, *TASKS}


def test_what_is_asked_for() -> None:
    assert selected(TASKS, ["rte", "sst-2"]) == ["rte", "sst-2"]
    assert selected(UNTUNED, ["all"]) == [*UNTUNED]
    assert selected(UNTUNED, []) == []


def test_names_of_figures() -> None:
    assert figure_of("sts-b", UNTUNED["sts-b"]) == "sts_b_test_spearman"
    assert figure_of("squad", TASKS["squad"].first) == "squad_f1"
    assert figure_of("wikipedia", TASKS["wikipedia"].first) == "wikipedia_held_out_perplexity"


def test_paragraphs_of_held_out_articles_are_not_learnt_from(tmp_path: Path) -> None:
    def article(number: int) -> str:
        return f'<doc id="{number}" title="{number}">\n\n{number} {PARAGRAPH * "a"}\n\nshort\n\n</doc>\n'

    (tmp_path / "articles.txt").write_text("".join(map(article, (99, 100, 101, 200))), encoding="utf-8")
    learnt, held_out = (
        [str(row.values["text"]).split()[0] for row in groups.paragraphs(tmp_path, split=split)]
        for split in ("train", HELD_OUT)
    )
    assert (learnt, held_out) == (["99", "101"], ["100", "200"])


def test_summary() -> None:
    found = groups.summary([{"accuracy": 0.5}, {"accuracy": 0.75}, {"accuracy": 1.0}])
    assert found == {"accuracy": {"mean": 0.75, "deviation": 0.25}}
    assert groups.summary([{"accuracy": 0.5}])["accuracy"]["deviation"] == pytest.approx(0)


def test_the_table_shows_both_sides_of_each_figure() -> None:
    sides = {
        count: {
            "summary": {"sts_b_test_spearman": {"mean": mean, "deviation": 0.0123}},
            "seeds": [{}, {}, {}],
            "parameters": 7919, "parameters_without_embeddings": 13, "operations": 1009,
        }
        for count, mean in (("4", 0.7012), ("1", 0.7345))
    }  # fmt: skip
    found = {
        "tokens": 400_000, "length": 128, "machine": {"cpu": "EPYC", "cores": 2}, "groups": sides,
        "milliseconds": {"int8": {"4": 1.5, "1": 2.5}},
    }  # fmt: skip
    text = groups_table.table(found)
    assert "over 3 seeds. Students of 400,000 tokens of distillation from random weights, by" in text
    assert "| STS-B test, cosine of vectors | Spearman | 70.1 ± 1.2 | 73.5 ± 1.2 |\n" in text
    assert "| parameters |  | 7,919 | 7,919 |\n" in text
    assert "| 128 tokens, int8 | ms | 1.5 | 2.5 |\n" in text


def test_the_table_says_what_differs_from_the_recipe_of_the_trunk() -> None:
    side = {
        "summary": {
            "sst_2_validation_accuracy_fine_tuned": {"mean": 0.8031, "deviation": 0.0},
            "wikipedia_held_out_perplexity_fine_tuned": {"mean": 7919.0, "deviation": 0.0},
        },
        "seeds": [{}], "parameters": 7919, "parameters_without_embeddings": 13, "operations": 1009,
    }  # fmt: skip
    found = {
        "tokens": 2_500_000, "batch_tokens": 2048, "rates": {"1": 4e-4}, "length": 128,
        "machine": {"cpu": "EPYC", "cores": 2}, "groups": {"4": side, "1": side}, "milliseconds": {},
    }  # fmt: skip
    text = groups_table.table(found)
    assert "| SST-2 dev, fine-tuned | accuracy | 80.3 | 80.3 |\n" in text
    assert "| Wikipedia, held out, 1,000 rows, fine-tuned | perplexity | 7919 | 7919 |\n" in text
    assert "One seed. Students of 2,500,000 tokens" in text
    assert ", in steps of 2,048 tokens, groups 1 at a learning rate of 0.0004; `" in text


@pytest.mark.parametrize("name", ["groups", "groups_longer"])
def test_the_tables_in_the_documentation_are_those_of_the_results(name: str) -> None:
    found = json.loads((groups.RESULTS.with_name(f"{name}.json")).read_text(encoding="utf-8"))
    assert groups_table.table(found) == groups.RESULTS.with_name(f"{name}.md").read_text(encoding="utf-8")


def test_the_card_of_the_embedded_trunk_shows_them() -> None:
    longer = groups.RESULTS.with_name("groups_longer.md").read_text(encoding="utf-8")
    assert (ship.MINI / "README.md").read_text(encoding="utf-8").endswith(f"\n\n#{longer}")

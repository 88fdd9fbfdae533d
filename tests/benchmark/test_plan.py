"""What is measured against what."""

from __future__ import annotations

import dataclasses

import pytest

from squeezebert.benchmark import MODELS, PEERS, WORKS, make_plan
from squeezebert.benchmark.peers import CEILINGS, REFERENCE
from squeezebert.errors import OptionError


@pytest.fixture
def everything_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("squeezebert.benchmark.peers.find_spec", lambda name: object())


@pytest.fixture
def only_base_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("squeezebert.benchmark.peers.find_spec", lambda name: None)


@pytest.mark.usefixtures("everything_installed")
def test_all_meet_the_reference() -> None:
    plan = make_plan()
    assert [group.name for group in plan.groups] == [
        "squeezebert", "bert-base", "distilbert", "mobilebert", "minilm-l6"
    ]  # fmt: skip
    for group in plan.groups:
        first = group.contestants[0]
        assert (first.peer.name, first.model.name) == (REFERENCE, "squeezebert")
        assert len(set(group.contestants)) == len(group.contestants)
        assert {contestant.peer.name for contestant in group.contestants} >= {
            name for name, peer in PEERS.items() if peer.family != "squeezebert"
        }
    assert [work.name for work in plan.works] == list(WORKS)
    assert not plan.missing


@pytest.mark.usefixtures("everything_installed")
def test_both_forms_of_squeezebert_are_one_group_with_the_ceilings() -> None:
    first, *others = make_plan().groups
    assert {contestant.model.name for contestant in first.contestants} == {
        "squeezebert",
        "squeezebert-matmul",
    }
    ours = [c for c in first.contestants if c.peer.family == "squeezebert"]
    assert {contestant.model.name for contestant in ours} == {"squeezebert"}
    assert [contestant.peer.name for contestant in first.ceilings] == list(CEILINGS)
    assert not any(group.ceilings for group in others)


@pytest.mark.usefixtures("everything_installed")
def test_the_engine_runs_bert_and_no_distilbert() -> None:
    ours = {
        contestant.model.name
        for group in make_plan(["squeezebert"]).groups
        for contestant in group.contestants
        if contestant.peer.name == "squeezebert-fp32"
    }
    assert ours == {"squeezebert", "bert-base", "minilm-l6"}


@pytest.mark.usefixtures("everything_installed")
def test_a_family_stands_for_its_peers() -> None:
    (group,) = make_plan(["openvino", "torch-eager"], ["bert-base"], ["1x32"]).groups
    assert [(c.peer.name, c.model.name) for c in group.contestants] == [
        (REFERENCE, "squeezebert"), ("torch-eager", "bert-base"), ("openvino-fp32", "bert-base"),
        ("openvino-bf16", "bert-base"), ("openvino-int8", "bert-base"),
    ]  # fmt: skip


@pytest.mark.usefixtures("everything_installed")
def test_who_has_nothing_to_do_takes_no_part() -> None:
    (group,) = make_plan(["torch"], ["bert-base"], ["1x32"]).groups
    assert [contestant.peer.name for contestant in group.contestants] == [REFERENCE, "torch-eager"]


@pytest.mark.usefixtures("only_base_install")
def test_what_is_not_installed_is_named() -> None:
    plan = make_plan(models=["squeezebert"])
    (group,) = plan.groups
    assert {contestant.peer.family for contestant in group.contestants} == {"squeezebert"}
    assert len(group.contestants) == 3
    assert set(plan.missing) == {
        *(name for name, peer in PEERS.items() if peer.family != "squeezebert"),
        *(name for name, peer in CEILINGS.items() if peer.requires),
    }
    assert plan.missing["openvino-int8"] == (
        "needs torch, transformers, onnx, openvino, nncf: pip install 'squeezebert[bench]'"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["openvin"],), r"there is no peer 'openvin' \(nearest: 'openvino'\); there is "),
        (((), ["bert"]), "there is no model 'bert'"),
        (((), (), ["128"]), "there is no work '128'"),
    ],
)
def test_unknown_names_are_refused(arguments: tuple[list[str], ...], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make_plan(*arguments)


def test_every_row_of_the_tables_is_sound() -> None:
    for table in (MODELS, PEERS, CEILINGS, WORKS):
        assert all(name == row.name for name, row in table.items())
    assert all(model.family in MODELS for model in MODELS.values())
    assert all(type(model)(**model.to_dict()) == model for model in MODELS.values())
    assert all(dataclasses.is_dataclass(peer) and ":" in peer.loader for peer in PEERS.values())

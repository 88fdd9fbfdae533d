"""The README and the guides do what they say: every code block of them runs, offline."""

from __future__ import annotations

import dataclasses
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from squeezebert.tasks import TASK_NAMES
from squeezebert.training import LoopSettings
from squeezebert.training.distillation import DistillationSettings
from squeezebert.training.pretraining import PretrainingSettings
from tests.docs.guides import SURROUNDINGS, Reader, blocks_of

ROOT = Path(__file__).parents[2]
GUIDES = sorted(
    path for path in (ROOT / "docs").glob("*.md") if path.name != "decisions.md"  # holds no instructions
)  # fmt: skip


def test_there_is_a_guide_for_every_task() -> None:
    assert {*TASK_NAMES} <= {path.stem for path in GUIDES}


@pytest.mark.parametrize("path", [ROOT / "README.md", *GUIDES], ids=lambda path: path.stem)
def test_document(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who types what stands there gets what stands there."""

    def refuse(*_: Any) -> None:
        raise AssertionError(f"{path.name}: needs a network; mark the block notest")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name, value in SURROUNDINGS.items():
        monkeypatch.setenv(name, value)
    reader = Reader(tmp_path)
    for block in blocks_of(path):
        reader.follow(block)


@pytest.mark.parametrize(
    ("guide", "kind"), [("pretraining", PretrainingSettings), ("distillation", DistillationSettings)]
)
def test_settings(guide: str, kind: type[LoopSettings]) -> None:
    """A guide has each setting of its own, and each default that is another than in training."""
    common = {field.name: field.default for field in dataclasses.fields(LoopSettings)}
    own = {
        field.name: "[]"
        if field.default == ()
        else f"{field.default:,}"
        if type(field.default) is int
        else field.default
        for field in dataclasses.fields(kind)
        if field.name not in common or field.default != common[field.name]
    }
    text = (ROOT / "docs" / f"{guide}.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `(\w+)` \| `?([^|`]+)`? \|", text, flags=re.MULTILINE)
    assert dict(table) == {name: str(default) for name, default in own.items()}


@pytest.mark.parametrize("path", [ROOT / "README.md", *GUIDES], ids=lambda path: path.stem)
def test_links(path: Path) -> None:
    """Links to files of the project lead somewhere."""
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        assert "://" in target or (path.parent / target).exists(), target

"""Data flows one way: each room of the package imports from those that the README lists above it only."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "squeezebert"
ROOMS = re.findall(r"(?m)^  (\w+)(?:\.py|/)", (ROOT / "README.md").read_text(encoding="utf-8"))
NO_ROOMS = {"__init__", "__main__", "_native", "models"}


def rooms_imported(path: Path) -> set[str]:
    """Those that a file imports, also within a function and for types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "squeezebert":
            _, *room = (node.module or "").split(".")
            found |= {room[0]} if room else {alias.name for alias in node.names}
    return found - NO_ROOMS


def test_the_readme_lists_all_rooms() -> None:
    there = {
        path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert there - NO_ROOMS == set(ROOMS) - NO_ROOMS


def test_no_room_imports_from_one_below_it() -> None:
    height = {room: place for place, room in enumerate(ROOMS)}
    wrong = []
    for path in sorted(SOURCE.rglob("*.py")):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if room not in NO_ROOMS:
            up = [other for other in rooms_imported(path) if height[other] > height[room]]
            wrong += [f"{path.relative_to(SOURCE)} imports from {other}" for other in up]
    assert not wrong

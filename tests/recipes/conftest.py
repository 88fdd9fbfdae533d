"""Recipes are scripts beside each other, as Python finds them when one of them is run."""

from __future__ import annotations

import sys
from pathlib import Path

RECIPES = Path(__file__).parents[2] / "recipes"
sys.path[:0] = [str(RECIPES), str(RECIPES / "mini")]

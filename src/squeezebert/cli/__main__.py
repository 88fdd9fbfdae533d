"""``python -m squeezebert.cli`` is the program ``squeezebert``."""

from squeezebert.cli import program

program()

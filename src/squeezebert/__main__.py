"""``python -m squeezebert`` is the program ``squeezebert``."""

from squeezebert.cli import program

program()

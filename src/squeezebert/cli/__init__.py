"""The command line: one file per command, each a thin layer over the package."""

from squeezebert.cli.main import main, program

__all__ = ["main", "program"]

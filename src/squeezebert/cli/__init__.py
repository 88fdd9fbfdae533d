"""The command line: one file per command, each a thin layer over the package."""

from squeezebert.cli.main import main

__all__ = ["main"]

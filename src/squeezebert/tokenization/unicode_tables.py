"""Unicode as the Rust library `tokenizers` sees it: the tables of ``unicode_tables.txt``."""

from __future__ import annotations

from pathlib import Path

# No Python, which would lie in the package twice, as bytecode, too.
_FILE = Path(__file__).with_name("unicode_tables.txt")


def table(name: str) -> str:
    """Give the content of a table by its name; the file says what each one means."""
    _, _, rest = _FILE.read_text(encoding="ascii").partition(f"\n## {name}: ")
    _, _, content = rest.partition("\n")
    return content.partition("\n\n")[0]

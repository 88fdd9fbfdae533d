"""Unicode as the Rust library `tokenizers` sees it: the tables of ``unicode_tables.txt.gz``."""

from __future__ import annotations

from pathlib import Path

# A module would be in the package twice, as source and as bytecode.
_FILE = Path(__file__).with_name("unicode_tables.txt.gz")


def table(name: str) -> str:
    """Give the content of a table by its name; the file says what each one means."""
    # Imported here: a cold start with a text in ASCII asks for no table.
    import gzip

    with gzip.open(_FILE, "rt", encoding="ascii") as file:
        _, _, rest = file.read().partition(f"\n## {name}: ")
    _, _, content = rest.partition("\n")
    return content.partition("\n\n")[0]

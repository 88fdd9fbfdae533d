"""Where answers go: to the standard output, or to a file that appears when it is complete."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from squeezebert.errors import OptionError, listed
from squeezebert.files import atomic_path, is_stdout

STDOUT = "-"
"""Name of a file that means the standard output."""
_SHOWN = 30
"""Most items of a list that people are shown."""


def check_output(output: str | None) -> None:
    """Find out before the work what would else be found out after it.

    Args:
        output: The file to write; None for the standard output.

    Raises:
        OptionError: It cannot be written.
    """
    if output is None:
        return
    path = Path(output)
    if not output or path.is_dir():
        raise OptionError(f"{output or 'the output'}: is no name of a file; name a file to write")
    if not path.absolute().parent.is_dir():
        raise OptionError(f"{output}: cannot be written, there is no folder {path.parent}")
    if not is_stdout(path) and (not path.exists() or path.is_file()):
        try:
            # Where it will be written under another name first; links stay links.
            with tempfile.TemporaryFile(dir=path.resolve().parent):
                pass
        except OSError as error:
            raise OptionError(f"{output}: cannot be written ({error.strerror})") from error


def check_apart(output: str | None, inputs: Iterable[Path]) -> None:
    """See that no file that is read would be replaced.

    Args:
        output: The file to write; None for the standard output.
        inputs: What is read; looked at where there is a file to be replaced.

    Raises:
        OptionError: It is one of the inputs.
    """
    if output is None or not Path(output).is_file():
        return
    for path in inputs:
        if path.exists() and path.samefile(output):
            raise OptionError(f"{output}: is what would be read; give another file to write to")


@contextmanager
def opened(output: str | None) -> Iterator[TextIO]:
    """Give a text stream to print to.

    Args:
        output: The file, which replaces an older one when the block ends without an error; with a name in
            .xz, .gz or .zst it is compressed. None for the standard output.

    Raises:
        MissingExtraError: A name in .zst without the extra ``zstd``.
        OptionError: The file cannot be written.
    """
    if output is None:
        yield sys.stdout
        return
    path = Path(output)
    if is_stdout(path):
        # Opened anew, a file would lose what stands in it.
        yield sys.stdout
        return
    with atomic_path(path) as temporary, _writing(temporary, path.suffix.lower()) as file:
        yield file


def _writing(path: Path, ending: str) -> TextIO:
    opener = _opener(ending)
    # Escaped are odd bytes in the names of files; in JSON that is \udcff again.
    stream: TextIO = opener(path, "wt", encoding="utf-8", errors="backslashreplace", newline="\n")
    return stream


def _opener(ending: str) -> Callable[..., Any]:
    # Imported here: most answers are shown.
    if ending == ".gz":
        import gzip

        return gzip.open
    if ending == ".xz":
        import lzma

        return lzma.open
    if ending == ".zst":
        from squeezebert.data.zst import zst_library

        opener: Callable[..., Any] = zst_library("writing").open
        return opener
    return Path.open


def show_fields(fields: Mapping[str, Any], *, as_json: bool) -> None:
    """Print named values: one JSON object, or a line each."""
    if as_json:
        print(json.dumps(fields, ensure_ascii=False))
        return
    width = max(map(len, fields)) + 2
    for name, value in fields.items():
        print(f"{name:<{width}}{_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return listed([*map(_shown, value)], _SHOWN)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)

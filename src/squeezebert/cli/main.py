"""The entry point: runs a command and puts what goes wrong into one line."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TextIO, cast

import click

from squeezebert.errors import OptionError, SqueezeBertError
from squeezebert.files import FULL

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
DEBUG_VARIABLE = "SQUEEZEBERT_DEBUG"

_STDERR = 2
_ALLOCATIONS = 50_000
"""Between two searches for garbage. Imported modules are none; searching them took 7 % of a cold start."""


@dataclass
class Session:
    """What holds for a whole run of the program; ``ctx.obj`` of every command.

    Attributes:
        verbose: Whether to report settings and the tracebacks of errors on stderr.
        command: The one that is run.
        kept: What a command has built and nothing has to be done about at the end, such as a model.
    """

    verbose: bool = False
    command: click.Command | None = None
    kept: object = None


def program() -> NoReturn:
    """Run the program as a process of its own.

    Where a command has gone well and left something in ``Session.kept``, the process ends without taking
    anything apart: for one text that took a fifth of the time, to free memory that the system frees anyway.
    """
    gc.set_threshold(_ALLOCATIONS)
    _open_closed_streams()
    _speak_utf8()
    _end_well_on_signals()
    session = Session()
    code = main(session=session)
    # After an error there may be answers that are not written yet.
    if code == 0 and session.kept is not None:
        os._exit(code)
    sys.exit(code)


def _open_closed_streams() -> None:
    """Let what a daemon has closed lead nowhere; files would else be opened under these streams' numbers."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(number)
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout = sys.stdout or _nowhere("w")
    sys.stderr = sys.stderr or _nowhere("w")


def _nowhere(mode: str) -> TextIO:
    return cast(TextIO, Path(os.devnull).open(mode, encoding="utf-8"))


def _end_well_on_signals() -> None:
    """Remove half-written files when the process is told to end, as Ctrl-C does by itself."""
    # While modules were imported, it ended the process at once.
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, frame: object) -> NoReturn:
    # What shells give for a process that a signal has ended.
    sys.exit(128 + number)


def _speak_utf8() -> None:
    """Pipe UTF-8, as is read; escape what cannot be written, such as an odd byte in the name of a file."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        encoding = None if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")


def main(arguments: Sequence[str] | None = None, *, session: Session | None = None) -> int:
    """Run the program inside of another one.

    Args:
        arguments: Those of the command line, without the program's name; ``sys.argv`` if None.
        session: For the command to use; its own if None.

    Returns:
        The exit code: 0, what a command returns, 2 for bad input, 130 when interrupted. Every error is one
        line on stderr.
    """
    session = Session() if session is None else session
    session.verbose = os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0")
    try:
        from squeezebert.cli.group import group

        code = group.main(arguments, "squeezebert", standalone_mode=False, obj=session)
        sys.stdout.flush()
        sys.stderr.flush()
        return code if isinstance(code, int) else 0
    except (click.Abort, KeyboardInterrupt) as error:
        return _report("interrupted", error, session, INTERRUPTED)
    except click.UsageError as error:
        given = session.command.name if session.command else None
        command = error.ctx.command_path if error.ctx else " ".join(filter(None, ("squeezebert", given)))
        return _report(f"{error.format_message()} (see {command} --help)", error, session, MISUSED)
    except click.ClickException as error:
        return _report(error.format_message(), error, session, MISUSED)
    except OptionError as error:
        return _report(_with_options(str(error), session.command), error, session, MISUSED)
    except SqueezeBertError as error:
        return _report(str(error), error, session, MISUSED)
    except BrokenPipeError:
        # Whoever read our output, such as `head`, has enough. Python flushes stdout once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        named = error.filename or ("the standard output" if error.errno in FULL else "")
        place = f"{named}: " if named else ""
        return _report(f"{place}{error.strerror or error}", error, session, FAILED)


def _with_options(message: str, command: click.Command | None) -> str:
    """Name settings as the command line does, where a message names them as Python does."""
    import re

    for parameter in command.params if command else ():
        if isinstance(parameter, click.Option) and parameter.name and "_" in parameter.name:
            # In quotes it is somebody's column or label.
            name = rf"(?<![\w'./-]){parameter.name}(?![\w'./-])"
            message = re.sub(name, parameter.opts[0], message)
    return message


def _report(message: str, error: BaseException, session: Session, code: int) -> int:
    if session.verbose:
        import traceback

        traceback.print_exception(error)
    line = " ".join(message.split())
    click.echo(f"squeezebert: error: {line}", err=True)
    return code

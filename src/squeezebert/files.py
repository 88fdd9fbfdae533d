"""Files in and out: where a model's files are, and writes that leave nothing half-written."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from squeezebert.errors import CheckpointError, OptionError

try:
    import fcntl
except ImportError:  # Windows.
    fcntl = None  # type: ignore[assignment]

EMBEDDED = Path(__file__).parent / "models"

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk without room."""
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


def locate(
    name_or_path: str | Path,
    patterns: Sequence[str],
    *,
    revision: str | None = None,
    local_files_only: bool = False,
) -> Path:
    """Find the folder that holds a model's files.

    Looked up in this order: a folder on disk, an embedded model (``"mini"``, ``"mini/text-classification"``),
    a model on the Hugging Face hub, which is downloaded or found in the cache.

    Args:
        name_or_path: Folder, embedded name or hub name (``"owner/name"``).
        patterns: File names, or glob patterns of them, that are wanted from the hub.
        revision: Branch, tag or commit on the hub.
        local_files_only: Use only what the cache holds. ``HF_HUB_OFFLINE=1`` has the same effect.

    Returns:
        The folder. That it holds each of the files is for the caller to check.

    Raises:
        CheckpointError: There is no such folder or model, or it cannot be downloaded.
    """
    folder = Path(name_or_path)
    name = str(name_or_path)
    if not name:
        raise CheckpointError("an empty name is no folder and no model")
    if _is_folder(folder):
        return folder
    embedded = EMBEDDED / name_or_path
    if _is_folder(embedded) and embedded.resolve().is_relative_to(EMBEDDED.resolve()):
        return embedded
    if exists(folder):
        raise CheckpointError(f"{name}: is a file; give the folder that holds it")
    if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise CheckpointError(f"{name}: no such folder")
    family = name.split("/")[0]
    if _is_folder(EMBEDDED / family):
        there = sorted(path.parent.relative_to(EMBEDDED).as_posix() for path in EMBEDDED.rglob("config.json"))
        raise CheckpointError(f"{name}: there is no such embedded model; there is {', '.join(there)}")
    return _from_hub(name, patterns, revision, local_files_only)


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; of a text that can be no name there is none."""
    try:
        return path.exists()
    except OSError:  # A name that is too long for the file system.
        return False


def _is_folder(path: Path) -> bool:
    return exists(path) and path.is_dir()


def _from_hub(name: str, patterns: Sequence[str], revision: str | None, local_files_only: bool) -> Path:
    # Imported here: the hub client costs a third of a second, and a local folder never needs it.
    from huggingface_hub import snapshot_download
    from huggingface_hub.constants import HF_HUB_OFFLINE
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=list(patterns),
                local_files_only=local_files_only or HF_HUB_OFFLINE,
            )
        )
    except HFValidationError as error:
        raise CheckpointError(f"{name}: is neither a folder nor a valid hub name") from error
    except GatedRepoError as error:
        raise CheckpointError(f"{name}: access on the hub must be requested first") from error
    except RevisionNotFoundError as error:
        raise CheckpointError(f"{name}: the hub has no revision {revision!r} of it") from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(f"{name}: neither a folder nor a model on the hub") from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        if (local := _of_the_disk(error)) is not None:
            raise CheckpointError(
                f"{name}: cannot be kept in {local.filename or 'the cache'} ({local.strerror}); set HF_HOME "
                "to a folder with room that you may write to"
            ) from error
        why = "offline mode is on" if local_files_only or HF_HUB_OFFLINE else "the hub cannot be reached"
        raise CheckpointError(
            f"{name}: no such folder, not in the local cache, and {why}; "
            "download it once while online, or give a folder"
        ) from error
    except Exception as error:
        # Of the library's client, or of what stands in the hub's place, such as a page that asks for a login.
        raise CheckpointError(
            f"{name}: no such folder, and what answers for the hub is not to be understood ({error}); "
            "see whether the network asks for a login, or give a folder"
        ) from error


def _of_the_disk(error: BaseException | None) -> OSError | None:
    """The error that the disk gave, where it is the cause of another one; None where the network is."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return error
        # Without a name it may be a connection that is forbidden.
        if isinstance(error, OSError) and error.errno in _FORBIDDEN and error.filename is not None:
            return error
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that replaces it when the block ends without an error.

    A file that is replaced leaves its permissions to the new one; of a link, what it points to is replaced.
    What is no file, such as ``/dev/null`` or a pipe, is given itself: nothing may take its place. So is
    ``/dev/stdout``, which may be a file.

    Raises:
        OptionError: The folder does not exist or cannot be written to, or ``path`` is a folder.
        OSError: There is no room for the file, whose name it has.
    """
    if path.is_dir():
        raise OptionError(f"{path}: is a folder; it cannot be replaced by a file")
    if path.exists() and (not path.is_file() or is_stdout(path)):
        with _named(path):
            yield path
        return
    target = path.resolve() if path.is_symlink() else path
    temporary = target.with_name(f".{target.name}.{os.urandom(6).hex()}.tmp")
    try:
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            mode = temporary.stat().st_mode
        except OSError as error:
            raise OptionError(f"{path}: cannot be written ({error.strerror})") from error
        with _named(path):
            yield temporary
            with suppress(FileNotFoundError):
                mode = target.stat().st_mode
            # Who wrote it may have put another file in its place, as safetensors does.
            temporary.chmod(stat.S_IMODE(mode))
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give the file's name to an error that says that there is no room for it."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL and error.filename is None:
            error.filename = str(path)
        raise


def check_folder(folder: str | Path) -> None:
    """See before the work that a folder to write to is there, or can have its name.

    Raises:
        OptionError: The name is empty, or that of a file, or below a file, or of a link that leads nowhere.
    """
    if not str(folder):
        raise OptionError("the name of the folder to write to is empty")
    for place in (Path(folder), *Path(folder).parents):
        if exists(place) and not place.is_dir():
            raise OptionError(f"{place}: is a file; give a folder to write to")
        if place.is_symlink() and not exists(place):
            raise OptionError(f"{place}: is a link that leads nowhere; give a folder to write to")


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, if they are missing.

    Raises:
        OptionError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"{folder}: cannot be made ({error.strerror})") from error


def clear_leftovers(folder: Path) -> None:
    """Remove what :func:`atomic_path` left in a folder when its process was killed."""
    for path in folder.iterdir():
        if is_leftover(path):
            path.unlink()


def is_leftover(path: Path) -> bool:
    """Whether a file is one that :func:`atomic_path` left."""
    return _TEMPORARY.fullmatch(path.name) is not None


def is_stdout(path: Path) -> bool:
    """Whether a name, such as ``/dev/stdout``, is that of the standard output, which may be a file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(1))
    except OSError:  # It is closed.
        return False


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder; another process that calls this meanwhile is refused.

    The system lets go of it with the process, however that ends, and nothing is left in the folder. Where it
    has no such locks (Windows, some network file systems) nobody is kept out.

    Raises:
        OptionError: Another is at work there.
    """
    if fcntl is None:
        yield
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise OptionError(f"{folder}: cannot be opened ({error.strerror})") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OptionError(
                f"{folder}: another process is at work in it; wait for its end, or give another folder"
            ) from error
        except OSError:  # The file system has no locks.
            pass
        yield
    finally:
        # A forked child, which has the same lock, may live longer.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


@contextmanager
def removed_if_empty(folder: Path) -> Iterator[None]:
    """Take a folder away where the block ends with an error before anything is in it."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            folder.rmdir()
        raise


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

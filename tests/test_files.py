"""Where models are found, with the network gone, and writes that leave nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from squeezebert import files
from squeezebert.checkpoints import read_checkpoint
from squeezebert.errors import CheckpointError, OptionError
from squeezebert.files import alone_in, atomic_path, clear_leftovers, locate, write_text
from tests.checkpoints.fixtures import random_arrays, save_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """A hub cache as huggingface_hub lays it out, holding ``owner/name`` at two revisions; no network."""
    cache = tmp_path / "hub"
    repository = cache / "models--owner--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    (repository / "blobs").mkdir()
    snapshot = repository / "snapshots" / COMMIT
    source = save_folder(tmp_path / "source", random_arrays())
    snapshot.mkdir(parents=True)
    for number, path in enumerate(sorted(source.iterdir())):
        blob = repository / "blobs" / f"{number:040d}"
        shutil.copy(path, blob)
        (snapshot / path.name).symlink_to(Path("../../blobs") / blob.name)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))

    def refuse(*_args, **_kwargs):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return cache


@pytest.fixture(params=["HF_HUB_OFFLINE", "local_files_only"])
def offline(request, monkeypatch):
    """Options that keep the hub's client off the network, or the environment's switch for it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", request.param == "HF_HUB_OFFLINE")
    return {"local_files_only": True} if request.param == "local_files_only" else {}


def test_a_cached_model_is_found_offline(hub_cache, offline):
    for revision in (None, "main", COMMIT):
        checkpoint = read_checkpoint("owner/name", revision=revision, **offline)
        assert checkpoint.arrays.keys() == random_arrays().keys()
        assert checkpoint.folder.is_relative_to(hub_cache)


def test_offline_an_unknown_name_or_revision_is_one_line(hub_cache, offline):
    for name, revision in (("owner/other", None), ("owner/name", "v2"), ("other", None)):
        with pytest.raises(CheckpointError) as caught:
            read_checkpoint(name, revision=revision, **offline)
        message = str(caught.value)
        assert message.startswith(f"{name}: ")
        assert "offline mode is on" in message
        assert "\n" not in message


def test_without_a_network_the_cache_is_used_and_else_it_is_one_line(hub_cache, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    assert read_checkpoint("owner/name").arrays.keys() == random_arrays().keys()
    with pytest.raises(CheckpointError, match="the hub cannot be reached") as caught:
        read_checkpoint("owner/other")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/cache"), r"/cache \(Permission denied\)"),
        (OSError(errno.ENOSPC, "No space left on device"), r"the cache \(No space left on device\)"),
    ],
    ids=["forbidden", "full"],
)
def test_a_disk_that_takes_no_model_is_not_the_network(error, why, monkeypatch):
    """The hub's client says that it cannot be reached, and why as the cause."""

    def fail(*_args, **_kwargs):
        raise LocalEntryNotFoundError("not found") from error

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(CheckpointError, match=f"cannot be kept in {why}; set HF_HOME"):
        locate("owner/name", ())


@pytest.mark.parametrize(
    "error", [json.JSONDecodeError("no JSON", "<html>", 0), RuntimeError("too many redirects")]
)
def test_what_stands_in_the_place_of_the_hub_is_one_line(error, monkeypatch):
    """Errors of its library's client, whatever they are derived from."""
    monkeypatch.setattr("huggingface_hub.snapshot_download", mock.Mock(side_effect=error))
    with pytest.raises(CheckpointError, match=r"^owner/name: no such folder, .* see whether") as caught:
        read_checkpoint("owner/name")
    assert "\n" not in str(caught.value)


def test_the_environment_switch_works_in_a_fresh_process(hub_cache):
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('network used')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from squeezebert.checkpoints import read_checkpoint\n"
        "print(len(read_checkpoint('owner/name').arrays))\n"
        "try: read_checkpoint('owner/other')\n"
        "except ValueError as error: print(error)\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(hub_cache)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == str(len(random_arrays()))
    assert second.startswith("owner/other: ")


def test_a_folder_comes_before_everything(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert locate("owner/name", ()) == Path("owner/name")
    assert locate(tmp_path, ()) == tmp_path


def test_embedded_models_are_found_by_name_and_nothing_outside(tmp_path, monkeypatch):
    inside = tmp_path / "models"
    (inside / "mini" / "text-classification").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    monkeypatch.setattr(files, "EMBEDDED", inside)
    assert locate("mini", ()) == inside / "mini"
    assert locate("mini/text-classification", ()) == inside / "mini" / "text-classification"
    with pytest.raises(CheckpointError):
        locate("../secret", ())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "an empty name is no folder"),
        ("/no/such/folder", "no such folder"),
        ("./missing", "no such folder"),
        ("../missing", "no such folder"),
        ("~/missing", "no such folder"),
        ("a/b/c", "no such folder"),
        ("x" * 5000, "neither a folder nor a valid hub name"),
        ("a\0b", "neither a folder nor a valid hub name"),
        ("not a name!", "neither a folder nor a valid hub name"),
        ("owner/not a name", "neither a folder nor a valid hub name"),
        ("mini/no-such-task", "there is no such embedded model; there is mini, .*mini/text-classification"),
    ],
)
def test_names_that_can_be_no_model_never_reach_the_network(name, why, tmp_path, hub_cache, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=why):
        locate(name, ())


def test_a_file_is_not_a_folder(tmp_path):
    path = tmp_path / "model.safetensors"
    path.touch()
    with pytest.raises(CheckpointError, match="is a file; give the folder"):
        locate(path, ())


def test_an_atomic_write_replaces_or_leaves_alone(tmp_path):
    path = tmp_path / "file"
    write_text(path, "häßlich\n")
    assert path.read_bytes() == "häßlich\n".encode()

    def fail():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise KeyError("midway")

    with pytest.raises(KeyError):
        fail()
    assert path.read_bytes() == "häßlich\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_where_there_is_no_room_the_error_names_the_file(tmp_path):
    path = tmp_path / "answers.jsonl"
    with pytest.raises(OSError, match=r"No space left on device: '.*answers\.jsonl'"), atomic_path(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_written_files_have_ordinary_permissions(tmp_path):
    current = os.umask(0o027)
    try:
        write_text(tmp_path / "file", "x")
    finally:
        os.umask(current)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_file_that_is_replaced_leaves_its_permissions(tmp_path):
    path = tmp_path / "file"
    path.write_text("x")
    path.chmod(0o600)
    write_text(path, "y")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("y", 0o600)


def test_what_a_link_points_to_is_replaced(tmp_path):
    link, target = tmp_path / "link", tmp_path / "there" / "file"
    target.parent.mkdir()
    link.symlink_to("there/file")
    for text in ("made", "replaced"):
        write_text(link, text)
        assert link.is_symlink()
        assert target.read_text() == text
    assert list(target.parent.iterdir()) == [target]


def test_only_our_own_leftovers_are_cleared(tmp_path):
    with suppress(KeyError), atomic_path(tmp_path / "a.bin") as temporary:
        mine = temporary.with_name(temporary.name)
        raise KeyError
    others = [tmp_path / name for name in (".rsync.data.tmp", ".x.tmp", "a.bin", ".a.bin.0123456789ab.tmpx")]
    for path in (mine, *others):
        path.write_text("x")
    clear_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(others)


@pytest.mark.skipif(files.fcntl is None, reason="the system has no such locks")
def test_a_folder_is_held_by_one_process_until_it_ends(tmp_path):
    hold = (
        "import sys, time; from pathlib import Path; from squeezebert.files import alone_in\n"
        "with alone_in(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", hold, tmp_path], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(OptionError, match="another process is at work in it"), alone_in(tmp_path):
            pass
        other.kill()
        other.wait()
        with alone_in(tmp_path):
            assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no forks")
def test_a_forked_child_does_not_go_on_holding_a_folder(tmp_path):
    with alone_in(tmp_path):
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
    try:
        with alone_in(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_where_no_folder_can_be_held_nobody_is_kept_out(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.EBADF, "Bad file descriptor")

    if files.fcntl is not None:
        monkeypatch.setattr(files.fcntl, "flock", unsupported)
        with alone_in(tmp_path), alone_in(tmp_path):
            pass
    monkeypatch.setattr(files, "fcntl", None)
    with alone_in(tmp_path), alone_in(tmp_path):
        pass


def test_writing_into_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(OptionError, match="cannot be written"):
        write_text(tmp_path / "missing" / "file", "x")


def test_what_is_no_file_is_written_to_and_stays_what_it_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_text(pipe, "text")
        assert os.read(reader, 9) == b"text"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_the_standard_output_by_its_name_is_not_replaced(tmp_path):
    # A link like /dev/stdout, which a broken build would replace for the whole machine.
    link, target = tmp_path / "stdout", tmp_path / "log"
    link.symlink_to("/proc/self/fd/1")
    code = "import sys, pathlib, squeezebert.files as f; f.write_text(pathlib.Path(sys.argv[1]), 'a')"
    with target.open("w") as file:
        subprocess.run([sys.executable, "-c", code, str(link)], stdout=file, check=True)
    assert target.read_text() == "a"
    assert link.is_symlink()

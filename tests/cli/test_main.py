"""The program as a whole: it starts fast and fails in one line."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from squeezebert.cli import main
from squeezebert.cli.group import COMMANDS
from squeezebert.pipelines import LOOK_AHEAD


def program(
    *arguments: str, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "squeezebert", *arguments],
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        # Unbuffered, nothing could get lost at the end.
        env={**os.environ, "PYTHONUNBUFFERED": "", **environment},
        check=False,
    )


HEAVY = ("torch", "numpy", "tokenizers", "safetensors", "huggingface_hub", "tqdm", "transformers")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_start_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from squeezebert.cli import main; main(sys.argv[1:]);"
        f"print('loaded', sorted(set({HEAVY}) & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "loaded []"


@pytest.mark.parametrize("command", ["predict", "evaluate", "quantize", "info", "demo"])
def test_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    code = (
        "import sys; from squeezebert.cli import main; main(sys.argv[1:]);"
        f"print('loaded', sorted(set({HEAVY}) & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, command, "--help"], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "loaded []"


def test_help_is_fast() -> None:
    """Promised are 0.2 s. Processor time is measured, because others may be using the machine."""
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert program("--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < 0.4


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, summary in COMMANDS.items():
        assert name in shown
        assert summary in shown


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Usage: squeezebert" in capsys.readouterr().out


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"squeezebert {version('squeezebert')}\n"


def test_all_answers_are_out_before_the_process_ends(tmp_path: Path) -> None:
    """It does not wait until everything is taken apart, which would flush what is left, too."""
    texts = "".join(f"film {number}\n" for number in range(1009))
    run = program("predict", "--json", stdin=texts)
    assert run.returncode == 0
    assert run.stdout.endswith("}\n")
    assert run.stdout.count("\n") == 1009
    assert program("predict", "--output", str(tmp_path / "answers.jsonl"), stdin=texts).returncode == 0
    assert (tmp_path / "answers.jsonl").read_text() == run.stdout


def test_what_is_piped_is_utf8_and_the_odd_bytes_of_a_name_are_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    path, out = tmp_path / "a\udcff.txt", tmp_path / "answers.jsonl"
    path.write_text("héllo ✓\n", encoding="utf-8")
    command = [sys.executable, "-m", "squeezebert", "predict", "--json", "--input", os.fsencode(path)]
    run = subprocess.run(command, capture_output=True)
    assert (run.returncode, run.stderr) == (0, b"")
    assert json.loads(run.stdout)["text"] == "héllo ✓"
    assert json.loads(run.stdout)["where"] == f"{path}:1"
    assert subprocess.run([*command, "--output", str(out)]).returncode == 0
    assert out.read_bytes() == run.stdout


def test_an_error_after_some_answers_loses_none_of_them() -> None:
    rows = "".join(f'{{"text": "film {number}"}}\n' for number in range(LOOK_AHEAD + 13))
    run = program("predict", "--json", "--input", "-", "--format", "jsonl", stdin=rows + '{"text": 7}\n')
    assert run.returncode == 2
    assert run.stderr.startswith(f"squeezebert: error: stdin:{LOOK_AHEAD + 14}")
    assert run.stdout.endswith("}\n")
    assert run.stdout.count("\n") == LOOK_AHEAD + 13


@pytest.mark.parametrize(("arguments", "left"), [(["predict", "a film"], ""), (["info", "mini"], "tidied")])
def test_a_process_that_holds_a_model_leaves_at_once(arguments: list[str], left: str) -> None:
    code = (
        "import atexit, sys; from squeezebert.cli import program; "
        "atexit.register(sys.stderr.write, 'tidied'); program()"
    )
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert run.stdout
    assert run.stderr == left


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_process_that_is_told_to_end_leaves_nothing_half_written(name: str, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a good film\n")
    out = tmp_path / "out.csv"
    process = subprocess.Popen(
        [sys.executable, "-m", "squeezebert", "predict", "--input", "-", "--output", str(out)],
        stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
        # Under nohup or in the background of a script, the tests themselves ignore some of them.
        preexec_fn=lambda: signal.signal(signal.Signals[name], signal.SIG_DFL),
    )  # fmt: skip
    while len(list(tmp_path.iterdir())) == 1:
        time.sleep(0.01)
    number = signal.Signals[name]
    process.send_signal(number)
    assert process.wait(20) == 128 + number
    assert [path.name for path in tmp_path.iterdir()] == ["in.txt"]


def test_ctrl_c_in_the_first_moments_shows_no_traceback() -> None:
    """While modules are imported, before there is anything to tidy."""
    code = (
        "import signal, sys\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'click': signal.raise_signal(signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "from squeezebert.__main__ import run; run()\n"
    )
    run = subprocess.run([sys.executable, "-c", code, "info"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (-signal.SIGINT, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is full")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    run = program("predict", "a film", "--output", "/dev/full")
    assert run.stderr == "squeezebert: error: /dev/full: No space left on device\n"
    with open("/dev/full", "w") as full:  # noqa: PTH123
        run = subprocess.run(
            [sys.executable, "-m", "squeezebert", "info", "mini"], stdout=full, stderr=subprocess.PIPE,
            text=True, check=False,
        )  # fmt: skip
    assert run.stderr == "squeezebert: error: the standard output: No space left on device\n"


def test_a_stream_is_answered_as_it_comes() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "squeezebert", "predict", "--look-ahead", "1", "--json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    for text in ("a good film", "a bad film"):
        process.stdin.write(f"{text}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["text"] == text
    process.stdin.close()
    assert process.wait(20) == 0


@pytest.mark.parametrize("closed", ["<&-", "2>&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_stop_nothing(closed: str, tmp_path: Path) -> None:
    """As daemons have them. What is opened next must not take the number of one."""
    out = tmp_path / "out.jsonl"
    command = f'"{sys.executable}" -m squeezebert predict good bad --output "{out}" {closed}'
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert [json.loads(line)["text"] for line in out.read_text().splitlines()] == ["good", "bad"]

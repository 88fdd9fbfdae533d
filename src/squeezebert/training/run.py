"""From an objective to a finished folder: what is the same for fine-tuning, distillation and pre-training."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from squeezebert.errors import OptionError
from squeezebert.files import (
    alone_in,
    check_folder,
    clear_leftovers,
    exists,
    make_folder,
    removed_if_empty,
    write_text,
)
from squeezebert.training.distributed import World, joined
from squeezebert.training.journal import JOURNAL_NAME, Journal
from squeezebert.training.loop import Loop
from squeezebert.training.memory import keep_freed_memory
from squeezebert.training.objective import Objective
from squeezebert.training.observer import Observer
from squeezebert.training.plots import draw_curves, plots_are_possible
from squeezebert.training.result import TrainingResult
from squeezebert.training.settings import LoopSettings
from squeezebert.training.state import STATE_NAME
from squeezebert.training.tensorboard import FOLDER_NAME, TensorBoard, tensorboard_is_here
from squeezebert.versions import versions_of

REPORT_NAME = "training.json"
_BEGUN = {STATE_NAME, JOURNAL_NAME, FOLDER_NAME}
_PACKAGES = ("torch", "tokenizers")


def run(
    make: Callable[[], Objective[Any]],
    out: str | Path,
    settings: LoopSettings,
    *,
    resume: bool = False,
    observers: Sequence[Observer] = (),
) -> TrainingResult:
    """Train an objective, or go on with it, in a folder; under ``torchrun`` on several processes.

    The folder gets what :meth:`Objective.save` and :meth:`Objective.finish` write, ``metrics.jsonl`` (steps
    and evaluations) and, at the end, ``training.json`` (settings, data, versions, result); with the extra
    ``plots`` also ``curves.png`` and TensorBoard's event files. While the run goes on the folder holds
    ``training_state.pt`` too; a run that was stopped at any moment and resumed ends with the same weights as
    one that was not. From here on the process keeps the memory that it frees.

    Args:
        make: Makes the objective; called once in each process, after ``out`` is found to be free.
        out: Folder to be made; empty or missing unless ``resume``.
        settings: How to train.
        resume: Go on with the run in ``out``; start it where it has left no state yet.
        observers: Are told of steps and evaluations, beside the journal.

    Returns:
        How the sitting ended; ``finished`` is False where it was stopped before the end.

    Raises:
        OptionError: ``out`` is not free, or another process is at work in it, or it holds a finished run, or
            the processes were not started alike.
        TrainingError: The loss is not finite (the best checkpoint so far is kept), a file cannot be
            written or read, or another process has ended (``LostProcessError``).
    """
    folder = Path(out)
    keep_freed_memory()
    with joined() as world, ExitStack() as stack:
        # The other processes of the run may be going on in the folder: one holds it for all.
        problem = _problem_with(folder, resume, stack) if world.first else ""
        if problem := world.from_first(problem):
            raise OptionError(problem)
        with ExitStack() as beginning:
            if world.first:
                beginning.enter_context(removed_if_empty(folder))
            objective = make()
            loop = Loop(objective, folder, settings, world, [*_writers(folder), *observers])
            world.check_same(loop.identity)
        if resume:
            loop.resume()
        result = _result(loop, loop.run(), world)
        if result.finished and world.first:
            _finish(objective, settings, result, world)
        world.any(False)  # Until the first process has written everything.
    return result


def _writers(folder: Path) -> list[Observer]:
    writers: list[Observer] = [Journal(folder / JOURNAL_NAME)]
    return [*writers, TensorBoard(folder / FOLDER_NAME)] if tensorboard_is_here() else writers


@contextmanager
def claimed(folder: Path, resume: bool) -> Iterator[None]:
    """Make the output folder, or check that it may be used, and hold it.

    What a killed run left half-written is cleared away.

    Raises:
        OptionError: It may not be used.
    """
    check_folder(folder)
    make_folder(folder)
    with alone_in(folder):
        check_free(folder, resume)
        clear_leftovers(folder)
        yield


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a run that is at its end."""
    return (folder / REPORT_NAME).exists()


def check_rows(folder: Path, fingerprint: str) -> None:
    """See that a finished run learnt from and measured on these rows.

    Args:
        folder: Of the run.
        fingerprint: That of the rows; see :meth:`TrainingData.fingerprint`.

    Raises:
        OptionError: They are others, or are divided otherwise; or the report of the run cannot be read.
    """
    data = read_report(folder).get("data")
    if not isinstance(data, dict) or "sha256" not in data:
        raise OptionError(f"{folder / REPORT_NAME}: does not say from which rows the model was made")
    if data["sha256"] != fingerprint:
        raise OptionError(
            f"{folder}: was made from other rows, or rows divided otherwise; give the data and the seed "
            "that it was made with, or quantize and evaluate it by themselves"
        )


def check_report(folder: Path, part: str | None, wanted: Mapping[str, Any]) -> None:
    """See that a finished run was started as is asked for now.

    Args:
        folder: Of the run.
        part: Of its report: "settings" or "config"; None for what stands in none.
        wanted: Values by name, as far as they decide the weights; one that the report lacks is passed over.

    Raises:
        OptionError: One is another; or the report of the run cannot be read.
    """
    report = read_report(folder)
    found = report if part is None else report.get(part, {})
    for name, value in json.loads(json.dumps(wanted)).items():
        if found.get(name, value) != value:
            raise OptionError(
                f"{folder}: is finished, with {name} {found[name]!r}, not {value!r}; "
                "resume the run as it was, or give another --out"
            )


def read_report(folder: Path) -> dict[str, Any]:
    """What a finished run says of itself.

    Raises:
        OptionError: It cannot be read.
    """
    path = folder / REPORT_NAME
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OptionError(f"{path}: cannot be read ({error})") from error
    if not isinstance(report, dict):
        raise OptionError(f"{path}: is no report of a run")
    return report


def check_free(folder: Path, resume: bool) -> None:
    """See that a run may have a folder: a new or empty one, or to go on with, one that it has begun.

    Raises:
        OptionError: It may not.
    """
    check_folder(folder)
    if not exists(folder):
        return
    names = {path.name for path in folder.iterdir()}
    if resume and REPORT_NAME in names:
        raise OptionError(f"{folder}: the run is finished; there is nothing to resume")
    has_begun = bool(names & _BEGUN) and REPORT_NAME not in names
    if names and resume and not has_begun:
        raise OptionError(f"{folder}: holds no run to go on with; give another --out")
    if names and not resume:
        remedy = ", or --resume to go on with its run" if has_begun else ""
        raise OptionError(f"{folder}: is not empty; give another --out{remedy}")


def _problem_with(folder: Path, resume: bool, stack: ExitStack) -> str:
    """What :func:`claimed`, which is entered, has to say, for all processes."""
    try:
        stack.enter_context(claimed(folder, resume))
    except OptionError as error:
        return str(error)
    return ""


def _result(loop: Loop, finished: bool, world: World) -> TrainingResult:
    position = loop.position
    return TrainingResult(
        folder=loop.folder,
        finished=finished,
        metrics=position.best,
        best_step=position.best_step,
        steps=position.step,
        tokens=position.tokens,
        seconds=round(position.seconds, 1),
        precision=loop.trainer.precision,
        writes=world.first,
    )


def _finish(objective: Objective[Any], settings: LoopSettings, result: TrainingResult, world: World) -> None:
    """Write what only a finished run has; ``training.json`` last, because it says that all is there."""
    if plots_are_possible():
        draw_curves(result.folder)
    objective.finish(result)
    report = {
        **objective.report(),
        "settings": dataclasses.asdict(settings),
        "processes": world.size,
        "result": {name: value for name, value in result.to_dict().items() if name != "folder"},
        "versions": versions_of(_PACKAGES),
    }
    write_text(result.folder / REPORT_NAME, json.dumps(report, indent=2) + "\n")
    (result.folder / STATE_NAME).unlink(missing_ok=True)

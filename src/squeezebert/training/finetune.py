"""Fine-tuning from rows to a finished model folder."""

from __future__ import annotations

from pathlib import Path

from squeezebert.errors import OptionError
from squeezebert.files import write_text
from squeezebert.training.card import CARD_NAME, REPORT_NAME, model_card, report_text
from squeezebert.training.data import TrainingData
from squeezebert.training.result import TrainingResult
from squeezebert.training.run import Observer, Run
from squeezebert.training.settings import TrainingSettings
from squeezebert.training.state import STATE_NAME


def train(
    data: TrainingData,
    out: str | Path,
    *,
    start: str = "mini",
    settings: TrainingSettings | None = None,
    resume: bool = False,
    observer: Observer | None = None,
) -> TrainingResult:
    """Fine-tune a checkpoint; the best weights by the task's headline metric are kept.

    The folder gets ``config.json``, ``model.safetensors``, the tokenizer's files, ``metrics.jsonl`` (steps
    and evaluations), ``training.json`` (settings, data, versions, result) and a model card. While the run
    goes on it also holds ``training_state.pt``; a run that was stopped at any moment and resumed ends with
    the same weights as one that was not.

    Args:
        data: Training and validation examples.
        out: Model folder to be made; empty or missing unless ``resume``.
        start: Folder, embedded name or hub name of the checkpoint to start from.
        settings: How to train; None for the defaults.
        resume: Go on with the run in ``out``; start it where it has left no state yet.
        observer: Is told of steps and evaluations.

    Raises:
        OptionError: ``out`` is not free, or holds a finished run.
        DataError: The data does not make a task, or validation rows have labels that no training row has.
        CheckpointError: ``start`` cannot be read or does not fit.
        TrainingError: The loss is not finite (the best checkpoint so far is kept), or a file cannot be
            written.
    """
    folder, settings = Path(out), settings or TrainingSettings()
    claim(folder, resume)
    run = Run(data, start, folder, settings, observer or Observer())
    if resume:
        run.resume()
    run.finish()
    position = run.position
    assert position.best_step is not None  # every run ends with an evaluation
    result = TrainingResult(
        folder,
        position.best,
        position.best_step,
        position.step,
        position.tokens,
        round(position.seconds, 1),
        run.trainer.precision,
    )
    write_text(folder / CARD_NAME, model_card(data, start, settings, result, run.trainer.setup.config))
    write_text(folder / REPORT_NAME, report_text(data, start, settings, result))
    (folder / STATE_NAME).unlink()
    return result


def claim(folder: Path, resume: bool) -> None:
    """Make the output folder, or check that it may be used.

    Raises:
        OptionError: It may not.
    """
    if resume and (folder / REPORT_NAME).exists():
        raise OptionError(f"{folder}: the run is finished; there is nothing to resume")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise OptionError(f"{folder}: cannot be made a model folder ({error.strerror})") from error
    if occupied and not resume:
        raise OptionError(f"{folder}: is not empty; give another --out, or --resume to go on with its run")

"""From a model and corpora to a pre-trained folder, phase by phase."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from itertools import dropwhile
from pathlib import Path

import torch

from squeezebert.config import SqueezeBertConfig
from squeezebert.corpus import Corpus
from squeezebert.corpus.build import tokenizer_digest
from squeezebert.errors import OptionError
from squeezebert.files import check_folder, exists, locate, removed_if_empty
from squeezebert.modeling import SqueezeBertForPreTraining
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.tokenization.store import FILE_NAMES, files_of
from squeezebert.training.distributed import joined
from squeezebert.training.observer import Observer
from squeezebert.training.origin import digest_of
from squeezebert.training.precision import choose_device, choose_precision
from squeezebert.training.pretraining.objective import Pretraining
from squeezebert.training.pretraining.settings import PretrainingSettings
from squeezebert.training.result import TrainingResult
from squeezebert.training.run import check_free, check_report, is_finished, read_report, run
from squeezebert.training.vocabulary import check_vocab_size

_PHASE = "phase"


def pretrain(
    corpora: Mapping[str, float],
    out: str | Path,
    *,
    model: str | SqueezeBertConfig,
    phases: Sequence[PretrainingSettings],
    resume: bool = False,
    observers: Sequence[Observer] = (),
) -> list[TrainingResult]:
    """Pre-train in phases, each a run of its own in ``phase1``, ``phase2`` … of the folder.

    A phase starts from the best weights of the one before, with a new optimizer and its own warm-up. The
    model is in the folder of the last phase.

    Args:
        corpora: Folders that ``squeezebert corpus`` made, each with the share of sequences to take from it.
        out: Folder of the phases; each must be empty or missing unless ``resume``.
        model: Sizes of a new model, or the checkpoint to go on from.
        phases: Settings of each.
        resume: Go on with the first phase that is not finished.
        observers: Are told of steps and evaluations.

    Returns:
        How the phases of this sitting ended; the last may be unfinished where it was to stop.

    Raises:
        OptionError: A folder is not free, or tokenizers and lengths do not fit each other.
        DataError: A folder is no corpus, or holds nothing to measure on.
        TrainingError: As :func:`squeezebert.training.run.run`.
    """
    finished = check_folders(Path(out), len(phases), resume)
    check_phases(model, phases, finished=finished)
    results: list[TrainingResult] = []
    began = time.monotonic()
    source = model
    # Once for all phases: processes that part and meet anew may look for each other at old addresses.
    with joined() as world, removed_if_empty(Path(out)) if world.first else nullcontext():
        for number, settings in enumerate(phases, 1):
            folder = Path(out) / phase_name(number)
            if resume and is_finished(folder):
                _check_finished(folder, corpora, source, settings)
            else:
                result = run(
                    lambda start=source, chosen=settings: make_pretraining(corpora, start, chosen),  # type: ignore[misc]
                    folder,
                    _with_time_left(settings, time.monotonic() - began),
                    resume=resume,
                    observers=observers,
                )
                results.append(result)
                if not result.finished:
                    break
            source = str(folder)
    if not results:
        raise OptionError(f"{out}: the run is finished; there is nothing to resume")
    return results


def _check_finished(
    folder: Path,
    corpora: Mapping[str, float],
    model: str | SqueezeBertConfig,
    settings: PretrainingSettings,
) -> None:
    """See that a phase that is left as it is was trained as is asked for now."""
    check_report(folder, "settings", settings.identity())
    asked = [(Corpus(place).fingerprint, share) for place, share in corpora.items()]
    read = [(corpus["sha256"], corpus["share"]) for corpus in read_report(folder).get("corpora", ())]
    if read and read != asked:
        raise OptionError(
            f"{folder}: is finished, and has read other corpora than {', '.join(corpora)}, or in other "
            "shares; resume the run as it was, or give another --out"
        )
    if isinstance(model, str):
        check_report(folder, None, {"model_sha256": digest_of(model)})
    else:
        # What it was made into then has a name of its own, and the tokenizer says what pads.
        made = ("architectures", "pad_token_id")
        sizes = {name: value for name, value in model.to_dict().items() if name not in made}
        check_report(folder, "config", sizes)


def phase_name(number: int) -> str:
    """Name of the folder of a phase, counted from 1."""
    return f"{_PHASE}{number}"


def check_folders(out: Path, phases: int, resume: bool) -> int:
    """See that no phase has begun, or was left from another run, before the one that it starts from.

    Returns:
        How many phases are finished, of a run that goes on.

    Raises:
        OptionError: One has; or ``out`` holds something else than phases.
    """
    check_folder(out)
    if exists(out) and any(not path.name.startswith((_PHASE, ".")) for path in out.iterdir()):
        raise OptionError(f"{out}: is not empty, and holds something else than phases; give another --out")
    folders = [out / phase_name(number) for number in range(1, phases + 1)]
    left = list(dropwhile(lambda folder: resume and is_finished(folder), folders))
    for folder in left[:1]:
        check_free(folder, resume)
    for folder in left[1:]:
        if exists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
            raise OptionError(
                f"{folder}: is not empty, and {left[0].name}, which it starts from, is not finished; "
                "remove it, or give another --out"
            )
    return phases - len(left)


def check_phases(
    model: str | SqueezeBertConfig, phases: Sequence[PretrainingSettings], *, finished: int = 0
) -> None:
    """Find out before the first phase whether the last one can be trained.

    Args:
        model: As in :func:`pretrain`.
        phases: Settings of each.
        finished: So many of the first ones are finished, and left as they are.

    Raises:
        OptionError: Length, device or precision of one are not to be had; the message names the phase.
    """
    config = SqueezeBertConfig.from_pretrained(model) if isinstance(model, str) else model
    for number, settings in enumerate(phases[finished:], finished + 1):
        try:
            _check_config(settings, config)
            choose_precision(settings.precision, choose_device(settings.device).type)
        except OptionError as error:
            raise OptionError(f"phase {number}: {error}") from error


def _check_config(settings: PretrainingSettings, config: SqueezeBertConfig) -> None:
    if config.type_vocab_size < 2:
        raise OptionError(
            f"type_vocab_size {config.type_vocab_size} has no segment for the second of two texts; it takes 2"
        )
    if settings.max_length > config.max_position_embeddings:
        raise OptionError(
            f"max_length {settings.max_length} is more than the {config.max_position_embeddings} "
            "that the model reads"
        )


def make_pretraining(
    corpora: Mapping[str, float], model: str | SqueezeBertConfig, settings: PretrainingSettings
) -> Pretraining:
    """Load or make everything that takes part; raises as :func:`pretrain` does."""
    if not corpora:
        raise OptionError("give at least one corpus")
    torch.manual_seed(settings.seed)
    opened = {folder: Corpus(folder) for folder in corpora}
    first = next(iter(corpora))
    tokenizer = SqueezeBertTokenizerFast.from_pretrained(first)
    for folder, corpus in opened.items():
        if corpus.tokenizer != tokenizer_digest(tokenizer):
            raise OptionError(f"{folder}: was made with another tokenizer than {first}; make it anew")
    if isinstance(model, str):
        learner = SqueezeBertForPreTraining.from_pretrained(model)
        _check_tokenizer(model, first, tokenizer)
    else:
        learner = SqueezeBertForPreTraining(model.replace(pad_token_id=tokenizer.pad_token_id))
    config = learner.config
    check_vocab_size(config, tokenizer, first)
    _check_config(settings, config)
    tokenizer.model_max_length = config.max_position_embeddings
    origin = model if isinstance(model, str) else "new"
    digest = digest_of(model) if isinstance(model, str) else None
    about = {"model": origin, "model_sha256": digest, "config": config.to_dict()}
    return Pretraining(learner, tokenizer, corpora, settings, about)


def _check_tokenizer(model: str, corpus: str, tokenizer: SqueezeBertTokenizerFast) -> None:
    """See that the ids of the corpora mean to a checkpoint what they mean to them."""
    # Weights that were saved alone do not tell.
    if not files_of(locate(model, FILE_NAMES)):
        return
    if tokenizer_digest(SqueezeBertTokenizerFast.from_pretrained(model)) != tokenizer_digest(tokenizer):
        raise OptionError(
            f"{corpus}: was made with another tokenizer than that of {model}; "
            f"make it anew with `squeezebert corpus --tokenizer {model}`"
        )


def _with_time_left(settings: PretrainingSettings, seconds: float) -> PretrainingSettings:
    if settings.stop_after is None:
        return settings
    return dataclasses.replace(settings, stop_after=max(1e-6, settings.stop_after - seconds / 60))

"""From names to a finished student folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from squeezebert.config import SqueezeBertConfig
from squeezebert.corpus import Corpus
from squeezebert.corpus.build import tokenizer_digest
from squeezebert.errors import OptionError
from squeezebert.modeling import SqueezeBertForMaskedLM, SqueezeBertModel
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.training.distillation.objective import Distillation, Student
from squeezebert.training.distillation.settings import DistillationSettings
from squeezebert.training.distillation.teacher import EngineTeacher, Teacher, TorchTeacher, piece_vectors
from squeezebert.training.freezing import freeze
from squeezebert.training.layers import check_layers
from squeezebert.training.observer import Observer
from squeezebert.training.origin import digest_of
from squeezebert.training.result import TrainingResult
from squeezebert.training.run import run
from squeezebert.training.vocabulary import check_vocab_size

_WITH_VOCABULARY = ("ForMaskedLM", "ForPreTraining")


def distill(
    corpora: Mapping[str, float],
    out: str | Path,
    *,
    teacher: str,
    student: str | SqueezeBertConfig,
    settings: DistillationSettings | None = None,
    resume: bool = False,
    observers: Sequence[Observer] = (),
) -> TrainingResult:
    """Teach a student on unlabelled text; the folder gets what :func:`squeezebert.training.run.run` writes.

    Args:
        corpora: Folders that ``squeezebert corpus`` made, each with the share of texts to take from it.
        out: Model folder to be made; empty or missing unless ``resume``.
        teacher: Folder, embedded name or hub name of the teacher.
        student: That of the checkpoint to go on from; or the sizes of a new student, whose word embeddings
            start from the teacher's outputs for each piece where both have the same width.
        settings: How to train; None for the defaults.
        resume: Go on with the run in ``out``; start it where it has left no state yet.
        observers: Are told of steps and evaluations.

    Raises:
        OptionError: ``out`` is not free, or corpora, teacher and student have different tokenizers.
        DataError: A folder is no corpus.
        CheckpointError: Teacher or student cannot be read.
        TrainingError: As :func:`squeezebert.training.run.run`.
    """
    chosen = settings or DistillationSettings()
    return run(
        lambda: make_distillation(corpora, teacher, student, chosen),
        out,
        chosen,
        resume=resume,
        observers=observers,
    )


def make_distillation(
    corpora: Mapping[str, float],
    teacher: str,
    student: str | SqueezeBertConfig,
    settings: DistillationSettings,
) -> Distillation:
    """Load or make everything that takes part; raises as :func:`distill` does."""
    if settings.freeze_blocks and not isinstance(student, str):
        raise OptionError(
            f"freeze_blocks {settings.freeze_blocks} would leave blocks of a new student as random as they "
            "begin; it is for a checkpoint that goes on (--from)"
        )
    torch.manual_seed(settings.seed)
    tokenizer = SqueezeBertTokenizerFast.from_pretrained(teacher)
    _check_tokenizers(corpora, teacher, tokenizer)
    model = _teacher(teacher, settings)
    sizes = SqueezeBertConfig.from_pretrained(student) if isinstance(student, str) else student
    # Before the teacher reads anything: it is to give the outputs of these.
    check_layers(settings.layer_map, sizes, model.config)
    learner = _student(student, model, tokenizer, settings)
    freeze(learner, settings.freeze_blocks)
    if _is_frozen(learner, model, settings):
        raise OptionError(
            f"freeze_blocks {settings.freeze_blocks} leaves nothing to train; freeze fewer, or learn the "
            "pooler (pooler_factor) or to fill masks (mlm_share)"
        )
    longest = min(model.config.max_position_embeddings, learner.config.max_position_embeddings)
    if settings.longest > longest:
        raise OptionError(
            f"longest {settings.longest} is more than the {longest} tokens that both models read"
        )
    tokenizer.model_max_length = learner.config.max_position_embeddings
    about: dict[str, Any] = {
        "teacher": teacher,
        "teacher_sha256": digest_of(teacher),
        "student": student if isinstance(student, str) else "new",
        "student_sha256": digest_of(student) if isinstance(student, str) else None,
        "config": learner.config.to_dict(),
    }
    return Distillation(learner, tokenizer, model, corpora, settings, about)


def _is_frozen(student: Student, teacher: Teacher, settings: DistillationSettings) -> bool:
    """Whether no part of the loss has anything to learn: neither blocks nor projections, pooler or head."""
    config = student.config
    return (
        settings.freeze_blocks == config.num_hidden_layers
        and config.hidden_size == teacher.config.hidden_size
        and settings.factors.keys().isdisjoint({"pooler", "mlm"})
    )


def _check_tokenizers(
    corpora: Mapping[str, float], teacher: str, tokenizer: SqueezeBertTokenizerFast
) -> None:
    if not corpora:
        raise OptionError("give at least one corpus")
    for folder in corpora:
        if Corpus(folder).tokenizer != tokenizer_digest(tokenizer):
            raise OptionError(
                f"{folder}: was made with another tokenizer than that of the teacher {teacher}; "
                f"make it anew with `squeezebert corpus --tokenizer {teacher}`"
            )


def _teacher(name: str, settings: DistillationSettings) -> Teacher:
    if settings.teacher_precision == "torch":
        return TorchTeacher(name, [theirs for _, theirs in settings.layer_map])
    return EngineTeacher(name, settings.teacher_precision, settings.threads)


def _student(
    student: str | SqueezeBertConfig,
    teacher: Teacher,
    tokenizer: SqueezeBertTokenizerFast,
    settings: DistillationSettings,
) -> Student:
    kind: type[Student] = SqueezeBertForMaskedLM if settings.mlm_share else SqueezeBertModel
    if isinstance(student, str):
        learner = kind.from_pretrained(student)
        if tokenizer_digest(SqueezeBertTokenizerFast.from_pretrained(student)) != tokenizer_digest(tokenizer):
            raise OptionError(f"{student}: has another tokenizer than the teacher; a student has to share it")
        if not any(head in name for name in learner.config.architectures for head in _WITH_VOCABULARY):
            _calm(learner)
        return learner
    check_vocab_size(student, tokenizer, "the teacher")
    learner = kind(student.replace(pad_token_id=tokenizer.pad_token_id))
    if student.hidden_size == teacher.config.hidden_size:
        vectors = piece_vectors(
            teacher, len(tokenizer), cls_id=tokenizer.cls_token_id, sep_id=tokenizer.sep_token_id
        )
        with torch.no_grad():
            learner.get_input_embeddings().weight[: len(vectors)] = vectors
    _calm(learner)
    return learner


def _calm(learner: Student) -> None:
    """Make the scores of a new vocabulary head small: trained word vectors are longer than random ones."""
    if isinstance(learner, SqueezeBertForMaskedLM):
        length = learner.get_input_embeddings().weight.detach().norm(dim=1).mean()
        with torch.no_grad():
            learner.cls.predictions.transform.LayerNorm.weight.fill_(1 / max(1.0, float(length)))

"""Fill-mask: what stands at ``[MASK]``; masked language modelling in training."""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from squeezebert.config import SqueezeBertConfig
from squeezebert.engine.backend import Outputs
from squeezebert.errors import DataError, OptionError, nearest
from squeezebert.tasks.base import NO_LOSS, Answer, Example, Feature, Setup, Task, Window, extent
from squeezebert.tasks.columns import Column, text_of
from squeezebert.tasks.masking import mask_tokens
from squeezebert.tasks.merging import best_places
from squeezebert.tasks.scores import highest, log_sum_exp

if TYPE_CHECKING:
    from squeezebert.data import Row


@dataclass(frozen=True)
class MaskExample(Example):
    """A text with masks to be filled; or a plain one of which ``hidden`` tokens are to be guessed.

    Attributes:
        text: The text.
        hidden: Whether tokens are chosen and hidden by :mod:`masking`, for training and evaluation. The
            text itself has the right answers, so that no label is needed.
    """

    text: str
    hidden: bool = False


@dataclass(frozen=True)
class FillMaskOptions:
    """What to answer.

    Attributes:
        top_k: How many fillings of each mask, best first.
        targets: The only pieces to choose from; None for the whole vocabulary.
    """

    top_k: int = 5
    targets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise OptionError(f"top_k {self.top_k} is less than 1")
        if self.targets is not None:
            targets = (self.targets,) if isinstance(self.targets, str) else tuple(self.targets)
            object.__setattr__(self, "targets", targets)
            if not targets:
                raise OptionError("targets is empty; leave it out to choose from the whole vocabulary")


class FillMask(Task[MaskExample, FillMaskOptions]):
    """Masked language modelling."""

    name = "fill-mask"
    head = "SqueezeBertForMaskedLM"
    columns = (Column("text", ("sentence", "content", "body", "review")),)
    options_type = FillMaskOptions
    evaluation_options = FillMaskOptions()
    no_scores = ("perplexity",)
    one_head = draws = True

    def read(self, values: Mapping[str, Any], where: str) -> MaskExample:
        """Make an example."""
        return MaskExample(where, text_of(values, "text", where))

    def labelled_example(self, row: Row, columns: Mapping[str, str] | None = None) -> MaskExample:
        """Read a text, of which tokens are to be hidden and guessed."""
        return dataclasses.replace(self.example(row, columns), hidden=True)

    def check_options(self, options: FillMaskOptions, setup: Setup) -> None:
        """See that each target is one piece."""
        _allowed(options.targets, setup)

    def encode(self, example: MaskExample, setup: Setup) -> list[Window]:
        """Window the text; windows of a text with hidden tokens do not overlap, so that each counts once.

        The choice of hidden tokens depends on nothing but the text.
        """
        encodings = setup.tokenizer.encode_windows(
            example.text, max_length=setup.max_length, stride=0 if example.hidden else setup.stride
        )
        if example.hidden:
            rng = np.random.default_rng(zlib.crc32(example.text.encode()))
            return [_masked(Window(encoding), setup, rng) for encoding in encodings]
        mask = setup.tokenizer.mask_token_id
        windows = [
            Window(encoding, wanted=tuple(p for p, piece in enumerate(encoding.ids) if piece == mask))
            for encoding in encodings
        ]
        if not any(window.wanted for window in windows):
            raise DataError(
                f"{example.where}: has no {setup.tokenizer.mask_token}; put it where a word is to be guessed"
            )
        return windows

    def decode(
        self,
        example: MaskExample,
        windows: Sequence[Window],
        outputs: Sequence[Outputs],
        setup: Setup,
        options: FillMaskOptions,
    ) -> Answer:
        """Give a list of ``{"score", "token", "token_str", "sequence", "windows", "truncated"}``, best first.

        Several masks give a list of such lists, in the order of the text; each ``sequence`` has only its own
        mask filled. Of a text with hidden tokens: one dict with the number of ``masked`` tokens, how many of
        them were guessed (``correct``), and their negative log-likelihood (``nll``, in nats, summed).
        """
        if example.hidden:
            return _guesses(windows, outputs, setup)
        allowed = _allowed(options.targets, setup)
        fillings = []
        for index, position in best_places(windows, setup.stride):
            window = windows[index]
            if position in (window.wanted or ()):
                logits = outputs[index]["logits"][(window.wanted or ()).index(position)]
                span = window.encoding.offsets[position]
                fillings.append(_fillings(example.text, span, logits, allowed, options, setup))
        answers = [[{**filling, **extent(windows)} for filling in mask] for mask in fillings]
        return answers[0] if len(answers) == 1 else answers

    def features(
        self, example: MaskExample, windows: Sequence[Window], setup: Setup, rng: np.random.Generator
    ) -> list[Feature]:
        """Hide tokens anew, to be guessed."""
        features = []
        for window in windows:
            masked = _masked(window, setup, rng)
            chosen = list(masked.wanted or ())
            if chosen:
                labels = np.full(len(masked.ids), NO_LOSS, dtype=np.int64)
                labels[chosen] = np.array(window.encoding.ids)[chosen]
                features.append(Feature((masked,), token_targets={"labels": labels}))
        return features

    def metric(
        self, examples: Sequence[MaskExample], answers: Sequence[Answer], config: SqueezeBertConfig
    ) -> dict[str, float]:
        """Give the share of hidden tokens that were guessed, and the perplexity."""
        masked = sum(answer["masked"] for answer in answers)
        if not masked:
            raise DataError("there are no texts with tokens to evaluate")
        nll = sum(answer["nll"] for answer in answers) / masked
        return {
            "accuracy": sum(answer["correct"] for answer in answers) / masked,
            "perplexity": math.exp(min(nll, 700.0)),
        }


def _masked(window: Window, setup: Setup, rng: np.random.Generator) -> Window:
    encoding = window.encoding
    # The text may hold special tokens, too, and unknown words.
    never = set(setup.tokenizer.all_special_ids)
    ids, chosen = mask_tokens(
        encoding.ids,
        [int(piece in never) for piece in encoding.ids],
        mask_id=setup.tokenizer.mask_token_id,
        vocab_size=len(setup.tokenizer),
        rng=rng,
    )
    return Window(encoding, masked_ids=ids, wanted=chosen)


def _guesses(windows: Sequence[Window], outputs: Sequence[Outputs], setup: Setup) -> dict[str, Any]:
    masked = correct = 0
    nll = 0.0
    for window, output in zip(windows, outputs, strict=True):
        chosen = list(window.wanted or ())
        right = np.array(window.encoding.ids, dtype=np.int64)[chosen]
        logits = output["logits"][:, : len(setup.tokenizer)].astype(np.float64)
        if chosen:
            nll += float((log_sum_exp(logits) - logits[np.arange(len(chosen)), right]).sum())
            correct += int((logits.argmax(axis=1) == right).sum())
            masked += len(chosen)
    return {"masked": masked, "correct": correct, "nll": nll, **extent(windows)}


def _allowed(targets: tuple[str, ...] | None, setup: Setup) -> NDArray[np.int64]:
    """Ids to choose from; never those that the tokenizer has no piece for.

    Raises:
        OptionError: A target is not one piece of the vocabulary.
    """
    tokenizer = setup.tokenizer
    if targets is None:
        return np.arange(min(len(tokenizer), setup.config.vocab_size))
    unknown = tokenizer.unk_token_id
    ids = []
    for target in targets:
        identity = tokenizer.convert_tokens_to_ids(target)
        if identity == unknown and target != tokenizer.unk_token:
            pieces = tokenizer.tokenize(target)
            identity = tokenizer.convert_tokens_to_ids(pieces[0]) if len(pieces) == 1 else unknown
            if identity == unknown:
                split = f"it is {' '.join(pieces)}" if len(pieces) > 1 else "it is unknown"
                near = nearest(target, list(tokenizer.get_vocab()))
                raise OptionError(f"the target {target!r} is not one piece of the vocabulary; {split}{near}")
        ids.append(identity)
    return np.array(sorted(set(ids)), dtype=np.int64)


def _fillings(
    text: str,
    span: tuple[int, int],
    logits: NDArray[np.float32],
    allowed: NDArray[np.int64],
    options: FillMaskOptions,
    setup: Setup,
) -> list[dict[str, Any]]:
    """The best fillings of one mask, whose characters are ``span``; ``logits`` ``[vocabulary]``.

    Probabilities are over all pieces, also where the choice is limited to targets.
    """
    logits = logits[: len(setup.tokenizer)]
    best = allowed[highest(logits[allowed], options.top_k)]
    scores = np.exp(logits[best] - log_sum_exp(logits))
    answers = []
    for index, score in zip(best.tolist(), scores.tolist(), strict=True):
        piece = setup.tokenizer.convert_ids_to_tokens(index)
        before = text[: span[0]].rstrip() if piece.startswith("##") else text[: span[0]]
        answers.append(
            {
                "score": score,
                "token": index,
                "token_str": piece,
                "sequence": before + piece.removeprefix("##") + text[span[1] :],
            }
        )
    return answers

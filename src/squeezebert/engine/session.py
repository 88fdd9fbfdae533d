"""A model loaded into the compiled kernels: arrays of ids in, arrays of outputs out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from squeezebert import _native
from squeezebert.checkpoints import read_stored
from squeezebert.checkpoints.arrays import check_finite
from squeezebert.checkpoints.safetensors_file import release_pages
from squeezebert.config import GROUP_KEYS, SqueezeBertConfig
from squeezebert.engine.backend import BASE, POOLED_HEADS, Outputs, published_head, require_head
from squeezebert.engine.inputs import Inputs, read_inputs, split
from squeezebert.engine.outputs import EngineOutput, Result
from squeezebert.engine.packing import PackedBatch, int32, starts_of
from squeezebert.engine.weights import fitting
from squeezebert.errors import OptionError
from squeezebert.threads import check_threads

PRECISIONS = ("int8", "fp32")

# What the kernels compute on top of the encoder, by the class name of the published model.
_NATIVE_HEADS = {
    BASE: "none",
    "SqueezeBertForSequenceClassification": "pooled",
    "SqueezeBertForMultipleChoice": "pooled",
    "SqueezeBertForTokenClassification": "tokens",
    "SqueezeBertForQuestionAnswering": "tokens",
    "SqueezeBertForMaskedLM": "vocabulary",
}
_CHOICES = "SqueezeBertForMultipleChoice"
_SPANS = "SqueezeBertForQuestionAnswering"
_VOCABULARY = "SqueezeBertForMaskedLM"

_Ids = NDArray[np.int32]

_NATIVE_CONFIG = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act", *GROUP_KEYS,
)  # fmt: skip


class Engine:
    """A SqueezeBERT or BERT model on the compiled kernels, without torch.

    One engine may be called from many threads at once. A text's outputs are the same bits alone, in any
    batch, at any place in it, and for any number of threads.

    Args:
        config: Sizes and groups.
        arrays: Weights under their published names: float32, float16, or int8 codes with their scales under
            ``name.scale`` and what they are smoothed by, as :func:`squeezebert.checkpoints.read_stored` gives
            them. They must not change afterwards.
        head: Class name of the published model, such as ``"SqueezeBertForTokenClassification"``; the one
            that ``config.architectures`` names if None, or else the model without head.
        precision: "int8" or "fp32", whatever the weights are stored as.
        threads: Threads to compute with; those that this process may use if None.

    Attributes:
        config: The same.
        head: Class name of the published model that it computes.
        precision: The same.

    Raises:
        CheckpointError: Tensors are missing, unexpected, of another shape or not finite.
        OptionError: There is no such head or precision, ``threads`` is not positive, or the environment
            variable ``SQUEEZEBERT_ISA`` names an instruction set that this machine lacks.
    """

    pads = False

    def __init__(
        self,
        config: SqueezeBertConfig,
        arrays: Mapping[str, NDArray[Any]],
        head: str | None = None,
        *,
        precision: str = "int8",
        threads: int | None = None,
    ) -> None:
        if precision not in PRECISIONS:
            raise OptionError(f"precision {precision!r} is not one of {', '.join(PRECISIONS)}")
        self.config = config
        self.head = _head_of(config) if head is None else _checked_head(head)
        self.precision = precision
        self._again: Callable[[], Engine] | None = None
        taken = fitting(config, arrays, self.head, place="weights")
        check_finite(taken, "weights")
        try:
            self._model = _native.Model(
                {key: getattr(config, key) for key in _NATIVE_CONFIG},
                taken,
                _NATIVE_HEADS[self.head],
                precision,
                check_threads(threads),
                "",
            )
        except ValueError as error:
            raise OptionError(str(error)) from error

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        head: str | None = None,
        precision: str = "int8",
        threads: int | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
    ) -> Engine:
        """Load a SqueezeBERT or BERT checkpoint.

        Int8 weights, as ``squeezebert quantize`` writes them, are mapped from the file and not copied where
        the kernels can read them in place.

        Args:
            name_or_path: Folder, embedded name or hub name (``"owner/name"``).
            head: As in the constructor. A head that the checkpoint was not trained with is an error.
            precision: As in the constructor.
            threads: As in the constructor.
            revision: Branch, tag or commit on the hub.
            local_files_only: Use only what the hub's cache on this machine holds.

        Raises:
            CheckpointError: It cannot be read, has another head, or does not fit the model.
            ConfigError: ``config.json`` is missing or wrong.
            OptionError: As in the constructor.
        """
        stored = read_stored(name_or_path, revision=revision, local_files_only=local_files_only)
        head = _head_of(stored.config) if head is None else _checked_head(head)
        require_head(stored, head)
        # Here, too, because the constructor cannot say where the arrays are from.
        arrays = fitting(stored.config, stored.arrays, head, place=stored.folder)
        engine = cls(stored.config, arrays, head, precision=precision, threads=threads)
        # Packed by now; only the word embeddings are read on, a few rows at a time.
        release_pages(arrays.values())
        engine._again = partial(
            cls.from_pretrained, stored.folder.resolve(), head=head, precision=precision, threads=threads
        )
        return engine

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle where it was loaded from, for a process of its own to load it again.

        Raises:
            OptionError: It was made of arrays.
        """
        if self._again is None:
            raise OptionError("an engine made of arrays cannot be pickled; write a checkpoint and load that")
        return self._again, ()

    def channel_magnitudes(self, batch: PackedBatch) -> NDArray[np.float32]:
        """Tell how large channels become that go into attention and into the feed-forward layers.

        Returns:
            Largest magnitude over all tokens ``[layers, 2, hidden]``.

        Raises:
            OptionError: An id, a segment or a position is none of the model's.
        """
        try:
            return self._model.magnitudes(batch.input_ids, batch.token_type_ids, batch.starts)
        except ValueError as error:
            raise OptionError(str(error)) from error

    def stage_seconds(self) -> dict[str, float]:
        """Tell where the last call spent its time.

        Returns:
            Seconds of ``linear`` (with the quantisation of what goes into the layers), ``attention`` and
            ``elementwise`` (embeddings, activations and norms), each summed over the threads.
        """
        return self._model.stage_seconds()

    @property
    def threads(self) -> int:
        """Threads that it computes with."""
        return self._model.threads

    @property
    def isa(self) -> str:
        """Instruction set that its kernels are compiled for."""
        return self._model.isa

    @property
    def description(self) -> str:
        """What computes, in a few words."""
        return f"engine {self.precision} {self.isa}"

    def __call__(
        self,
        input_ids: Any,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
    ) -> EngineOutput:
        """Compute the outputs of a batch.

        Args:
            input_ids: A list of texts, each a list of ids, of any lengths; or a padded array
                ``[batch, tokens]``. For multiple choice a list of lists of texts, or
                ``[batch, choices, tokens]``.
            attention_mask: In the same form, 0 for tokens that are to be ignored, anywhere in the text. The
                pooled output is that of the first token that is not ignored.
            token_type_ids: Segments, in the same form; 0 by default.
            position_ids: In the same form; counted from 0 in each text by default, ignored tokens included.

        Returns:
            The outputs of the head, float32, with the shapes of :class:`EngineOutput`: lists of arrays for
            lists, padded arrays for padded arrays.

        Raises:
            OptionError: The inputs do not fit each other or the model.
        """
        if attention_mask is None and token_type_ids is None and position_ids is None:
            output = self._run_lists(input_ids)
            if output is not None:
                return output
        inputs = read_inputs(
            input_ids, attention_mask, token_type_ids, position_ids, choices=self.head == _CHOICES
        )
        try:
            arrays = self._run(inputs.input_ids, inputs.token_type_ids, inputs.position_ids, inputs.starts)
        except OptionError:
            self._check(inputs)  # Says more.
            raise
        return EngineOutput(**{name: self._restored(name, array, inputs) for name, array in arrays.items()})

    def run(self, batch: PackedBatch, wanted: Sequence[Sequence[int]] | None = None) -> list[Outputs]:
        """Compute the outputs of each text; see :class:`squeezebert.engine.backend.Backend`.

        Raises:
            OptionError: A position is not in its text, or there are not as many lists of them as texts.
        """
        rows, starts = None, batch.starts
        if wanted is not None and self.head == _VOCABULARY:
            starts = starts_of(map(len, wanted))
            rows = _rows_of(wanted, batch, np.diff(starts))
        arrays = self._run(batch.input_ids, batch.token_type_ids, None, batch.starts, rows)
        parts = {
            name: list(array) if self._is_of_text(name) else np.split(array, starts[1:-1])
            for name, array in arrays.items()
        }
        return [{name: part[text] for name, part in parts.items()} for text in range(len(batch))]

    def __repr__(self) -> str:
        return f"Engine({self.head}, {self.precision}, {self.isa}, {self.threads} threads)"

    def _run_lists(self, input_ids: Any) -> EngineOutput | None:
        """Outputs of lists of ids; None for anything else, and where an error has to be explained.

        Most calls come with such lists. After a forward pass the caches hold weights, and what Python does
        next costs some microseconds a step.
        """
        if self.head == _CHOICES:
            return None
        try:
            arrays = self._model.run_lists(input_ids)
        except ValueError:
            return None
        if arrays is None:
            return None
        lengths = list(map(len, input_ids))
        return EngineOutput(
            **{
                name: list(array) if self._is_of_text(name) else split(array, lengths)
                for name, array in self._published(arrays).items()
            }
        )

    def _run(
        self,
        input_ids: _Ids,
        token_type_ids: _Ids | None,
        position_ids: _Ids | None,
        starts: _Ids,
        rows: _Ids | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """Outputs by their published names, ``[T, …]`` or ``[B, …]``."""
        try:
            arrays = self._model.run(input_ids, token_type_ids, position_ids, starts, rows)
        except ValueError as error:
            raise OptionError(str(error)) from error
        return self._published(arrays)

    def _published(self, arrays: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """What the kernels call ``logits`` of a span is its start's and its end's."""
        if self.head != _SPANS:
            return arrays
        start_logits, end_logits = np.ascontiguousarray(arrays["logits"].T)
        return {"start_logits": start_logits, "end_logits": end_logits}

    def _restored(self, name: str, array: NDArray[np.float32], inputs: Inputs) -> Result:
        if self.head == _CHOICES:
            return inputs.of_choices(array[:, 0])
        return inputs.of_texts(array) if self._is_of_text(name) else inputs.of_tokens(array)

    def _is_of_text(self, name: str) -> bool:
        return self.head in POOLED_HEADS or name == "pooler_output"

    def _check(self, inputs: Inputs) -> None:
        """Refuse what the embeddings have no rows for.

        Raises:
            OptionError: Naming the value and what the model has.
        """
        config = self.config
        for name, values, limit, remedy in (
            ("input_ids", inputs.input_ids, config.vocab_size, "use its own tokenizer"),
            ("token_type_ids", inputs.token_type_ids, config.type_vocab_size, "give a segment it knows"),
            ("position_ids", inputs.places(), config.max_position_embeddings, "truncate or window texts"),
        ):
            if values is not None and values.size and not 0 <= values.min() <= values.max() < limit:
                wrong = values[(values < 0) | (values >= limit)][0]
                raise OptionError(f"{name} holds {wrong}; the model has 0 to {limit - 1}: {remedy}")


def _rows_of(wanted: Sequence[Sequence[int]], batch: PackedBatch, counts: _Ids) -> _Ids:
    """Places in the batch of positions that are counted in each text."""
    if len(wanted) != len(batch):
        raise OptionError(f"wanted has {len(wanted)} lists of positions for {len(batch)} texts")
    try:
        positions = int32(chain.from_iterable(wanted))
    except (TypeError, OverflowError) as error:
        raise OptionError(f"wanted holds what is no position in a text ({error})") from error
    lengths = np.repeat(np.diff(batch.starts), counts)
    outside = positions[(positions < 0) | (positions >= lengths)]
    if outside.size:
        raise OptionError(f"wanted holds the position {outside[0]}, which is not in its text")
    rows: _Ids = positions + np.repeat(batch.starts[:-1], counts)
    return rows


def _head_of(config: SqueezeBertConfig) -> str:
    """The first head that the config names and that can be computed, or else the model without head."""
    heads = map(published_head, config.architectures)
    return next((head for head in heads if head in _NATIVE_HEADS), BASE)


def _checked_head(head: str) -> str:
    published = published_head(head) if isinstance(head, str) else None
    if published not in _NATIVE_HEADS:
        raise OptionError(f"there is no head {head!r}; there is {', '.join(_NATIVE_HEADS)}")
    return published

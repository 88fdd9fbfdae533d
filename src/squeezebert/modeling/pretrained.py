"""What all models share: initialisation, loading, saving, and the small methods that trainers call."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from squeezebert.checkpoints import Checkpoint, match, read_checkpoint, write_checkpoint
from squeezebert.checkpoints.names import BACKBONE_PREFIX, TIED_COPIES, to_published
from squeezebert.config import LABEL_KEYS, SqueezeBertConfig
from squeezebert.errors import CheckpointError, ConfigError, OptionError, check_whole
from squeezebert.modeling.grouped import GroupedLinear

if TYPE_CHECKING:
    from typing_extensions import Self

logger = logging.getLogger(__name__)


class ModelConfig(SqueezeBertConfig):
    """The config of a live model: equal to the one it was made from, and what transformers' Trainer wants.

    Its fields are frozen. Other attributes can be set, because the Trainer sets ``use_cache`` on every
    model's config; they are neither compared nor saved. ``output_hidden_states`` and ``output_attentions``
    say what the model returns where a call does not.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SqueezeBertConfig) and self.to_dict() == other.to_dict()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in LABEL_KEYS or name in {item.name for item in dataclasses.fields(self)}:
            raise dataclasses.FrozenInstanceError(
                f"{name} of a model that is there cannot be changed; give it to from_pretrained(…, {name}=…)"
            )
        super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_dict, (self.to_dict(),), _set_live(self)

    def get_text_config(self) -> Self:
        """Return the config of the part that reads text, which is all of it."""
        return self

    def to_json_string(self) -> str:
        """Return the JSON of :meth:`to_dict`, for the Trainer's loggers."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True)


class SqueezeBertPreTrainedModel(nn.Module):
    """Base of all models.

    Args:
        config: Sizes and groups; kept as ``self.config``.

    Raises:
        ConfigError: It is another library's config.
    """

    base_model_prefix = "transformer"
    main_input_name = "input_ids"

    def __init__(self, config: SqueezeBertConfig) -> None:
        super().__init__()
        _check_config(config)
        self.config = ModelConfig.from_dict(config.to_dict())

    @torch.no_grad()
    def initialize(self) -> None:
        """Draw weights from normal(0, ``initializer_range``), set biases to 0 and norms to (1, 0)."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding, GroupedLinear)):
                module.weight.normal_(0.0, self.config.initializer_range)
            if isinstance(module, (nn.Linear, GroupedLinear)) and module.bias is not None:
                module.bias.zero_()
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                module.weight[module.padding_idx].zero_()

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        config: SqueezeBertConfig | None = None,
        labels: Sequence[str] | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        ignore_mismatched_sizes: bool = False,
        dtype: torch.dtype | str | None = None,
        torch_dtype: torch.dtype | str | None = None,
        **changes: Any,
    ) -> Self:
        """Load a SqueezeBERT or BERT checkpoint; the model is in eval mode.

        Heads and pooler that the checkpoint lacks start with random weights, which is logged in one line.
        Anything else that does not fit is an error.

        Args:
            name_or_path: Folder, embedded name or hub name (``"owner/name"``).
            config: Replaces the checkpoint's config.
            labels: Names of the outputs of a new or loaded classification head, in order.
            revision: Branch, tag or commit on the hub.
            local_files_only: Use only what the hub's cache on this machine holds.
            ignore_mismatched_sizes: Start a head afresh where its shape differs from the checkpoint's.
            dtype: Type of the parameters or its name; "auto" for the one that the checkpoint's config names;
                float32 by default. Half precision makes norms with an epsilon of 1e-12 unsafe.
            torch_dtype: The same, as it was called before.
            changes: Keys of the config to change, such as ``num_labels``; see
                :meth:`squeezebert.SqueezeBertConfig.with_keys`.

        Raises:
            CheckpointError: See :func:`squeezebert.checkpoints.read_checkpoint` and
                :func:`squeezebert.checkpoints.match`.
            ConfigError: ``config.json`` is missing or wrong, or what is changed makes it so.
            OptionError: ``labels`` stands beside a key that says the same, there is no such key, or no such
                type of floats.
        """
        for key in LABEL_KEYS:
            if labels is not None and changes.get(key) is not None:
                raise OptionError(f"give either labels or {key}")
        checkpoint = read_checkpoint(name_or_path, revision=revision, local_files_only=local_files_only)
        config = config or checkpoint.config
        _check_config(config)
        config = config if labels is None else config.with_labels(list(labels))
        config = config.with_keys(**changes) if changes else config
        floats = _floats(torch_dtype if dtype is None else dtype, checkpoint.config)
        model = cls.from_checkpoint(checkpoint, config, ignore_mismatched_sizes=ignore_mismatched_sizes)
        return model.to(floats)

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, config: SqueezeBertConfig, *, ignore_mismatched_sizes: bool = False
    ) -> Self:
        """Build a model in eval mode from a checkpoint that was read; see :meth:`from_pretrained`.

        Raises:
            CheckpointError: The checkpoint does not fit the model.
        """
        # Shapes alone first: a config of impossible sizes is to fail before it takes the memory.
        with torch.device("meta"):
            expected = cls(config)._published_state()
        matched = match(
            {name: tuple(tensor.shape) for name, tensor in expected.items()},
            checkpoint.arrays,
            place=checkpoint.folder,
            ignore_mismatched_sizes=ignore_mismatched_sizes,
        )
        if matched.missing:
            logger.warning(
                "%s: has no %s; starting with random weights, so train before use",
                checkpoint.folder,
                ", ".join(matched.missing_parts),
            )
        model = cls(config)
        prefix = model._published_prefix
        state = {n.removeprefix(prefix): torch.from_numpy(a) for n, a in matched.arrays.items()}
        model.load_state_dict(state, strict=False)
        return model.eval()

    def save_pretrained(
        self,
        save_directory: str | Path,
        *,
        dtype: str = "float32",
        base: str | Path | None = None,
        state_dict: Mapping[str, Tensor] | None = None,
        safe_serialization: bool = True,
    ) -> None:
        """Write ``config.json`` and ``model.safetensors``, atomically; transformers can load them.

        Args:
            save_directory: Made if it is missing.
            dtype: Storage type: "float32", "float16", or "int8", which only this package reads.
            base: A checkpoint folder whose equal tensors are referred to and not written again.
            state_dict: Weights to save in place of the model's own, such as averaged ones, by the same names.
            safe_serialization: True, as in calls of the public implementation.

        Raises:
            CheckpointError: A weight is NaN or infinite, or ``state_dict`` is that of another model.
            OptionError: The folder cannot be written to, ``dtype`` is unknown, or ``safe_serialization`` is
                not true.
        """
        if not safe_serialization:
            raise OptionError(f"safe_serialization {safe_serialization}: safetensors is all that is written")
        own = self._published_state()
        state = own if state_dict is None else self._published(state_dict)
        arrays = {name: tensor.detach().to("cpu", torch.float32).numpy() for name, tensor in state.items()}
        given = to_published(arrays, "state_dict")
        if strange := sorted(own.keys() ^ given.keys()):
            why = "lacks" if strange[0] in own else "has also"
            raise CheckpointError(f"state_dict is not that of this model: it {why} {strange[0]}")
        for name, tensor in own.items():
            if given[name].shape != tensor.shape:
                raise CheckpointError(
                    f"state_dict is not that of this model: {name} is {list(given[name].shape)} in place of "
                    f"{list(tensor.shape)}"
                )
        write_checkpoint(save_directory, self._saved_config(), arrays, dtype=dtype, base=base)

    def _saved_config(self) -> SqueezeBertConfig:
        return self.config.replace(architectures=(type(self).__name__,))

    @property
    def base_model(self) -> SqueezeBertPreTrainedModel:
        """The encoder without a head."""
        base: SqueezeBertPreTrainedModel = getattr(self, self.base_model_prefix, self)
        return base

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the parameters."""
        return next(self.parameters()).dtype

    def num_parameters(self, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        """Count the parameters, tied ones once; the arguments are those that transformers' Trainer uses."""
        embeddings = {m.weight for m in self.modules() if isinstance(m, nn.Embedding)}
        return sum(
            parameter.numel()
            for parameter in self.parameters()
            if (parameter.requires_grad or not only_trainable)
            and (parameter not in embeddings or not exclude_embeddings)
        )

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the word embeddings, ``[vocabulary, hidden]``."""
        return cast(nn.Embedding, self.base_model.get_submodule("embeddings.word_embeddings"))

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the word embeddings, and the decoder that is tied to them.

        Raises:
            OptionError: There are more or fewer than before.
        """
        # What wraps embeddings, as LoRA does, need not say how many they are.
        count = getattr(value, "num_embeddings", self.config.vocab_size)
        if count != self.config.vocab_size:
            raise OptionError(
                f"{count} word embeddings do not fit the vocab_size {self.config.vocab_size}; "
                f"call resize_token_embeddings({count}) before"
            )
        self._set_words(value)

    def _set_words(self, value: nn.Module) -> None:
        self.base_model.get_submodule("embeddings").word_embeddings = value
        self.tie_weights()

    def tie_weights(self) -> None:
        """Make tied parameters one; a model without a vocabulary decoder has none."""

    @torch.no_grad()
    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None
    ) -> nn.Embedding:
        """Change the number of word embeddings; those that stay keep their values, new ones are random.

        Args:
            new_num_tokens: How many there are to be; as many as there are by default.
            pad_to_multiple_of: Add to them until they are a multiple of this.

        Returns:
            The word embeddings, ``[vocabulary, hidden]``: new ones if their number changes.

        Raises:
            ConfigError: The number is not positive, or does not cover the padding id.
            OptionError: ``pad_to_multiple_of`` is not positive, or one of both is no whole number.
        """
        old = self.get_input_embeddings()
        size = old.num_embeddings if new_num_tokens is None else new_num_tokens
        multiple = 1 if pad_to_multiple_of is None else pad_to_multiple_of
        check_whole(new_num_tokens=size, pad_to_multiple_of=multiple)
        if multiple < 1:
            raise OptionError(f"pad_to_multiple_of {multiple} is not positive")
        size = -(-size // multiple) * multiple
        if size == old.num_embeddings:
            return old
        config = ModelConfig.from_dict(self.config.replace(vocab_size=size).to_dict())
        vars(config).update(_set_live(self.config))
        new = nn.Embedding(config.vocab_size, old.embedding_dim, old.padding_idx).to(old.weight)
        new.weight.normal_(0.0, config.initializer_range)
        kept = min(config.vocab_size, old.num_embeddings)
        new.weight[:kept] = old.weight[:kept]
        new.weight.requires_grad_(old.weight.requires_grad)
        self._set_words(new)
        for module in self.modules():
            if isinstance(module, SqueezeBertPreTrainedModel):
                module.config = config
        return new

    def gradient_checkpointing_enable(
        self,
        gradient_checkpointing_kwargs: Mapping[str, Any] | None = None,
        every_n_layers: int = 1,
        offload: bool = False,
    ) -> None:
        """Recompute each block in the backward pass instead of keeping its activations.

        The arguments are those that transformers' Trainer passes.

        Raises:
            OptionError: An argument asks for anything but non-reentrant checkpoints of every block.
        """
        options = dict(gradient_checkpointing_kwargs or {})
        if options not in ({}, {"use_reentrant": False}) or every_n_layers != 1 or offload:
            raise OptionError(
                f"gradient checkpointing with {options}, every_n_layers {every_n_layers}, offload {offload} "
                "is not supported; blocks are checkpointed one by one, without reentrance"
            )
        self._set_gradient_checkpointing(True)

    def gradient_checkpointing_disable(self) -> None:
        """Keep activations for the backward pass, the default."""
        self._set_gradient_checkpointing(False)

    def _set_gradient_checkpointing(self, value: bool) -> None:
        vars(self.base_model.get_submodule("encoder"))["gradient_checkpointing"] = value

    @property
    def _published_prefix(self) -> str:
        """What stands before this model's tensor names in a checkpoint."""
        return BACKBONE_PREFIX if self.base_model is self else ""

    def _published(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {self._published_prefix + n: t for n, t in state.items() if n not in TIED_COPIES}

    def _published_state(self) -> dict[str, Tensor]:
        return self._published(self.state_dict())


def _check_config(config: object) -> None:
    if not isinstance(config, SqueezeBertConfig):
        raise ConfigError(
            f"config is a {type(config).__module__}.{type(config).__qualname__}; give a "
            "squeezebert.SqueezeBertConfig, such as SqueezeBertConfig.from_dict(config.to_dict())"
        )


def _set_live(config: SqueezeBertConfig) -> dict[str, Any]:
    """The attributes of a live model's config that are no fields, by name."""
    fields = {item.name for item in dataclasses.fields(config)}
    return {name: value for name, value in vars(config).items() if name not in fields}


def _floats(dtype: torch.dtype | str | None, config: SqueezeBertConfig) -> torch.dtype:
    """The type of floats that was asked for; "auto" is what a checkpoint's config names."""
    if dtype == "auto":
        dtype = config.extra.get("dtype") or config.extra.get("torch_dtype")
    dtype = torch.float32 if dtype is None else dtype
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise OptionError(f"dtype {dtype!r} is neither a type of floats, such as 'bfloat16', nor 'auto'")
    return found

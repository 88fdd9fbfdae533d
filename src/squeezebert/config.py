"""What a model is: sizes, groups and labels, as the published ``config.json`` spells them.

Source of keys and defaults: transformers ``configuration_squeezebert.py`` and the published checkpoints.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from types import MappingProxyType
from typing import Any

from squeezebert.errors import ConfigError, OptionError, is_whole, nearest
from squeezebert.files import locate, make_folder, write_text

CONFIG_NAME = "config.json"
BASE_KEY = "base_checkpoint"
"""Key of the folder, relative to this one, that has what a checkpoint does not hold itself."""
GROUP_KEYS = (
    "q_groups", "k_groups", "v_groups", "post_attention_groups", "intermediate_groups", "output_groups",
)  # fmt: skip
_MOST_LABELS = 10**6
PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")
ACTIVATIONS = ("gelu", "gelu_new", "relu")
LABEL_KEYS = ("num_labels", "id2label", "label2id")
OUTPUT_KEYS = ("output_hidden_states", "output_attentions")
"""Keys among the extra ones that say what models return where a call does not."""
# The norms inside the blocks use 1e-12 whatever the config says; up to here that is the same in float32.
_MOST_BERT_EPS = 1e-8

_POSITIVE = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings", "type_vocab_size", "embedding_size", *GROUP_KEYS,
)  # fmt: skip
_PROBABILITIES = ("hidden_dropout_prob", "attention_probs_dropout_prob")
_REAL = (*_PROBABILITIES, "initializer_range", "layer_norm_eps")


@dataclass(frozen=True)
class SqueezeBertConfig:
    """Sizes, groups and labels of a SqueezeBERT model; the defaults are those of ``squeezebert-uncased``.

    A model whose group counts are all 1 is BERT. Keys that this class does not know are kept in ``extra``
    and written back by :meth:`to_dict`.

    Attributes:
        vocab_size: Rows of the word embedding table. The published checkpoints have 30528 for 30522 pieces.
        hidden_size: Channels of the residual stream; divisible by ``num_attention_heads`` and by every
            group count that reads or writes it.
        num_hidden_layers: Blocks.
        num_attention_heads: Heads per block.
        intermediate_size: Channels inside the feed-forward part.
        hidden_act: Activation of the feed-forward part; "gelu" is the exact erf form.
        hidden_dropout_prob: Dropout of embeddings, residual branches and pooled output, in [0, 1).
        attention_probs_dropout_prob: Dropout of attention probabilities, in [0, 1).
        max_position_embeddings: Longest sequence, in tokens.
        type_vocab_size: Segments.
        initializer_range: Standard deviation of the normal initialisation.
        layer_norm_eps: Epsilon of the embedding norm and the masked-LM norm; the norms inside the blocks
            use 1e-12 always, as in the reference implementation.
        pad_token_id: Id whose embedding is initialised to zero and gets no gradient.
        embedding_size: Equal to ``hidden_size``; the reference has no projection between the two.
        q_groups: Groups of the query projection.
        k_groups: Groups of the key projection.
        v_groups: Groups of the value projection.
        post_attention_groups: Groups of the projection after attention.
        intermediate_groups: Groups of the first feed-forward layer.
        output_groups: Groups of the second feed-forward layer.
        id2label: Label of each output of a classification head.
        num_labels: Outputs of a classification head. It may be given in place of ``id2label``, for
            ``LABEL_0``, ``LABEL_1`` and so on.
        problem_type: One of ``PROBLEM_TYPES`` or None, in which case the loss is chosen from the labels.
        architectures: Class names of the model that was saved, as transformers writes them.
        extra: Keys of ``config.json`` that are not listed here, as parsed.

    Raises:
        ConfigError: A value has a wrong type, is out of range, or contradicts another one.
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0
    embedding_size: int = 768
    q_groups: int = 4
    k_groups: int = 4
    v_groups: int = 4
    post_attention_groups: int = 1
    intermediate_groups: int = 4
    output_groups: int = 4
    id2label: Mapping[int, str] = field(default_factory=lambda: _numbered(2))
    num_labels: int = None  # type: ignore[assignment]  # Counted in __post_init__.
    problem_type: str | None = None
    architectures: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    model_type = "squeezebert"

    def __post_init__(self) -> None:
        labels = _parse_labels(self.id2label, None)
        object.__setattr__(self, "id2label", _numbered(2) if labels is None else labels)
        _check_types(self)
        # Json and the engine do not take numpy's numbers.
        for key in (*_POSITIVE, "pad_token_id"):
            object.__setattr__(self, key, int(getattr(self, key)))
        for key in _REAL:
            value = getattr(self, key)
            object.__setattr__(self, key, value if isinstance(value, (int, float)) else float(value))
        object.__setattr__(self, "id2label", MappingProxyType(_labels_of(self)))
        object.__setattr__(self, "num_labels", len(self.id2label))
        _check_ranges(self)
        _check_divisibility(self)
        object.__setattr__(self, "architectures", tuple(self.architectures))
        object.__setattr__(self, "extra", MappingProxyType(dict(self.extra)))

    def __reduce__(self) -> tuple[Any, ...]:
        # Mapping proxies can be neither copied nor pickled, and models hold a config.
        return type(self).from_dict, (self.to_dict(),)

    @property
    def label2id(self) -> dict[str, int]:
        """Index of each label: the inverse of ``id2label``."""
        return {label: index for index, label in self.id2label.items()}

    @property
    def head_size(self) -> int:
        """Channels per attention head."""
        return self.hidden_size // self.num_attention_heads

    def replace(self, **changes: Any) -> SqueezeBertConfig:
        """Return a copy with some fields changed, checked like a new one.

        Raises:
            ConfigError: See the class; or there is no such field.
        """
        unknown = sorted(set(changes) - {f.name for f in dataclasses.fields(self)})
        if unknown:
            raise ConfigError(f"{unknown[0]} is not a field of SqueezeBertConfig; put it into extra")
        return dataclasses.replace(self, **{"num_labels": None, **changes})

    def with_keys(self, **changes: Any) -> SqueezeBertConfig:
        """Return a copy with some keys changed, named and written as in ``config.json``.

        Another number of labels makes ``problem_type`` None, unless that is given.

        Raises:
            ConfigError: See the class.
            OptionError: There is no such key.
        """
        known = (*_FIELDS, "label2id", *OUTPUT_KEYS, *self.extra)
        for key in changes:
            if key not in known:
                raise OptionError(f"{key} is no key of the config{nearest(key, known)}")
        # None stands for labels that are not given.
        changes = {key: value for key, value in changes.items() if value is not None or key not in LABEL_KEYS}
        values = self.to_dict()
        count = changes.get("num_labels", self.num_labels)
        if count != self.num_labels or changes.keys() & {"id2label", "label2id"}:
            del values["id2label"], values["label2id"]
        changed = self.from_dict({**values, **changes})
        if changed.num_labels != self.num_labels and "problem_type" not in changes:
            changed = changed.replace(problem_type=None)
        return changed

    def with_labels(self, labels: list[str], problem_type: str | None = None) -> SqueezeBertConfig:
        """Return a copy whose classification head has these labels, in this order.

        Raises:
            ConfigError: There are none, one is there twice, or ``problem_type`` is unknown.
        """
        return self.replace(id2label=dict(enumerate(labels)), problem_type=problem_type)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SqueezeBertConfig:
        """Build a config from the parsed ``config.json`` of a SqueezeBERT or BERT checkpoint.

        A BERT config (``model_type`` "bert") becomes one whose group counts are all 1. ``label2id`` says
        something only where there is no ``id2label``. A ``pad_token_id`` that is null or negative becomes 0.

        Raises:
            ConfigError: See the class; also for a model type other than "squeezebert" and "bert", and for a
                BERT that the blocks here would not compute as it is meant.
        """
        values = dict(values)
        model_type = values.pop("model_type", cls.model_type)
        if model_type == "bert":
            values = _translate_bert(values)
        elif model_type != cls.model_type:
            raise ConfigError(f"model_type {model_type!r} is not supported; expected 'squeezebert' or 'bert'")
        labels = _parse_labels(values.pop("id2label", None), values.pop("label2id", None))
        if labels is not None:
            values["id2label"] = labels
        padding = values.get("pad_token_id", 0)
        if padding is None or (is_whole(padding) and padding < 0):
            # Some row there has to be for padding; a mask hides it.
            values["pad_token_id"] = 0
        if values.get("architectures") is None:
            values.pop("architectures", None)
        if "hidden_size" in values:
            values.setdefault("embedding_size", values["hidden_size"])
        extra = {key: value for key, value in values.items() if key not in _FIELDS}
        return cls(**{key: value for key, value in values.items() if key in _FIELDS}, extra=extra)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``config.json`` holds, readable by this class and by transformers."""
        result: dict[str, Any] = dict(self.extra)
        for item in dataclasses.fields(self):
            if item.name not in ("extra", "num_labels"):
                result[item.name] = getattr(self, item.name)
        result["model_type"] = self.model_type
        result["architectures"] = list(self.architectures)
        result["id2label"] = {str(index): label for index, label in self.id2label.items()}
        result["label2id"] = self.label2id
        return result

    @classmethod
    def from_json_file(cls, path: str | Path) -> SqueezeBertConfig:
        """Read a ``config.json``.

        Raises:
            ConfigError: The file is not readable as a JSON object, or its values are wrong; the message
                names the file.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path}: is not valid JSON ({error})") from error
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: holds a {type(values).__name__}, not a JSON object")
        try:
            return cls.from_dict(values)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error

    def to_json_file(self, path: str | Path) -> None:
        """Write a ``config.json``, atomically.

        Raises:
            OptionError: The file cannot be written.
        """
        write_text(Path(path), json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n")

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        revision: str | None = None,
        local_files_only: bool = False,
        **changes: Any,
    ) -> SqueezeBertConfig:
        """Read the config of a checkpoint folder, an embedded model or a model on the hub.

        Args:
            name_or_path: Folder, embedded name or hub name (``"owner/name"``).
            revision: Branch, tag or commit on the hub.
            local_files_only: Use only what the hub's cache on this machine holds.
            **changes: Keys to change, as :meth:`with_keys` does.

        Raises:
            CheckpointError: There is no such model.
            ConfigError: ``config.json`` is missing or wrong, or what is changed makes it so.
            OptionError: There is no such key.
        """
        folder = locate(name_or_path, (CONFIG_NAME,), revision=revision, local_files_only=local_files_only)
        config = cls.from_json_file(folder / CONFIG_NAME)
        return config.with_keys(**changes) if changes else config

    def save_pretrained(self, save_directory: str | Path) -> None:
        """Write ``config.json`` into a folder, which is made if it is missing.

        Raises:
            OptionError: The folder cannot be written to.
        """
        folder = Path(save_directory)
        make_folder(folder)
        self.to_json_file(folder / CONFIG_NAME)


def two_outputs(config: SqueezeBertConfig) -> SqueezeBertConfig:
    """The config of a head with the two outputs of an answer's start and end.

    The public implementation has as many as there are labels, and cannot load what has other ones.
    """
    return config if config.num_labels == 2 else config.with_labels(list(_numbered(2).values()))


_FIELDS = tuple(item.name for item in dataclasses.fields(SqueezeBertConfig) if item.name != "extra")
KEYS = (*_FIELDS, "model_type", "label2id")
"""The keys of ``config.json`` that say something here; others go to ``extra``."""


def _translate_bert(values: dict[str, Any]) -> dict[str, Any]:
    """Express a BERT config as the SqueezeBERT config with all groups 1."""
    position_type = values.get("position_embedding_type", "absolute")
    if position_type != "absolute":
        raise ConfigError(f"position_embedding_type {position_type!r} is not supported; expected 'absolute'")
    for key in ("is_decoder", "add_cross_attention"):
        if values.get(key):
            raise ConfigError(f"{key} {values[key]!r} is not supported; the network is an encoder")
    epsilon = values.get("layer_norm_eps")
    if isinstance(epsilon, (int, float)) and epsilon > _MOST_BERT_EPS:
        raise ConfigError(
            f"layer_norm_eps {epsilon} of a BERT is not supported; the norms inside the blocks use 1e-12 "
            f"always, so outputs would differ; expected {_MOST_BERT_EPS} or less"
        )
    defaults = {"pad_token_id": 0, "embedding_size": values.get("hidden_size", 768)}
    return {**defaults, **values, **dict.fromkeys(GROUP_KEYS, 1)}


def _numbered(count: int) -> dict[int, str]:
    """The labels of as many outputs that have no names."""
    return {index: f"LABEL_{index}" for index in range(count)}


def _labels_of(config: SqueezeBertConfig) -> dict[int, str]:
    """The labels of a config of which ``num_labels`` may be all that was given."""
    labels, count = dict(config.id2label), config.num_labels
    if count is None or count == len(labels):
        return labels
    if labels != _numbered(len(labels)):
        raise ConfigError(f"num_labels {count} contradicts id2label, which has {len(labels)} labels")
    return _numbered(count)


def _parse_labels(id2label: Any, label2id: Any) -> dict[int, str] | None:
    """Labels from whichever of ``id2label`` and ``label2id`` the file has."""
    if id2label is None and isinstance(label2id, Mapping):
        pairs = [(index, label) for label, index in label2id.items()]
    elif id2label is None:
        return None
    elif isinstance(id2label, Mapping):
        pairs = list(id2label.items())
    else:
        raise ConfigError(f"id2label {id2label!r} is not an object of index to label")
    try:
        # Labels that are numbers are written as such by some.
        labels = {int(index): str(label) if is_whole(label) else label for index, label in pairs}
    except (TypeError, ValueError, OverflowError) as error:
        indices = sorted(str(index) for index, _ in pairs)
        raise ConfigError(f"id2label has a key that is not an integer: {indices}") from error
    if len(labels) != len(pairs):
        raise ConfigError(f"two labels have the same index: {sorted(int(index) for index, _ in pairs)}")
    return dict(sorted(labels.items()))


def _check_types(config: SqueezeBertConfig) -> None:
    for key in (*_POSITIVE, "pad_token_id"):
        value = getattr(config, key)
        if not is_whole(value):
            raise ConfigError(f"{key} {value!r} is not an integer")
    for key in _REAL:
        value = getattr(config, key)
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ConfigError(f"{key} {value!r} is not a number")
    for index, label in config.id2label.items():
        if not isinstance(label, str):
            raise ConfigError(f"id2label[{index}] {label!r} is not a string")
    count = config.num_labels
    if count is not None and (not is_whole(count) or count < 1):
        raise ConfigError(f"num_labels {count!r} is not a positive integer")
    if count is not None and count > _MOST_LABELS:
        raise ConfigError(f"num_labels {count} is more than {_MOST_LABELS}")
    names = config.architectures
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"architectures {config.architectures!r} is not a list of class names")


def _check_ranges(config: SqueezeBertConfig) -> None:
    for key in _POSITIVE:
        if getattr(config, key) < 1:
            raise ConfigError(f"{key} {getattr(config, key)} is not positive")
    for key in _PROBABILITIES:
        if not 0 <= getattr(config, key) < 1:
            raise ConfigError(f"{key} {getattr(config, key)} is not in [0, 1)")
    for key, most in (("initializer_range", 1e30), ("layer_norm_eps", 1.0)):
        if not getattr(config, key) > 0:
            raise ConfigError(f"{key} {getattr(config, key)} is not positive")
        if getattr(config, key) > most:
            raise ConfigError(f"{key} is more than {most}")
    if not 0 <= config.pad_token_id < config.vocab_size:
        raise ConfigError(f"pad_token_id {config.pad_token_id} is not in [0, vocab_size {config.vocab_size})")
    if config.hidden_act not in ACTIVATIONS:
        raise ConfigError(f"hidden_act {config.hidden_act!r} is not one of {', '.join(ACTIVATIONS)}")
    if config.problem_type not in (None, *PROBLEM_TYPES):
        raise ConfigError(f"problem_type {config.problem_type!r} is not one of {', '.join(PROBLEM_TYPES)}")
    if sorted(config.id2label) != list(range(len(config.id2label))) or not config.id2label:
        raise ConfigError(
            f"id2label has the indices {sorted(config.id2label)}; expected 0, 1, 2 … without gaps"
        )
    if len(set(config.id2label.values())) != len(config.id2label):
        raise ConfigError(f"id2label names a label twice: {list(config.id2label.values())}")


def _check_divisibility(config: SqueezeBertConfig) -> None:
    if config.hidden_size % config.num_attention_heads:
        raise ConfigError(
            f"hidden_size {config.hidden_size} is not divisible by "
            f"num_attention_heads {config.num_attention_heads}"
        )
    if config.embedding_size != config.hidden_size:
        raise ConfigError(
            f"embedding_size {config.embedding_size} differs from hidden_size {config.hidden_size}; "
            "SqueezeBERT has no projection between them"
        )
    for key in GROUP_KEYS:
        groups = getattr(config, key)
        if config.hidden_size % groups:
            raise ConfigError(f"hidden_size {config.hidden_size} is not divisible by {key} {groups}")
        if key in ("intermediate_groups", "output_groups") and config.intermediate_size % groups:
            raise ConfigError(
                f"intermediate_size {config.intermediate_size} is not divisible by {key} {groups}"
            )

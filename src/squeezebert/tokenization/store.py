"""A tokenizer's files: the vocabulary, the options, and the special and added tokens."""

from __future__ import annotations

import json
import math
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from squeezebert.config import BASE_KEY, SqueezeBertConfig
from squeezebert.config import CONFIG_NAME as MODEL_CONFIG_NAME
from squeezebert.errors import OptionError, TokenizerError
from squeezebert.files import make_folder, write_text
from squeezebert.tokenization.vocabulary import SPECIAL_TOKENS, AddedToken, Vocabulary, in_order

VOCAB_NAME = "vocab.txt"
TOKENIZER_NAME = "tokenizer.json"
CONFIG_NAME = "tokenizer_config.json"
SPECIALS_NAME = "special_tokens_map.json"
ADDED_NAME = "added_tokens.json"
FILE_NAMES = (VOCAB_NAME, TOKENIZER_NAME, CONFIG_NAME, SPECIALS_NAME, ADDED_NAME)

MAX_LENGTH = 512
_DECODER = "added_tokens_decoder"
_MARK = "\ufeff"
# transformers writes int(1e30) where it knows no limit.
_NO_LIMIT = 10**6
_OPTIONS = {
    "do_lower_case": bool,
    "strip_accents": bool,
    "tokenize_chinese_chars": bool,
    "padding_side": str,
    "truncation_side": str,
    "clean_up_tokenization_spaces": bool,
}


def files_of(folder: Path) -> dict[str, Path]:
    """The tokenizer's files of a checkpoint, by name: its own, or those of the first base that has any.

    A checkpoint without a vocabulary may still have a ``tokenizer_config.json``, which goes before that of
    the base: so it reads less at once.
    """
    seen: list[Path] = []
    while folder not in seen and not any((folder / name).is_file() for name in (VOCAB_NAME, TOKENIZER_NAME)):
        seen.append(folder)
        if not (folder / MODEL_CONFIG_NAME).is_file():
            break
        base = SqueezeBertConfig.from_json_file(folder / MODEL_CONFIG_NAME).extra.get(BASE_KEY)
        if not isinstance(base, str) or Path(base).is_absolute():
            break
        folder = (folder / base).resolve()
    found = {name: folder / name for name in FILE_NAMES if (folder / name).is_file()}
    for below in reversed(seen):
        if (below / CONFIG_NAME).is_file():
            found[CONFIG_NAME] = below / CONFIG_NAME
    return found


def read_vocab(path: Path) -> list[str]:
    """Read a ``vocab.txt``: one piece per line, its id is the line number from 0.

    Raises:
        TokenizerError: The file cannot be read, is not UTF-8, or is empty.
    """
    try:
        # Without the mark that editors put before a text, which would make another piece of the first one.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise TokenizerError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise TokenizerError(f"{path}: is empty; expected one piece per line")
    return lines


def read_folder(folder: Path, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Read the tokenizer files of a checkpoint as arguments of a tokenizer's constructor.

    ``vocab.txt`` goes before the vocabulary in ``tokenizer.json``; options are those of
    ``tokenizer_config.json``, then of ``tokenizer.json``, then the defaults.

    Args:
        folder: That of the checkpoint; see :func:`files_of`.
        overrides: Arguments that go before what the files say.

    Raises:
        TokenizerError: There is no vocabulary, a file is unreadable or holds what is not supported, or an
            added token cannot have the id that the files give it.
    """
    places = {name: folder / name for name in FILE_NAMES} | files_of(folder)
    config, serialized, specials = (
        _read_json(places[name]) for name in (CONFIG_NAME, TOKENIZER_NAME, SPECIALS_NAME)
    )
    if places[VOCAB_NAME].is_file():
        pieces = read_vocab(places[VOCAB_NAME])
    elif serialized:
        pieces = _serialized_pieces(serialized, places[TOKENIZER_NAME])
    else:
        raise TokenizerError(f"{folder}: has neither {VOCAB_NAME} nor {TOKENIZER_NAME}")
    options: dict[str, Any] = {"vocab": pieces}
    options.update(_serialized_options(serialized, places[TOKENIZER_NAME]))
    options.update(_config_options(config, places[CONFIG_NAME]))
    # As in the reference, which takes a map without ids beside it for the newer file.
    sources = (config, specials) if _DECODER in config else (specials, config)
    named: dict[str, Any] = {}
    for name in SPECIAL_TOKENS:
        token = sources[0].get(name) or sources[1].get(name)
        if token is not None:
            named[name] = token
            options[name] = _content(token, f"{folder}: {name}")
    options.update(overrides)
    named = {
        name: named[name] if name in named and name not in overrides else options.get(name, token)
        for name, token in SPECIAL_TOKENS.items()
    }
    added = _added_tokens(folder, places, config, specials, serialized, pieces, named)
    return {"added_tokens": added, **options}


def _config_options(config: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The options of a tokenizer_config.json, but for its tokens."""
    options: dict[str, Any] = {}
    for key, kind in _OPTIONS.items():
        if (value := config.get(key)) is not None:
            options[key] = _of_kind(value, kind, f"{path}: {key}")
    if "strip_accents" in config:
        # None means something: as do_lower_case says.
        options["strip_accents"] = config["strip_accents"]
    if config.get("split_special_tokens"):
        raise TokenizerError(f"{path}: split_special_tokens is true; only false is supported")
    limit = config.get("model_max_length", config.get("max_len"))
    if limit is None:
        return options
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not limit >= 1:
        raise TokenizerError(f"{path}: model_max_length is {limit!r}; expected a positive number")
    if limit < _NO_LIMIT:
        options["model_max_length"] = int(limit)
    return options


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TokenizerError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise TokenizerError(f"{path}: is not valid JSON ({error})") from error
    if not isinstance(values, dict):
        raise TokenizerError(f"{path}: holds a {type(values).__name__}, not a JSON object")
    return values


def _serialized_pieces(serialized: Mapping[str, Any], path: Path) -> list[str]:
    """The vocabulary of a tokenizer.json, in the order of its ids."""
    vocab = _part(serialized, "model", path).get("vocab")
    if not isinstance(vocab, dict) or not vocab:
        raise TokenizerError(f"{path}: model.vocab is not an object of piece to id")
    return in_order(vocab, f"{path}: model.vocab")


def _serialized_options(serialized: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The normaliser options of a tokenizer.json; refuses what is not BERT's WordPiece."""
    if not serialized:
        return {}
    model = _part(serialized, "model", path)
    expected = {"continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
    for key, wanted in {"type": "WordPiece", **expected}.items():
        if model.get(key, wanted) != wanted:
            raise TokenizerError(f"{path}: model.{key} is {model[key]!r}; only {wanted!r} is supported")
    for name, wanted in (("normalizer", "BertNormalizer"), ("pre_tokenizer", "BertPreTokenizer")):
        kind = _part(serialized, name, path).get("type")
        if kind != wanted:
            raise TokenizerError(f"{path}: {name} is {kind!r}; only {wanted!r} is supported")
    normalizer = _part(serialized, "normalizer", path)
    if normalizer.get("clean_text") is False:
        raise TokenizerError(f"{path}: normalizer.clean_text is false; only true is supported")
    options: dict[str, Any] = {}
    for key, name in (
        ("do_lower_case", "lowercase"),
        ("strip_accents", "strip_accents"),
        ("tokenize_chinese_chars", "handle_chinese_chars"),
    ):
        if (value := normalizer.get(name)) is not None:
            options[key] = _of_kind(value, bool, f"{path}: normalizer.{name}")
    for name in ("padding", "truncation"):
        part = serialized.get(name)
        if isinstance(part, dict) and isinstance(part.get("direction"), str):
            options[f"{name}_side"] = part["direction"].lower()
    if isinstance(model.get("unk_token"), str):
        options["unk_token"] = model["unk_token"]
    options["cls_token"], options["sep_token"] = _ends(serialized, path)
    return options


def _ends(serialized: Mapping[str, Any], path: Path) -> tuple[str, str]:
    """The tokens that a tokenizer.json puts before texts and behind each; refuses other ways than BERT's."""
    given: Any = serialized.get("post_processor")
    try:
        kind = given["type"]
        if kind == "TemplateProcessing":
            before, _, behind = given["single"]
            ends = before["SpecialToken"]["id"], behind["SpecialToken"]["id"]
            fits = {**given, **_template(*ends)} == given
        else:
            ends = given["cls"][0], given["sep"][0]
            fits = kind == "BertProcessing" and all(isinstance(end, str) for end in ends)
    except (TypeError, KeyError, ValueError, IndexError):
        fits = False
    if not fits:
        raise TokenizerError(
            f"{path}: post_processor does not put special tokens around texts as BERT does, which alone is "
            "supported"
        )
    return ends


def _part(serialized: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    part = serialized.get(name)
    if not isinstance(part, dict):
        raise TokenizerError(f"{path}: {name} is {part!r}; expected an object")
    return part


def _of_kind(value: Any, kind: type, place: str) -> Any:
    if not isinstance(value, kind):
        raise TokenizerError(f"{place} is {value!r}, not of the type {kind.__name__}")
    return value


def _content(token: Any, place: str) -> str:
    """The text of a token, which files give as a string or as an object with properties."""
    content = token.get("content") if isinstance(token, dict) else token
    if not isinstance(content, str):
        raise TokenizerError(f"{place} is {token!r}; expected a string")
    if isinstance(token, dict):
        for flag in ("lstrip", "rstrip", "single_word"):
            if token.get(flag):
                raise TokenizerError(f"{place}: {flag} of the token {content!r} is not supported")
    return content


def _added_tokens(
    folder: Path,
    places: Mapping[str, Path],
    config: Mapping[str, Any],
    specials: Mapping[str, Any],
    serialized: Mapping[str, Any],
    pieces: Sequence[str],
    named: Mapping[str, Any],
) -> list[AddedToken]:
    """Special and added tokens from wherever the files name them, in the order of their ids.

    Those without an id come last, as in the reference: first the named special tokens, then further ones.
    """
    found: dict[str, AddedToken] = {}
    ids: dict[str, int] = {}

    def note(token: Any, index: Any, special: bool, place: str) -> None:
        content = _content(token, place)
        details = token if isinstance(token, dict) else {}
        special = bool(details.get("special", special))
        normalized = bool(details.get("normalized", not special))
        try:
            if index is not None:
                ids.setdefault(content, int(index))
        except (ValueError, TypeError) as error:
            raise TokenizerError(f"{place}: the id {index!r} of {content!r} is no integer") from error
        found.setdefault(content, AddedToken(content, special, normalized))

    place = f"{places[TOKENIZER_NAME]}: added_tokens"
    for token in _of_kind(serialized.get("added_tokens") or [], list, place):
        note(token, _of_kind(token, dict, place).get("id"), False, place)
    place = f"{places[CONFIG_NAME]}: {_DECODER}"
    for index, token in _of_kind(config.get(_DECODER) or {}, dict, place).items():
        note(token, index, False, place)
    for name, token in named.items():
        note(token, None, True, f"{folder}: {name}")
    for source, name in ((config, CONFIG_NAME), (specials, SPECIALS_NAME)):
        for key in ("extra_special_tokens", "additional_special_tokens"):
            place = f"{places[name]}: {key}"
            tokens = source.get(key) or []
            # Newer files may name them: {"image_token": "<image>"}.
            tokens = [*tokens.values()] if isinstance(tokens, dict) else _of_kind(tokens, list, place)
            for token in tokens:
                note(token, None, True, place)
    # As in the reference, which takes it for an older tokenizer's otherwise.
    if _DECODER not in config:
        for token, index in _read_json(places[ADDED_NAME]).items():
            note(token, index, False, f"{places[ADDED_NAME]}")
    ordered = sorted(found, key=lambda content: ids.get(content, math.inf))
    _check_ids({content: ids[content] for content in ordered if content in ids}, pieces, folder)
    return [found[content] for content in ordered]


def _check_ids(declared: Mapping[str, int], pieces: Sequence[str], folder: Path) -> None:
    """See that tokens get the ids that the files give them, when they are added in this order."""
    if not declared:
        return
    expected = dict(zip(pieces, range(len(pieces)), strict=True))
    beyond = [content for content in declared if content not in expected]
    expected.update(zip(beyond, range(len(pieces), len(pieces) + len(beyond)), strict=True))
    for content, index in declared.items():
        if index != expected[content]:
            raise TokenizerError(
                f"{folder}: the added token {content!r} has id {index}; expected {expected[content]}: pieces "
                f"keep their ids, and other tokens follow the {len(pieces)} pieces without gaps"
            )


def describe(vocabulary: Vocabulary, options: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a tokenizer as the ``tokenizer.json`` of the `tokenizers` library.

    Args:
        vocabulary: Pieces, special and added tokens.
        options: ``do_lower_case``, ``strip_accents`` and ``tokenize_chinese_chars``.
    """
    cls_token, sep_token = vocabulary.specials["cls_token"], vocabulary.specials["sep_token"]
    added = sorted(vocabulary.added.values(), key=lambda token: vocabulary.ids[token.content])
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": vocabulary.ids[token.content], **_token_properties(token)} for token in added
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": options["tokenize_chinese_chars"],
            "strip_accents": options["strip_accents"],
            "lowercase": options["do_lower_case"],
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            **_template(cls_token, sep_token),
            "special_tokens": {
                token: {"id": token, "ids": [vocabulary.ids[token]], "tokens": [token]}
                for token in (cls_token, sep_token)
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": vocabulary.specials["unk_token"],
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocabulary.piece_ids,
        },
    }


def _template(cls_token: str, sep_token: str) -> dict[str, list[Any]]:
    """What the `tokenizers` library puts around a text, and around two."""

    def special(token: str, segment: int) -> dict[str, Any]:
        return {"SpecialToken": {"id": token, "type_id": segment}}

    def sequence(name: str, segment: int) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": segment}}

    single = [special(cls_token, 0), sequence("A", 0), special(sep_token, 0)]
    return {"single": single, "pair": [*single, sequence("B", 1), special(sep_token, 1)]}


def write_folder(folder: Path, vocabulary: Vocabulary, options: Mapping[str, Any]) -> list[Path]:
    """Write the tokenizer files, each atomically, in place of another tokenizer's; the folder is made.

    Args:
        folder: Where to.
        vocabulary: Pieces, special and added tokens.
        options: What ``tokenizer_config.json`` is to say besides the tokens.

    Returns:
        The files written.

    Raises:
        OptionError: The folder cannot be written to.
    """
    make_folder(folder)
    texts = folder_texts(vocabulary, options)
    for name, text in texts.items():
        write_text(folder / name, text)
    remove_others(folder, texts)
    return [folder / name for name in texts]


def remove_others(folder: Path, kept: Container[str]) -> None:
    """Take files out of a folder that another tokenizer has left there, and that would be read, too.

    Args:
        folder: Where a tokenizer was written to.
        kept: Names of its files.

    Raises:
        OptionError: One cannot be removed.
    """
    for name in FILE_NAMES:
        if name not in kept:
            try:
                (folder / name).unlink(missing_ok=True)
            except OSError as error:
                raise OptionError(f"{folder / name}: cannot be removed ({error.strerror})") from error


def folder_texts(vocabulary: Vocabulary, options: Mapping[str, Any]) -> dict[str, str]:
    """The content of the tokenizer files by their names; the arguments are those of :func:`write_folder`."""
    named = set(vocabulary.specials.values())
    decoder = {
        str(vocabulary.ids[token.content]): _token_properties(token) for token in vocabulary.added.values()
    }
    extra = [token for token in vocabulary.special_contents() if token not in named]
    config = {
        **options,
        **vocabulary.specials,
        _DECODER: decoder,
        # The name that transformers 4 knows, too.
        **({"additional_special_tokens": extra} if extra else {}),
        "tokenizer_class": "SqueezeBertTokenizer",
    }
    contents = {
        CONFIG_NAME: config,
        SPECIALS_NAME: {**vocabulary.specials, "additional_special_tokens": extra},
        TOKENIZER_NAME: describe(vocabulary, options),
    }
    return {
        VOCAB_NAME: vocab_text(vocabulary),
        **{name: json.dumps(v, ensure_ascii=False, indent=2) + "\n" for name, v in contents.items()},
    }


def vocab_text(vocabulary: Vocabulary) -> str:
    """The content of ``vocab.txt``.

    Raises:
        TokenizerError: A piece would be read as another one, or as two.
    """
    for piece in vocabulary.pieces:
        if "\n" in piece or "\r" in piece or piece.startswith(_MARK):
            raise TokenizerError(f"the piece {piece!r} cannot be a line of {VOCAB_NAME}; leave it out")
    return "".join(f"{piece}\n" for piece in vocabulary.pieces)


def _token_properties(token: AddedToken) -> dict[str, Any]:
    return {
        "content": token.content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": token.normalized,
        "special": token.special,
    }

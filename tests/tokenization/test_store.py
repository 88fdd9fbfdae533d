"""A tokenizer survives its files, ours and those of transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, BertTokenizer

from squeezebert.embedded import EMBEDDED_MODEL
from squeezebert.errors import TokenizerError
from squeezebert.files import EMBEDDED
from squeezebert.tokenization import AddedToken
from squeezebert.tokenization.base import BaseTokenizer
from squeezebert.tokenization.vocabulary import SPECIAL_TOKENS
from tests.tokenization.conftest import CLASSES, VOCAB, make_reference

TEXT = "Héllo Foo bar <x>[MASK] 中国 unaffable"
SMALL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "a", "##b"]

pytestmark = pytest.mark.parametrize("cls", CLASSES, ids=["pure", "fast"])


def write_small(folder: Path, **config: Any) -> Path:
    (folder / "vocab.txt").write_text("\n".join(SMALL), encoding="utf-8")
    if config:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def test_round_trip_and_auto_tokenizer(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    made = cls(VOCAB, strip_accents=False, model_max_length=128, added_tokens=[AddedToken("Foo Bar")])
    made.add_special_tokens({"additional_special_tokens": ["<x>"]})
    made.save_pretrained(tmp_path)
    assert not list(tmp_path.glob(".*"))
    expected = made(TEXT, return_offsets_mapping=True)
    assert 30522 in expected["input_ids"]
    for other in CLASSES:
        loaded = other.from_pretrained(tmp_path)
        assert loaded(TEXT, return_offsets_mapping=True).data == expected.data
        assert loaded.model_max_length == 128
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert theirs(TEXT).input_ids == expected["input_ids"]
    assert theirs.model_max_length == 128
    assert theirs.all_special_ids == made.all_special_ids


def test_the_embedded_model_has_the_tokenizer_files_of_today(
    cls: type[BaseTokenizer], tmp_path: Path
) -> None:
    """transformers 4.57 could not read those that an earlier version had written."""
    embedded = EMBEDDED / EMBEDDED_MODEL
    cls.from_pretrained(embedded).save_pretrained(tmp_path)
    for name in ("tokenizer_config.json", "vocab.txt"):
        assert (embedded / name).read_bytes() == (tmp_path / name).read_bytes()
    assert AutoTokenizer.from_pretrained(embedded)(TEXT).input_ids == make_reference()(TEXT).input_ids


def test_folder_of_transformers(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    """transformers 5 writes no vocab.txt, and int(1e30) for an unknown maximum length."""
    theirs = make_reference(do_lower_case=False, model_max_length=10**30)
    theirs.add_tokens(["Foo bar"])
    theirs.save_pretrained(tmp_path)
    assert not (tmp_path / "vocab.txt").exists()
    ours = cls.from_pretrained(tmp_path)
    assert ours(TEXT)["input_ids"] == theirs(TEXT).input_ids
    assert ours.model_max_length == 512
    (tmp_path / "tokenizer_config.json").unlink()
    assert cls.from_pretrained(tmp_path)(TEXT)["input_ids"] == theirs(TEXT).input_ids


def test_a_checkpoint_has_the_tokenizer_of_its_base_unless_its_own(
    cls: type[BaseTokenizer], tmp_path: Path
) -> None:
    write_small(tmp_path, model_max_length=37)
    head = tmp_path / "head"
    head.mkdir()
    (head / "config.json").write_text(json.dumps({"base_checkpoint": ".."}), encoding="utf-8")
    assert cls.from_pretrained(head)("hello a").input_ids == [2, 5, 6, 3]
    assert cls.from_pretrained(head).model_max_length == 37
    further = head / "further"
    further.mkdir()
    (further / "config.json").write_text(json.dumps({"base_checkpoint": ".."}), encoding="utf-8")
    assert cls.from_pretrained(further).model_max_length == 37
    # Without a vocabulary, what it says of the tokenizer goes before what the base says.
    (head / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 23}), encoding="utf-8")
    for folder, length in ((tmp_path, 37), (head, 23), (further, 23)):
        assert cls.from_pretrained(folder).model_max_length == length
        assert cls.from_pretrained(folder)("hello a").input_ids == [2, 5, 6, 3]
    (further / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 17}), encoding="utf-8")
    assert cls.from_pretrained(further).model_max_length == 17
    (further / "tokenizer_config.json").unlink()
    write_small(head, model_max_length=19)
    assert cls.from_pretrained(head).model_max_length == 19
    assert cls.from_pretrained(further).model_max_length == 19


def test_bases_in_a_circle_have_no_tokenizer(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    for name, base in (("one", "../two"), ("two", "../one")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"base_checkpoint": base}), encoding="utf-8")
    with pytest.raises(TokenizerError, match="has neither"):
        cls.from_pretrained(tmp_path / "one")


@pytest.mark.parametrize("base", [None, "elsewhere", 7, "/"])
def test_without_a_tokenizer_anywhere(cls: type[BaseTokenizer], tmp_path: Path, base: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"base_checkpoint": base}), encoding="utf-8")
    with pytest.raises(TokenizerError, match="has neither"):
        cls.from_pretrained(tmp_path)


@pytest.mark.parametrize("normalized", [False, True])
def test_named_special_tokens_are_looked_for_as_their_files_say(
    cls: type[BaseTokenizer], tmp_path: Path, normalized: bool
) -> None:
    """In the normalised text or as written; also after being saved again, and with fewer pieces."""
    mask = {"content": "[MASK]", "special": True, "normalized": normalized, "single_word": False,
            "lstrip": False, "rstrip": False}  # fmt: skip
    write_small(tmp_path, added_tokens_decoder={"4": mask}, tokenizer_class="BertTokenizer")
    expected = AutoTokenizer.from_pretrained(tmp_path)("a [mask] [MASK]").input_ids
    assert expected.count(4) == 1 + normalized
    loaded = cls.from_pretrained(tmp_path)
    assert loaded("a [mask] [MASK]")["input_ids"] == expected
    assert loaded.with_pieces(range(len(SMALL)))("a [mask] [MASK]")["input_ids"] == expected
    loaded.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path)("a [mask] [MASK]")["input_ids"] == expected


def test_vocabulary_alone(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    """The published checkpoints have no tokenizer_config.json."""
    loaded = cls.from_pretrained(write_small(tmp_path))
    assert (loaded.model_max_length, loaded.do_lower_case) == (512, True)
    assert loaded.tokenize("HELLO ab") == ["hello", "a", "##b"]
    assert len(loaded("a " * 999, truncation=True)["input_ids"]) == 512


def test_config_and_overrides(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    write_small(tmp_path, do_lower_case=False, model_max_length=9, unk_token="a")
    loaded = cls.from_pretrained(tmp_path)
    assert (loaded.model_max_length, loaded.unk_token) == (9, "a")
    assert loaded.tokenize("HELLO") == ["a"]
    assert cls.from_pretrained(tmp_path, do_lower_case=True).tokenize("HELLO") == ["hello"]


def test_missing_special_tokens_get_new_ids(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    loaded = cls(["[UNK]", "[PAD]", "[CLS]", "[SEP]", "a"])
    assert (loaded.mask_token_id, loaded.vocab_size, len(loaded)) == (5, 5, 6)
    loaded.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path)("a [MASK]")["input_ids"] == [2, 4, 5, 3]


@pytest.mark.parametrize(
    "named", [{"pad_token": "<pad>"}, {"cls_token": "<s>", "pad_token": "<pad>"}], ids=str
)
@pytest.mark.parametrize("writer", ["ours", "theirs"])
def test_added_and_special_tokens_keep_their_ids(
    cls: type[BaseTokenizer], tmp_path: Path, writer: str, named: dict[str, str]
) -> None:
    """In whatever order they were added, and whoever wrote the folder."""
    made: Any = cls(VOCAB) if writer == "ours" else make_reference()
    made.add_tokens(["covid19"])
    made.add_special_tokens(named)
    made.save_pretrained(tmp_path)
    added = ["covid19", *named.values()]
    loaded = cls.from_pretrained(tmp_path)
    assert loaded.convert_tokens_to_ids(added) == [*range(30522, 30522 + len(added))]
    assert loaded.get_vocab() == made.get_vocab() == AutoTokenizer.from_pretrained(tmp_path).get_vocab()
    assert (loaded.cls_token_id, loaded.pad_token_id) == (made.cls_token_id, made.pad_token_id)
    assert set(added) - set(loaded.all_special_tokens) == {"covid19"}


@pytest.mark.parametrize(
    ("missing", "files"),
    [
        (["[PAD]", "[MASK]"], {"added_tokens": {"<ent>": 6, "[PAD]": 7, "[MASK]": 8}}),
        (["[MASK]"], {"added_tokens": {"x": 7}}),
        (["[MASK]"], {"special_tokens_map": {"additional_special_tokens": ["<x>"]}}),
        (
            ["[MASK]"],
            {
                "special_tokens_map": {"additional_special_tokens": ["<z>", "<x>"]},
                "added_tokens": {"<x>": 7, "y": 8},
            },
        ),
    ],
)
def test_legacy_folders_give_the_ids_of_transformers(
    cls: type[BaseTokenizer], tmp_path: Path, missing: list[str], files: dict[str, Any]
) -> None:
    """Tokens with ids come first, then named special tokens, then further ones."""
    pieces = [piece for piece in SMALL if piece not in missing]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    ours, theirs = cls.from_pretrained(tmp_path), BertTokenizer.from_pretrained(tmp_path)
    assert ours.get_vocab() == theirs.get_vocab()
    assert set(ours.all_special_ids) == set(theirs.all_special_ids)
    ours.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path).get_vocab() == theirs.get_vocab()


def test_a_special_token_that_is_overridden_is_not_added(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    """The ids of a folder without [MASK] are as many as its pieces if another one is the mask."""
    pieces = [piece for piece in SMALL if piece != "[MASK]"]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    assert len(cls.from_pretrained(tmp_path, mask_token="hello")) == len(pieces)


def test_a_byte_order_mark_is_no_part_of_the_vocabulary(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    """transformers takes it for one, and gives [PAD] a new id."""
    write_small(tmp_path)
    (tmp_path / "vocab.txt").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "vocab.txt").read_bytes())
    loaded = cls.from_pretrained(tmp_path)
    assert (loaded.pad_token_id, len(loaded)) == (0, len(SMALL))


@pytest.mark.parametrize("piece", ["a\nb", "a\rb", "\ufeffa"])
def test_pieces_that_no_line_can_hold_are_not_written(
    cls: type[BaseTokenizer], tmp_path: Path, piece: str
) -> None:
    """Read again, all pieces behind them would have other ids."""
    tokenizer = cls([*SPECIAL_TOKENS.values(), "a", piece, "c"])
    with pytest.raises(TokenizerError, match="the piece "):
        tokenizer.save_pretrained(tmp_path)
    assert not [*tmp_path.iterdir()]


def with_post_processor(folder: Path, **fields: Any) -> None:
    """Give a folder a tokenizer.json alone that goes on in another way after dividing."""
    path = folder / "tokenizer.json"
    given = json.loads(path.read_text())
    given["post_processor"] = {**given["post_processor"], **fields} if fields else None
    for other in folder.iterdir():
        other.unlink()
    path.write_text(json.dumps(given))


CLS, A = {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"single": [A]},
        {"single": [CLS, A]},
        {"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        {"type": "BertProcessing", "sep": 3, "cls": ["[CLS]", 2]},
        {"pair": [CLS, A, {"Sequence": {"id": "B", "type_id": 1}}]},
    ],
)
def test_other_special_tokens_around_texts_are_refused(
    cls: type[BaseTokenizer], tmp_path: Path, fields: dict[str, Any]
) -> None:
    cls(SMALL).save_pretrained(tmp_path)
    with_post_processor(tmp_path, **fields)
    with pytest.raises(TokenizerError, match=r"tokenizer\.json: post_processor does not put special tokens"):
        cls.from_pretrained(tmp_path)


def test_special_tokens_around_texts_are_those_of_the_file(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    pieces = [*SMALL, "<s>", "</s>"]
    cls(pieces, cls_token="<s>", sep_token="</s>").save_pretrained(tmp_path)
    with_post_processor(tmp_path, special_tokens={})
    assert cls.from_pretrained(tmp_path)("a", "hello")["input_ids"] == [8, 6, 9, 5, 9]
    with_post_processor(tmp_path, type="BertProcessing", cls=["[CLS]", 2], sep=["</s>", 9])
    assert cls.from_pretrained(tmp_path)("a")["input_ids"] == [2, 6, 9]


def test_saving_takes_away_what_another_tokenizer_has_left(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    (tmp_path / "added_tokens.json").write_text('{"<x>": 8}')
    cls([*SMALL, "more"]).save_pretrained(tmp_path)
    assert len(cls.from_pretrained(tmp_path)) == len(SMALL) + 1


def test_ids_of_the_config_go_before_those_of_an_older_file(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    write_small(tmp_path, added_tokens_decoder={"8": {"content": "foo"}}, sep_token="a")
    (tmp_path / "added_tokens.json").write_text('{"<x>": 8}')
    (tmp_path / "special_tokens_map.json").write_text('{"sep_token": "hello"}')
    loaded = cls.from_pretrained(tmp_path)
    assert (loaded.tokenize("foo"), loaded.sep_token) == (["foo"], "a")
    write_small(tmp_path, sep_token="a")
    loaded = cls.from_pretrained(tmp_path)
    assert (loaded.convert_tokens_to_ids("<x>"), loaded.sep_token) == (8, "hello")


@pytest.mark.parametrize("place", ["special_tokens_map.json", "tokenizer_config.json"])
def test_named_tokens_are_looked_for_as_their_object_says(
    cls: type[BaseTokenizer], tmp_path: Path, place: str
) -> None:
    token = {"content": "[SEP]", "normalized": True, "lstrip": False, "rstrip": False, "single_word": False}
    write_small(tmp_path)
    (tmp_path / place).write_text(json.dumps({"sep_token": token}))
    assert cls.from_pretrained(tmp_path).tokenize("a [sep] a") == ["a", "[SEP]", "a"]
    assert cls.from_pretrained(tmp_path, sep_token="[SEP]").tokenize("[sep]") == 3 * ["[UNK]"]


def test_older_names_and_places_of_options_are_read(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    cls(SMALL, strip_accents=False).save_pretrained(tmp_path)
    path = tmp_path / "tokenizer.json"
    given = {**json.loads(path.read_text()), "padding": {"direction": "Left"}}
    path.write_text(json.dumps(given))
    write_small(tmp_path, max_len=7)
    loaded = cls.from_pretrained(tmp_path)
    assert (loaded.model_max_length, loaded.padding_side, loaded.strip_accents) == (7, "left", False)
    write_small(tmp_path, strip_accents=None, padding_side="right")
    loaded = cls.from_pretrained(tmp_path)
    assert (loaded.padding_side, loaded.strip_accents) == ("right", None)


def test_special_tokens_may_have_names(cls: type[BaseTokenizer], tmp_path: Path) -> None:
    write_small(tmp_path, extra_special_tokens={"image_token": "<image>"})
    loaded = cls.from_pretrained(tmp_path)
    assert loaded.tokenize("a <image> a") == ["a", "<image>", "a"]
    assert "<image>" in loaded.all_special_tokens


SERIALIZED = (
    b'{"added_tokens": %s, "normalizer": {"type": "BertNormalizer", "clean_text": %s},'
    b'"pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"vocab": {"[UNK]": 0}},'
    b'"post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}}'
)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has neither vocab.txt nor tokenizer.json"),
        ({"vocab.txt": b""}, "is empty"),
        ({"vocab.txt": b"\xff\xfe"}, "is not UTF-8"),
        ({"vocab.txt": b"a\nb\n"}, "lacks the unknown token"),
        ({"vocab.txt": b"[UNK]\n", "tokenizer_config.json": b"{"}, "is not valid JSON"),
        ({"vocab.txt": b"[UNK]\n", "tokenizer_config.json": b"[]"}, "not a JSON object"),
        ({"vocab.txt": b"[UNK]\n", "added_tokens.json": b'{"x": 7}'}, "has id 7; expected 1"),
        ({"vocab.txt": b"[UNK]\na\n", "added_tokens.json": b'{"a": 2}'}, "'a' has id 2; expected 1"),
        ({"vocab.txt": b"[UNK]\na\n", "added_tokens.json": b'{"x": 1}'}, "'x' has id 1; expected 2"),
        ({"vocab.txt": b"[UNK]\n", "added_tokens.json": b'{"x": "y"}'}, "the id 'y' of 'x' is no integer"),
        (
            {"vocab.txt": b"[UNK]\n", "tokenizer_config.json": b'{"added_tokens_decoder": {"x": "y"}}'},
            "added_tokens_decoder: the id 'x' of 'y' is no integer",
        ),
        (
            {"vocab.txt": b"[UNK]\n", "tokenizer_config.json": b'{"added_tokens_decoder": ["x"]}'},
            r"added_tokens_decoder is \['x'\], not of the type dict",
        ),
        (
            {"vocab.txt": b"[UNK]\n", "tokenizer_config.json": b'{"do_lower_case": "false"}'},
            "do_lower_case is 'false', not of the type bool",
        ),
        (
            {"vocab.txt": b"[UNK]\n", "tokenizer_config.json": b'{"split_special_tokens": true}'},
            "split_special_tokens is true; only false is supported",
        ),
        *(
            (
                {"vocab.txt": b"[UNK]\n", "tokenizer_config.json": b'{"model_max_length": %s}' % limit},
                "model_max_length is .*; expected a positive number",
            )
            for limit in (b'"128"', b"-1", b"true", b"0.5", b"NaN")
        ),
        (
            {
                "tokenizer.json": SERIALIZED.replace(b'{"type"', b'{"lowercase": "no", "type"', 1)
                % (b"[]", b"true")
            },
            "normalizer.lowercase is 'no', not of the type bool",
        ),
        (
            {"tokenizer.json": SERIALIZED % (b'["[CLS]"]', b"true")},
            r"added_tokens is '\[CLS\]', not of the type dict",
        ),
        ({"tokenizer.json": SERIALIZED % (b"[]", b"false")}, "normalizer.clean_text is false"),
        ({"tokenizer.json": b'{"model": {"type": "BPE", "vocab": {"a": 0}}}'}, "model.type is 'BPE'"),
        (
            {"tokenizer.json": b'{"model": {"vocab": {"[UNK]": 0, "a": 2}}}'},
            "model.vocab: there is no id 1",
        ),
        (
            {
                "vocab.txt": b"[UNK]\n",
                "tokenizer_config.json": b'{"mask_token": {"content": "m", "lstrip": true}}',
            },
            "lstrip of the token 'm' is not supported",
        ),
    ],
)
def test_bad_files_are_named(
    cls: type[BaseTokenizer], tmp_path: Path, files: dict[str, bytes], message: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TokenizerError, match=message):
        cls.from_pretrained(tmp_path)

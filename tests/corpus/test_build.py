"""A corpus holds every token of its sources, once, however its building went."""

import errno
import itertools
import json
import lzma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.corpus import Corpus, build, build_corpus, corpus_sources, read_documents, split_sentences
from squeezebert.corpus.drawing import divide, draw
from squeezebert.corpus.shards import HELD_OUT, ids_dtype
from squeezebert.errors import DataError, OptionError
from squeezebert.files import alone_in
from squeezebert.tokenization import SqueezeBertTokenizerFast

TEXTS = ["The tea is hot. We drink.", "Cold tea.\n\nThe tea is cold. Hot is the tea.", "We drink abc."]


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "text"
    folder.mkdir()
    for number in range(3):
        lines = [json.dumps({"text": TEXTS[(number + row) % 3]}) for row in range(7)]
        (folder / f"part{number}.jsonl.xz").write_bytes(lzma.compress("\n".join(lines).encode()))
    return corpus_sources([folder])


def expected(sources, tokenizer, hold_out, held):
    return [
        [tokenizer.encode(s, add_special_tokens=False) for p in d.paragraphs for s in split_sentences(p)]
        for source in sources
        for d in read_documents(source)
        if (d.number % hold_out == 0) == held
    ]


def read_all(corpus):
    """Ids of each sentence of each document."""
    found = []
    for part in corpus.shards:
        bounds = list(itertools.pairwise(part.sentences.tolist()))
        sentences = [part.ids[start:end].tolist() for start, end in bounds]
        found += [sentences[start:end] for start, end in itertools.pairwise(part.documents.tolist())]
    return found


@pytest.mark.parametrize("part", ["training", HELD_OUT])
def test_round_trip(tmp_path, sources, tokenizer, part):
    report = build_corpus(sources, tmp_path / "out", tokenizer=tokenizer, hold_out=3)
    documents = expected(sources, tokenizer, 3, part == HELD_OUT)
    corpus = Corpus(tmp_path / "out", part)
    assert read_all(corpus) == documents
    assert corpus.documents == len(documents)
    sentences = [ids for document in documents for ids in document]
    assert corpus.sentences == len(sentences)
    assert corpus.tokens == sum(map(len, sentences))
    spans = corpus.sentence_spans(np.arange(corpus.sentences), 4)
    assert [corpus.read(spans, s).tolist() for s in range(corpus.sentences)] == [s[:4] for s in sentences]
    if part == "training":
        assert report.to_dict()["tokens"] == corpus.tokens
    loaded = SqueezeBertTokenizerFast.from_pretrained(tmp_path / "out")
    assert loaded.get_vocab() == tokenizer.get_vocab()


def test_passages_are_whole_sentences_of_one_document(tmp_path, sources, tokenizer):
    build_corpus(sources, tmp_path, tokenizer=tokenizer)
    corpus = Corpus(tmp_path)
    documents = read_all(corpus)
    passages = []
    for document in documents:
        for start in range(len(document)):
            text = document[start][:9]
            for sentence in document[start + 1 :]:
                if len(text) + len(sentence) > 9:
                    break
                text = text + sentence
            passages.append(text)
    every = np.arange(corpus.sentences)
    spans = corpus.passage_spans(every, 9)
    assert [corpus.read(spans, s).tolist() for s in range(corpus.sentences)] == passages
    # Each with a length of its own.
    mixed, short = corpus.passage_spans(every, np.where(every % 2, 9, 5)), corpus.passage_spans(every, 5)
    for s in range(corpus.sentences):
        expected = spans if s % 2 else short
        assert corpus.read(mixed, s).tolist() == corpus.read(expected, s).tolist()


def test_what_is_built_is_kept(tmp_path, sources, tokenizer, monkeypatch):
    """An interrupted build goes on with the first source that it did not finish, to the same end."""
    whole = build_corpus(sources, tmp_path / "whole", tokenizer=tokenizer)
    seen = []

    def stop(source, **options):
        seen.append(source)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return read_documents(source, **options)

    monkeypatch.setattr(build, "read_documents", stop)
    with pytest.raises(KeyboardInterrupt):
        build_corpus(sources, tmp_path / "cut", tokenizer=tokenizer)
    with pytest.raises(DataError, match="cut: is no corpus"):
        Corpus(tmp_path / "cut")
    monkeypatch.undo()
    again = build_corpus(sources, tmp_path / "cut", tokenizer=tokenizer)
    assert (again.built, again.shards) == (2, whole.shards)
    assert build_corpus(sources, tmp_path / "cut", tokenizer=tokenizer).built == 0
    # Neither half-written shards nor other leftovers.
    names = [sorted(path.name for path in (tmp_path / which).iterdir()) for which in ("whole", "cut")]
    assert names[0] == names[1]


def test_a_corpus_stays_whole_while_it_grows(tmp_path, sources, tokenizer, monkeypatch):
    """Else training would read the part that an interrupted build has come to."""
    out = tmp_path / "out"
    build_corpus(sources[1:], out, tokenizer=tokenizer)
    before = Corpus(out)
    monkeypatch.setattr(build, "split_sentences", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        build_corpus(sources, out, tokenizer=tokenizer)
    assert Corpus(out).fingerprint == before.fingerprint


def test_one_process_builds_a_corpus(tmp_path, sources, tokenizer):
    """Another would take the shards that are being written for those of a killed build."""
    out = tmp_path / "out"
    out.mkdir()
    with alone_in(out), pytest.raises(OptionError, match="another process is at work in it"):
        build_corpus(sources, out, tokenizer=tokenizer)
    assert build_corpus(sources, out, tokenizer=tokenizer).built == 3


def test_a_full_disk_names_the_shard(tmp_path, sources, tokenizer, monkeypatch):
    """It is no fault of the source, so that the build does not go on with the next one."""

    def full(self, sentences):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(build.PartWriter, "add", full)
    with pytest.raises(OptionError, match=r"out/part0-\w{16}: cannot be written \(No space left on device\)"):
        build_corpus(sources, tmp_path / "out", tokenizer=tokenizer)


@pytest.mark.parametrize("damage", ["training.ids", "held_out.documents", "corpus.json"])
def test_a_damaged_shard_is_made_anew(tmp_path, sources, tokenizer, damage):
    """As the error says that reading it ends in."""
    out = tmp_path / "corpus"
    build_corpus(sources, out, tokenizer=tokenizer, hold_out=2)
    shard = next(path for path in sorted(out.iterdir()) if path.is_dir() and (path / damage).stat().st_size)
    whole = (shard / damage).read_bytes()
    for damaged in (whole[: len(whole) // 3], None):
        (shard / damage).write_bytes(damaged) if damaged is not None else (shard / damage).unlink()
        assert build_corpus(sources, out, tokenizer=tokenizer, hold_out=2).built == 1
        assert (shard / damage).read_bytes() == whole
    assert build_corpus(sources, out, tokenizer=tokenizer, hold_out=2).built == 0


def test_the_same_text_twice_is_one_source(tmp_path, tokenizer):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "part.txt").write_text("A cup of tea. A train.\n")
    report = build_corpus(
        [tmp_path / "x/part.txt", tmp_path / "y/part.txt"], tmp_path / "corpus", tokenizer=tokenizer
    )
    assert (report.built, len(report.shards), Corpus(tmp_path / "corpus").documents) == (1, 1, 1)


def test_a_source_may_have_a_long_name(tmp_path, tokenizer):
    source = tmp_path / ("\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 80 + ".txt")
    source.write_text("A cup of tea. A train.\n")
    assert build_corpus([source], tmp_path / "corpus", tokenizer=tokenizer).built == 1


def test_what_a_killed_build_left_is_cleared_away(tmp_path, sources, tokenizer, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr(build.shutil, "rmtree", lambda *_, **__: None)
        killed.setattr(build, "split_sentences", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            build_corpus(sources, tmp_path / "out", tokenizer=tokenizer)
    assert len([*(tmp_path / "out").glob(".part0-*")]) == 1
    build_corpus(sources, tmp_path / "out", tokenizer=tokenizer)
    assert not [*(tmp_path / "out").glob(".*")]


def test_a_changed_source_tokenizer_or_option_is_built_anew(tmp_path, sources, tokenizer):
    build_corpus(sources, tmp_path / "out", tokenizer=tokenizer)
    sources[0].write_bytes(lzma.compress(json.dumps({"text": "Tea is hot."}).encode()))
    assert build_corpus(sources, tmp_path / "out", tokenizer=tokenizer).built == 1
    other = SqueezeBertTokenizerFast([*tokenizer.get_vocab(), "##e"])
    assert build_corpus(sources, tmp_path / "out", tokenizer=other).built == 3
    assert build_corpus(sources, tmp_path / "out", tokenizer=other, hold_out=5).built == 3


def test_of_files_that_are_one_document_some_are_held_out(tmp_path, tokenizer):
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(97):
        (folder / f"{number}.txt").write_text(f"Tea {number} is hot.")
    report = build_corpus(
        corpus_sources([folder]), tmp_path / "out", tokenizer=tokenizer, hold_out=3
    ).to_dict()
    assert report["documents"] + report["held_out_documents"] == 97
    assert 20 < report["held_out_documents"] < 45
    # What is held out stays so when files are added.
    (folder / "00.txt").write_text("More tea.")
    again = build_corpus(corpus_sources([folder]), tmp_path / "out", tokenizer=tokenizer, hold_out=3)
    assert again.built == 1
    assert abs(again.to_dict()["held_out_documents"] - report["held_out_documents"]) <= 1


def test_the_same_bytes_under_a_name_of_another_kind_are_read_anew(tmp_path, tokenizer):
    line = json.dumps({"text": "Tea is hot."})
    for name, documents in (("data.txt", 1), ("data.jsonl", 2)):
        (tmp_path / name).write_text(f"{line}\n{line}\n")
        build_corpus([tmp_path / name], tmp_path / "out", tokenizer=tokenizer)
        assert sum(Corpus(tmp_path / "out", part).documents for part in ("training", HELD_OUT)) == documents


def test_unreadable_sources_are_reported_and_nothing_else_is_lost(tmp_path, sources, tokenizer):
    whole = build_corpus(sources, tmp_path / "out", tokenizer=tokenizer)
    good = sources[1].read_bytes()
    sources[1].write_bytes(good[:-20])
    report = build_corpus(sources, tmp_path / "out", tokenizer=tokenizer)
    assert report.shards == (whole.shards[0], whole.shards[2])
    assert len(report.unreadable) == 1
    assert "part1.jsonl.xz: cannot be decompressed" in report.unreadable[0]
    assert Corpus(tmp_path / "out").tokens == whole.shards[0].tokens + whole.shards[2].tokens
    sources[1].write_bytes(good)
    assert build_corpus(sources, tmp_path / "out", tokenizer=tokenizer).shards == whole.shards
    with pytest.raises(DataError, match=r"none\.txt: cannot be read"):
        build_corpus([tmp_path / "none.txt"], tmp_path / "none", tokenizer=tokenizer)


def test_a_corpus_in_the_folder_of_its_texts_is_no_text(tmp_path, sources, tokenizer):
    folder = sources[0].parent
    (folder / "vocab.txt").write_text("A text of somebody.")
    found = corpus_sources([folder])
    build_corpus(found, folder / "corpus", tokenizer=tokenizer)
    assert corpus_sources([folder]) == found
    assert found == [*sources, folder / "vocab.txt"]


def test_bad_input(tmp_path, tokenizer, sources):
    with pytest.raises(OptionError, match="hold_out 1"):
        build_corpus(sources, tmp_path / "out", tokenizer=tokenizer, hold_out=1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no file"):
        corpus_sources([tmp_path / "empty"])
    with pytest.raises(DataError, match="is no corpus"):
        Corpus(tmp_path)
    (tmp_path / "rows.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"rows\.csv: is not one of"):
        build_corpus([tmp_path / "rows.csv"], tmp_path / "out", tokenizer=tokenizer)
    assert not (tmp_path / "out").exists()
    build_corpus(sources, tmp_path / "out", tokenizer=tokenizer)
    shard = next((tmp_path / "out").glob("part0-*"))
    with pytest.raises(DataError, match="is no corpus"):
        Corpus(shard)
    (shard / "training.ids").write_bytes(b"12")
    with pytest.raises(DataError, match=r"part0-\w+: the files of training do not fit"):
        Corpus(tmp_path / "out")
    assert Corpus(tmp_path / "out", HELD_OUT).sentences == 0


def test_ids_take_two_bytes_where_they_fit():
    assert [ids_dtype(size).itemsize for size in (30522, 65536, 65537)] == [2, 2, 4]


@given(st.integers(1, 13), st.integers(1, 7), st.integers(0, 2**32))
def test_each_text_is_drawn_once_before_any_twice(size, count, seed):
    drawn = np.concatenate([draw(size, count, epoch, [seed]) for epoch in range(size)])
    for start in range(0, size * count, size):
        assert sorted(drawn[start : start + size].tolist()) == list(range(size))


@given(st.integers(1, 999), st.lists(st.floats(0.01, 100), min_size=1, max_size=5))
def test_shares_add_up(count, shares):
    parts = divide(count, shares)
    assert sum(parts) == count
    assert all(
        abs(part - share / sum(shares) * count) <= 1 for part, share in zip(parts, shares, strict=True)
    )

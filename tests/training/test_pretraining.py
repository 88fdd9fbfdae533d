"""Pre-training: packing loses nothing, orders are swapped by halves, phases learn and resume."""

import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from squeezebert.config import SqueezeBertConfig
from squeezebert.corpus import Corpus
from squeezebert.corpus.shards import ShardPart
from squeezebert.errors import DataError, OptionError
from squeezebert.modeling import SqueezeBertForPreTraining
from squeezebert.tasks.base import NO_LOSS
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.training.pretraining import PretrainingSettings, make_pretraining, pretrain
from squeezebert.training.pretraining.sequences import Sequences, pack

from .conftest import FILLERS, PEOPLE, PIECES
from .corpora import make_corpus

CONFIG = SqueezeBertConfig(
    vocab_size=len(PIECES) + 2, hidden_size=28, embedding_size=28, num_hidden_layers=2, num_attention_heads=7,
    intermediate_size=44, max_position_embeddings=33,
)  # fmt: skip
SETTINGS = {"max_length": 17, "batch_size": 13, "epoch_sequences": 65, "threads": 1, "precision": "fp32"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, trunk):
    return make_corpus(tmp_path_factory.mktemp("text"), trunk, [*FILLERS, *PEOPLE])


documents = st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=9), min_size=1, max_size=6)


@given(documents, st.integers(2, 13))
def test_packing_keeps_every_token_but_lone_ones(lengths, room):
    sentences = np.cumsum([0, *itertools.chain(*lengths)])
    part = ShardPart(np.arange(sentences[-1]), sentences, np.cumsum([0, *map(len, lengths)]))
    starts, ends = pack(part, room)
    sizes = ends - starts
    assert ((sizes >= 2) & (sizes <= room)).all()
    kept = [token for start, end in zip(starts, ends, strict=True) for token in part.ids[start:end]]
    lost = sorted(set(part.ids.tolist()) - set(kept))
    assert len(kept) + len(lost) == len(part.ids)
    assert kept == sorted(kept)
    bounds = set(sentences.tolist())
    for token in lost:  # a sequence of its own, at the end of a sentence
        assert token + 1 in bounds
    document_ends = sentences[part.documents]
    assert (np.searchsorted(document_ends, starts, "right") == np.searchsorted(document_ends, ends)).all()
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        inner = [bound for bound in bounds if start < bound < end]
        # Cut inside a sentence only where it is one long sentence.
        assert (start in bounds and end in bounds) or not inner


def test_segments_are_the_sequence_and_half_of_them_are_swapped(corpus):
    sequences = Sequences(Corpus(corpus), 17)
    swapped = total = 0
    for index in range(len(sequences)):
        for seed in range(30):
            segments = sequences.segments(index, np.random.default_rng(seed * 1000 + index))
            parts = [segments.first, segments.second]
            assert min(map(len, parts)) > 0
            whole = np.concatenate(parts[::-1] if segments.swapped else parts)
            assert (whole == sequences.tokens(index)).all()
            swapped, total = swapped + segments.swapped, total + 1
    assert binomtest(swapped, total, 0.5).pvalue > 1e-4


@pytest.mark.parametrize("masking", ["pieces", "words"])
def test_batches_are_a_function_of_seed_and_place(corpus, masking):
    settings = PretrainingSettings(**SETTINGS, masking=masking, steps=1, seed=5)
    first, second = (make_pretraining({corpus: 1.0}, CONFIG, settings) for _ in range(2))
    whole = first.collate(first.epoch(3)[2])
    # Entered in the middle, and cut as two processes cut it.
    parts = [second.collate(second.epoch(3)[2][rank::2]) for rank in range(2)]
    for rank, part in enumerate(parts):
        for name, tensor in part.inputs.items():
            mine = whole.inputs[name][rank::2]
            assert torch.equal(tensor, mine[:, : tensor.shape[1]] if tensor.ndim > 1 else mine)
    other = PretrainingSettings(**SETTINGS, masking=masking, steps=1, seed=6)
    again = make_pretraining({corpus: 1.0}, CONFIG, other)
    assert not torch.equal(again.collate(again.epoch(3)[2]).inputs["order"], whole.inputs["order"]) or (
        again.epoch(3)[2] != first.epoch(3)[2]
    )


def test_rows_are_as_the_model_expects(corpus):
    objective = make_pretraining({corpus: 1.0}, CONFIG, PretrainingSettings(**SETTINGS, steps=1))
    inputs = objective.collate(objective.epoch(0)[0]).inputs
    for ids, types, mask, labels in zip(
        *(inputs[name] for name in ("input_ids", "token_type_ids", "attention_mask", "labels")), strict=True
    ):
        length = int(mask.sum())
        assert length <= 17
        original = torch.where(labels == NO_LOSS, ids, labels)[:length].tolist()
        assert original[0] == 2 and original.count(3) == 2 and original[-1] == 3  # noqa: PT018
        first = original.index(3) + 1
        assert types[:length].tolist() == [0] * first + [1] * (length - first)
        chosen = labels != NO_LOSS
        # [UNK], too, is never hidden: there is nothing to be learnt from it.
        free = sum(piece > 4 for piece in original)
        assert int(chosen.sum()) == max(1, round(0.15 * free))
        assert min(labels[chosen].tolist()) > 4
        assert int(ids.max()) < len(PIECES)


def test_the_loss_is_that_of_the_model(corpus):
    objective = make_pretraining({corpus: 1.0}, CONFIG, PretrainingSettings(**SETTINGS, steps=1))
    objective.module.eval()
    batch = objective.collate(objective.epoch(0)[0])
    losses = objective.losses(batch)
    inputs = {
        name: batch.inputs[name] for name in ("input_ids", "attention_mask", "token_type_ids", "labels")
    }
    expected = objective.module(**inputs, sentence_order_label=batch.inputs["order"]).loss
    mine = sum(losses[name] / batch.weights[name] for name in losses)
    torch.testing.assert_close(mine, expected, atol=1e-5, rtol=1e-5)


def test_two_phases_learn_and_resume_to_the_same_bits(corpus, tmp_path):
    short = {**SETTINGS, "learning_rate": 2e-2, "warmup": 0.1, "evaluate_every": 6}
    phases = [
        PretrainingSettings(**short, steps=12),
        PretrainingSettings(**{**short, "max_length": 33, "batch_size": 7}, steps=6),
    ]
    results = pretrain({corpus: 1.0}, tmp_path / "whole", model=CONFIG, phases=phases)
    assert [result.steps for result in results] == [12, 6]
    start = make_pretraining({corpus: 1.0}, CONFIG, phases[1]).evaluate()
    assert results[1].metrics["perplexity"] < 0.8 * start["perplexity"]
    stopping = [PretrainingSettings(**{**vars(phase), "stop_after": 1e-9}) for phase in phases]
    sittings = 0
    while True:
        sittings += 1
        part = pretrain({corpus: 1.0}, tmp_path / "cut", model=CONFIG, phases=stopping, resume=True)
        if (tmp_path / "cut/phase2/training.json").exists():
            break
        assert not part[-1].finished
    assert sittings > 12
    models = [SqueezeBertForPreTraining.from_pretrained(tmp_path / w / "phase2") for w in ("whole", "cut")]
    for name, tensor in models[0].state_dict().items():
        assert torch.equal(tensor, models[1].state_dict()[name]), name
    with pytest.raises(OptionError, match="cut: the run is finished"):
        pretrain({corpus: 1.0}, tmp_path / "cut", model=CONFIG, phases=phases, resume=True)
    slower = [PretrainingSettings(**{**vars(phases[0]), "learning_rate": 1e-3}), phases[1]]
    with pytest.raises(OptionError, match=r"phase1: is finished, with learning_rate 0\.02, not 0\.001"):
        pretrain({corpus: 1.0}, tmp_path / "cut", model=CONFIG, phases=slower, resume=True)
    (tmp_path / "other").mkdir()
    other = make_corpus(tmp_path / "other", corpus, FILLERS)
    for corpora in ({other: 1.0}, {corpus: 0.5}, {corpus: 1.0, other: 1.0}):
        with pytest.raises(OptionError, match="phase1: is finished, and has read other corpora than"):
            pretrain(corpora, tmp_path / "cut", model=CONFIG, phases=phases, resume=True)
    deeper = CONFIG.replace(num_hidden_layers=CONFIG.num_hidden_layers + 1)
    with pytest.raises(OptionError, match="phase1: is finished, with num_hidden_layers 2, not 3"):
        pretrain({corpus: 1.0}, tmp_path / "cut", model=deeper, phases=phases, resume=True)


def test_a_run_goes_on_where_it_was_moved_to(corpus, tmp_path):
    """The second phase starts from the first, which then has another name."""
    phases = [PretrainingSettings(**SETTINGS, steps=2), PretrainingSettings(**SETTINGS, steps=3)]
    pretrain({corpus: 1.0}, tmp_path / "here", model=CONFIG, phases=phases[:1])
    stopping = [phases[0], PretrainingSettings(**{**vars(phases[1]), "stop_after": 1e-9})]
    [part] = pretrain({corpus: 1.0}, tmp_path / "here", model=CONFIG, phases=stopping, resume=True)
    assert not part.finished
    (tmp_path / "here").rename(tmp_path / "there")
    journal = tmp_path / "there/phase2/metrics.jsonl"
    journal.write_bytes(journal.read_bytes() + bytes(5) + b"\n")  # as a disk that lost its power leaves it
    [rest] = pretrain({corpus: 1.0}, tmp_path / "there", model=CONFIG, phases=phases, resume=True)
    assert (rest.finished, rest.steps) == (True, 3)
    assert [json.loads(line)["step"] for line in journal.read_text().splitlines()] == [1, 2, 3, 3]


def test_a_phase_that_cannot_be_trained_is_found_before_the_first_one(corpus, tmp_path):
    fine = PretrainingSettings(**SETTINGS, steps=1)
    for changes, message in (
        ({"max_length": 999}, "^phase 2: max_length 999 is more than"),
        ({"precision": "tf32"}, "^phase 2: precision 'tf32' needs a GPU"),
        ({"device": "nowhere"}, "^phase 2: device 'nowhere' cannot be used"),
    ):
        last = PretrainingSettings(**{**SETTINGS, **changes}, steps=1)
        for resume in (False, True):
            with pytest.raises(OptionError, match=message):
                pretrain({corpus: 1.0}, tmp_path / "out", model=CONFIG, phases=[fine, last], resume=resume)
            assert not (tmp_path / "out").exists()
    with pytest.raises(OptionError, match="phase 1: type_vocab_size 1 has no segment for the second"):
        pretrain({corpus: 1.0}, tmp_path / "out", model=CONFIG.replace(type_vocab_size=1), phases=[fine])
    with pytest.raises(DataError, match="nowhere"):
        pretrain({"nowhere": 1.0}, tmp_path / "out", model=CONFIG, phases=[fine])
    pretrain({corpus: 1.0}, tmp_path / "out", model=CONFIG, phases=[fine])
    (tmp_path / "out" / "phase1").rename(tmp_path / "out" / "phase2")
    for resume in (False, True):
        with pytest.raises(OptionError, match=r"phase2: is not empty, and phase1, .*, is not finished"):
            pretrain({corpus: 1.0}, tmp_path / "out", model=CONFIG, phases=[fine, fine], resume=resume)


def test_bad_input(corpus, tmp_path, trunk):
    settings = PretrainingSettings(**SETTINGS, steps=1)
    for size in (20, 30522):
        with pytest.raises(OptionError, match=rf"vocab_size {size} does not fit .*has {len(PIECES)} pieces"):
            make_pretraining({corpus: 1.0}, CONFIG.replace(vocab_size=size), settings)
    with pytest.raises(OptionError, match="max_length 17 is more than the 16"):
        make_pretraining({corpus: 1.0}, CONFIG.replace(max_position_embeddings=16), settings)
    with pytest.raises(OptionError, match="epoch_sequences 1000000000000 is more than 100,000,000"):
        PretrainingSettings(epoch_sequences=10**12)
    with pytest.raises(OptionError, match="epoch_sequences 5 is less"):
        PretrainingSettings(batch_size=6, epoch_sequences=5)
    moved = SqueezeBertTokenizerFast([*PIECES[:-2], PIECES[-1], PIECES[-2]])
    SqueezeBertForPreTraining(CONFIG).save_pretrained(tmp_path / "moved")
    make_pretraining({corpus: 1.0}, str(tmp_path / "moved"), settings)  # weights alone
    moved.save_pretrained(tmp_path / "moved")
    with pytest.raises(OptionError, match=r"corpus: was made with another tokenizer than that of \S+moved"):
        make_pretraining({corpus: 1.0}, str(tmp_path / "moved"), settings)
    small = make_corpus(tmp_path, trunk, FILLERS, documents=3)
    with pytest.raises(DataError, match="holds out no document"):
        make_pretraining({small: 1.0}, CONFIG, settings)
    (tmp_path / "unknown").mkdir()
    unknown = make_corpus(tmp_path / "unknown", trunk, ["ภาษาไทย", "ქართული"], hold_out=2)
    with pytest.raises(DataError, match="corpus: held-out documents hold nothing but unknown pieces"):
        make_pretraining({unknown: 1.0}, CONFIG, settings)

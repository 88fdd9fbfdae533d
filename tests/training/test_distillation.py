"""General distillation: texts, losses against formulas written otherwise, and runs that learn and resume."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from squeezebert.config import SqueezeBertConfig
from squeezebert.corpus import build_corpus
from squeezebert.errors import DataError, OptionError
from squeezebert.modeling import SqueezeBertForMaskedLM, SqueezeBertModel
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.training.distillation import DistillationSettings, distill, make_distillation
from squeezebert.training.distillation.objective import mean_pooled
from squeezebert.training.distillation.teacher import EngineTeacher, TorchTeacher, piece_vectors
from squeezebert.training.distillation.texts import SHORTEST, cut_by_length

from .conftest import FILLERS, PEOPLE, PIECES, save_trunk
from .corpora import make_corpus

SIZES = {
    "vocab_size": len(PIECES), "num_hidden_layers": 1, "num_attention_heads": 4,
    "max_position_embeddings": 33, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
NARROW = SqueezeBertConfig(hidden_size=12, embedding_size=12, intermediate_size=20, **SIZES)
WIDE = SqueezeBertConfig(hidden_size=28, embedding_size=28, intermediate_size=44, **SIZES)
SETTINGS = {
    "batch_tokens": 130, "longest": 21, "epoch_texts": 101, "threads": 1, "precision": "fp32",
    "teacher_precision": "fp32", "passages": 0.3,
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, trunk):
    return make_corpus(tmp_path_factory.mktemp("text"), trunk, [*FILLERS, *PEOPLE])


@given(st.lists(st.integers(3, 90), max_size=200), st.integers(1, 300), st.integers(0, 2**32))
def test_batches_are_bounded_and_of_one_length(lengths, batch_tokens, seed):
    array = np.array(lengths, dtype=np.int64)
    batches = cut_by_length(array, batch_tokens, np.random.default_rng(seed))
    indices = [int(index) for batch in batches for index in batch]
    assert sorted(indices) == [i for i, length in enumerate(lengths) if length >= SHORTEST + 2]
    assert all(len(batch) == 1 or len(batch) * max(array[batch]) <= batch_tokens for batch in batches)
    assert [lengths[index] for index in indices] == sorted(lengths[index] for index in indices)


def test_epochs_are_functions_of_seed_and_number(corpus, trunk):
    settings = DistillationSettings(**SETTINGS, mlm_share=0.3, tokens=1)
    first, second = (make_distillation({corpus: 1.0}, trunk, NARROW, settings) for _ in range(2))
    batches, again = first.epoch(2), second.epoch(2)
    assert len(batches) == len(again) > 5
    for index in (3, 0, len(batches) - 1):
        mine, theirs = first.collate(batches[index]), second.collate(again[index])
        assert all(torch.equal(tensor, theirs.inputs[name]) for name, tensor in mine.inputs.items())
    tokens = {tuple(text.ids.tolist()) for batch in batches for text in batch}
    assert tokens != {tuple(text.ids.tolist()) for batch in first.epoch(3) for text in batch}
    assert 0 < sum("labels" in first.collate(batch).inputs for batch in batches) < len(batches)


def test_engine_and_torch_teachers_agree(trunk):
    ids = torch.randint(5, len(PIECES), (13, 7))
    here = torch.arange(7) < torch.randint(2, 8, (13, 1))
    engine, network = EngineTeacher(trunk, "fp32", 1), TorchTeacher(trunk, [1])
    last = network.read(ids, here)
    torch.testing.assert_close(engine.read(ids, here).last, last.last, atol=1e-5, rtol=1e-4)
    states = SqueezeBertModel.from_pretrained(trunk)(
        ids, here.long(), output_hidden_states=True
    ).hidden_states
    torch.testing.assert_close(last.layers[0], states[1][here])


@pytest.mark.parametrize("config", [NARROW, WIDE])
def test_losses_are_those_of_the_formulas(corpus, trunk, config):
    """Each text by itself and padding cut off, with the cosine of scipy's definition."""
    settings = DistillationSettings(
        **{**SETTINGS, "teacher_precision": "torch", "epoch_texts": 37}, layer_map=((1, 2),), tokens=1
    )
    objective = make_distillation({corpus: 1.0}, trunk, config, settings)
    teacher = SqueezeBertModel.from_pretrained(trunk)
    items = [text for batch in objective.epoch(0)[:2] for text in batch]
    batch = objective.collate(items)
    losses = objective.losses(batch)

    def cosine(a, b):
        return (a * b).sum(-1) / a.norm(dim=-1) / b.norm(dim=-1)

    expected = dict.fromkeys(losses, 0.0)
    vectors, targets = [], []
    projections = objective.module["projections"]
    for item in items:
        ids = torch.tensor([[2, *item.ids.tolist(), 3]])
        mine = objective.student(ids, output_hidden_states=True)
        theirs = teacher(ids, output_hidden_states=True)
        last, target = mine.last_hidden_state[0], theirs.last_hidden_state[0]
        vectors.append(last.mean(0))
        targets.append(target.mean(0))
        expected["tokens"] += (1 - cosine(projections["last"](last), target)).sum()
        expected["sentence"] += 1 - cosine(projections["last"](vectors[-1]), targets[-1])
        expected["pooler"] += 1 - cosine(projections["last"](mine.pooler_output[0]), targets[-1])
        layer = projections["layer1"](mine.hidden_states[1][0])
        expected["hidden"] += (1 - cosine(layer, theirs.hidden_states[2][0])).sum()
    matrices = [cosine(a[:, None], a[None]) for a in (torch.stack(vectors), torch.stack(targets))]
    expected["similarity"] = len(items) * (matrices[0] - matrices[1]).square().mean()
    assert set(losses) == {"tokens", "sentence", "pooler", "similarity", "hidden"}
    for name, value in losses.items():
        torch.testing.assert_close(value, expected[name], atol=1e-4, rtol=1e-4, msg=name)
        total = batch.tokens if name in ("tokens", "hidden") else len(items)
        assert batch.weights[name] == total


def test_word_embeddings_start_from_the_teacher(corpus, trunk):
    settings = DistillationSettings(**SETTINGS, tokens=1)
    table = make_distillation({corpus: 1.0}, trunk, WIDE, settings).student.get_input_embeddings().weight
    teacher = SqueezeBertModel.from_pretrained(trunk)
    for piece in (0, 7, len(PIECES) - 1):
        expected = teacher(torch.tensor([[2, piece, 3]])).last_hidden_state[0].mean(0)
        torch.testing.assert_close(table[piece], expected, atol=1e-5, rtol=1e-4)
    assert piece_vectors(EngineTeacher(trunk, "fp32", 1), 11, cls_id=2, sep_id=3).shape == (11, 28)


def test_a_run_learns_and_resumes_to_the_same_bits(corpus, trunk, tmp_path):
    chosen = {**SETTINGS, "steps": 40, "learning_rate": 1e-2, "mlm_share": 0.25, "evaluate_every": 20}
    arguments = {"teacher": trunk, "student": WIDE}
    result = distill({corpus: 1.0}, tmp_path / "whole", settings=DistillationSettings(**chosen), **arguments)
    before = make_distillation({corpus: 1.0}, trunk, WIDE, DistillationSettings(**chosen)).evaluate()
    for name, value in result.metrics.items():
        assert 1 - value < 0.6 * (1 - before[name]), name
    stopping = DistillationSettings(**chosen, stop_after=1e-9)
    while not (tmp_path / "cut/training.json").exists():
        distill({corpus: 1.0}, tmp_path / "cut", settings=stopping, resume=True, **arguments)
    models = [SqueezeBertForMaskedLM.from_pretrained(tmp_path / which) for which in ("whole", "cut")]
    for name, tensor in models[0].state_dict().items():
        assert torch.equal(tensor, models[1].state_dict()[name]), name
    known = make_distillation({corpus: 1.0}, trunk, WIDE, DistillationSettings(**chosen)).identity()
    other = save_trunk(tmp_path / "other", PIECES, seed=14)
    theirs = make_distillation({corpus: 1.0}, other, WIDE, DistillationSettings(**chosen)).identity()
    assert known["teacher_sha256"] != theirs["teacher_sha256"]
    tokenizer = SqueezeBertTokenizerFast.from_pretrained(tmp_path / "whole")
    assert tokenizer.model_max_length == 33
    # The encoder of the result goes on as a student.
    go_on = DistillationSettings(**SETTINGS, steps=1)
    make_distillation({corpus: 1.0}, trunk, str(tmp_path / "whole"), go_on)


def test_blocks_may_stay_as_they_are(corpus, trunk, tmp_path):
    """So that what was fine-tuned above the first one of them still fits."""
    settings = DistillationSettings(**SETTINGS, steps=5, mlm_share=0.5, learning_rate=1e-2, freeze_blocks=1)
    teacher = save_trunk(tmp_path / "teacher", PIECES, seed=14)
    distill({corpus: 1.0}, tmp_path / "out", teacher=teacher, student=trunk, settings=settings)
    before = SqueezeBertModel.from_pretrained(trunk).state_dict()
    after = SqueezeBertForMaskedLM.from_pretrained(tmp_path / "out").transformer.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    lowest = ("embeddings.", "encoder.layers.0.")
    assert same == {name for name in before if name.startswith(lowest)}
    with pytest.raises(OptionError, match="freeze_blocks 3 is more than the 2 blocks"):
        make_distillation({corpus: 1.0}, trunk, trunk, DistillationSettings(**SETTINGS, freeze_blocks=3))
    with pytest.raises(OptionError, match="freeze_blocks 1 would leave blocks of a new student as random"):
        make_distillation({corpus: 1.0}, trunk, NARROW, DistillationSettings(**SETTINGS, freeze_blocks=1))
    frozen = {**SETTINGS, "freeze_blocks": 2, "pooler_factor": 0.0}
    with pytest.raises(OptionError, match="freeze_blocks 2 leaves nothing to train"):
        make_distillation({corpus: 1.0}, trunk, trunk, DistillationSettings(**frozen))
    make_distillation({corpus: 1.0}, trunk, trunk, DistillationSettings(**frozen, mlm_share=0.5))
    with pytest.raises(OptionError, match="freeze_blocks -1 is negative"):
        DistillationSettings(freeze_blocks=-1)


def test_passages_are_of_all_lengths(tmp_path, trunk):
    """Of a text without end, those that full ones alone would leave out, too."""
    source = tmp_path / "text.jsonl"
    source.write_text(19 * (json.dumps({"text": 40 * "Tea. Go. "}) + "\n"), encoding="utf-8")
    tokenizer = SqueezeBertTokenizerFast.from_pretrained(trunk)
    build_corpus([source], tmp_path / "corpus", tokenizer=tokenizer, hold_out=5)
    settings = DistillationSettings(**{**SETTINGS, "passages": 0.999, "longest": 29, "epoch_texts": 997})
    texts = make_distillation({str(tmp_path / "corpus"): 1.0}, trunk, NARROW, settings).epoch(0)
    lengths = [2 + len(text.ids) for batch in texts for text in batch]
    assert min(lengths) < 10
    assert max(lengths) in (28, 29)
    assert 15 < np.mean(lengths) < 21


def test_the_journal_tells_steps_of_masked_language_modelling_from_the_others(corpus, trunk, tmp_path):
    settings = DistillationSettings(**SETTINGS, steps=13, mlm_share=0.5)
    distill({corpus: 1.0}, tmp_path / "out", teacher=trunk, student=NARROW, settings=settings)
    records = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    kinds = {tuple(record["parts"]) for record in records if "loss" in record}
    assert kinds == {("mlm",), ("tokens", "sentence", "pooler", "similarity")}


def test_a_new_vocabulary_head_begins_near_chance(corpus, tmp_path):
    """Long word vectors, as trained ones are, would make it begin far worse than a uniform guess."""
    student = tmp_path / "student"
    model = SqueezeBertModel(WIDE)
    model.get_input_embeddings().weight.data.mul_(500)
    model.save_pretrained(student)
    SqueezeBertTokenizerFast(PIECES).save_pretrained(student)
    settings = DistillationSettings(**SETTINGS, mlm_share=0.99, tokens=1)
    objective = make_distillation({corpus: 1.0}, str(student), str(student), settings)
    batch = next(b for b in map(objective.collate, objective.epoch(0)) if "labels" in b.inputs)
    loss = float(objective.losses(batch)["mlm"].detach()) / batch.weights["mlm"]
    assert abs(loss - np.log(len(PIECES))) < 1


def test_a_vocabulary_may_have_its_padding_anywhere(tmp_path):
    """A new student's row of zeros is that of the tokenizer's padding, and not of the first word."""
    pieces = [*PIECES[5:], *PIECES[:5]]
    teacher = save_trunk(tmp_path / "teacher", pieces)
    corpus = make_corpus(tmp_path, teacher, [*FILLERS, *PEOPLE])
    settings = DistillationSettings(**SETTINGS, tokens=1)
    student = make_distillation({corpus: 1.0}, teacher, NARROW, settings).student
    assert student.config.pad_token_id == pieces.index("[PAD]")
    lengths = student.get_input_embeddings().weight.norm(dim=1)
    assert (lengths == 0).nonzero().tolist() == [[pieces.index("[PAD]")]]


def test_mean_pooling():
    states = torch.arange(10.0).view(5, 2)
    here = torch.tensor([[True, True, False], [True, True, True]])
    assert mean_pooled(states, here).tolist() == [[1.0, 2.0], [6.0, 7.0]]


def test_bad_input(corpus, trunk, tmp_path):
    other = tmp_path / "other"
    SqueezeBertModel(NARROW.replace(vocab_size=40)).save_pretrained(other)
    SqueezeBertTokenizerFast([*PIECES, "more"]).save_pretrained(other)
    settings = DistillationSettings(**SETTINGS, tokens=1)
    with pytest.raises(OptionError, match="made with another tokenizer"):
        make_distillation({corpus: 1.0}, str(other), NARROW, settings)
    with pytest.raises(OptionError, match="another tokenizer than the teacher"):
        make_distillation({corpus: 1.0}, trunk, str(other), settings)
    with pytest.raises(OptionError, match="longest 99 is more than the 33"):
        make_distillation({corpus: 1.0}, trunk, NARROW, DistillationSettings(**{**SETTINGS, "longest": 99}))
    with pytest.raises(OptionError, match="layer_map needs teacher_precision torch"):
        DistillationSettings(layer_map=((1, 1),))
    for pairs in (((1, 2, 3),), (2, 4), ((1.0, 2),), (("a", "b"),)):
        with pytest.raises(OptionError, match="is no list of pairs of blocks"):
            DistillationSettings(layer_map=pairs, teacher_precision="torch")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"mlm_share 0\.5 is of a part without weight"):
        DistillationSettings(mlm_share=0.5, mlm_factor=0.0)
    none = dict.fromkeys(("tokens_factor", "sentence_factor", "pooler_factor", "similarity_factor"), 0.0)
    with pytest.raises(OptionError, match="nothing is learnt from the teacher"):
        DistillationSettings(mlm_share=0.5, **none)
    for factor, why in ((-1.0, "negative"), (math.nan, "no number")):
        with pytest.raises(OptionError, match=f"mlm_factor {factor} is {why}"):
            DistillationSettings(mlm_factor=factor)
    for pair, who, sizes in (
        ((0, 1), "student", NARROW),
        ((1, -1), "teacher", NARROW),
        ((1, 9), "teacher", WIDE),
    ):
        asked = DistillationSettings(**{**SETTINGS, "layer_map": (pair,), "teacher_precision": "torch"})
        with pytest.raises(OptionError, match=f"the {who} has the blocks 1 to"):
            make_distillation({corpus: 1.0}, trunk, sizes, asked)
    tokenizer = SqueezeBertTokenizerFast.from_pretrained(trunk)
    (tmp_path / "three.jsonl").write_text('{"text": ""}\n{"text": "Tea."}\n')
    build_corpus([tmp_path / "three.jsonl"], tmp_path / "held", tokenizer=tokenizer, hold_out=2)
    with pytest.raises(DataError, match="held: has no text to learn from"):
        make_distillation({str(tmp_path / "held"): 1.0}, trunk, NARROW, settings)
    build_corpus([tmp_path / "three.jsonl"], tmp_path / "whole", tokenizer=tokenizer)
    with pytest.raises(DataError, match="whole: holds a single document, and another one is needed"):
        make_distillation({str(tmp_path / "whole"): 1.0}, trunk, NARROW, settings)
    long, few, tea = (f'{{"text": "{text}"}}\n' for text in ("The film is there.", "Tea. Go.", "Tea."))
    (tmp_path / "tea.jsonl").write_text(31 * (long + tea))
    build_corpus([tmp_path / "tea.jsonl"], tmp_path / "tea", tokenizer=tokenizer, hold_out=2)
    with pytest.raises(DataError, match="tea: no document that is held out to measure on has 4 pieces"):
        make_distillation({str(tmp_path / "tea"): 1.0}, trunk, NARROW, settings)
    # Measured on passages, as no sentence is long enough.
    (tmp_path / "short.jsonl").write_text(31 * few)
    build_corpus([tmp_path / "short.jsonl"], tmp_path / "short", tokenizer=tokenizer, hold_out=2)
    short = DistillationSettings(**{**SETTINGS, "passages": 0.0}, tokens=1)
    with pytest.raises(DataError, match="short: no text that epoch 1 draws has 4 pieces; add longer texts"):
        make_distillation({str(tmp_path / "short"): 1.0}, trunk, NARROW, short).epoch(0)
    with pytest.raises(OptionError, match="epoch_texts 1000000000000 is more than 100,000,000"):
        DistillationSettings(epoch_texts=10**12)
    with pytest.raises(OptionError, match="nothing to learn"):
        DistillationSettings(tokens_factor=0, sentence_factor=0, pooler_factor=0, similarity_factor=0)

"""Masks over windows, ids without a piece, and masking as statistics."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from squeezebert.errors import DataError, OptionError
from squeezebert.tasks.collate import collate
from squeezebert.tasks.fill_mask import FillMask, MaskExample
from squeezebert.tasks.masking import mask_tokens
from tests.tasks.tiny import VOCABULARY, model, pipe, row, setup, tokenizer

TASK = FillMask()


def test_targets_are_looked_up_without_a_copy_of_the_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each text would take one."""
    pipeline = pipe("fill-mask")
    monkeypatch.delattr("squeezebert.tokenization.conversion.Conversion.get_vocab")
    [found] = pipeline("the [MASK]", targets=["cat"])
    assert found["token_str"] == "cat"


def test_ids_beyond_the_vocabulary_are_never_predicted() -> None:
    pipeline = pipe("fill-mask")
    with torch.no_grad():
        pipeline.backend.model.cls.predictions.bias[len(VOCABULARY) :] = 99.0
    answers = pipeline("the [MASK]", top_k=1000)
    assert len(answers) == len(VOCABULARY)
    assert sum(a["score"] for a in answers) == pytest.approx(1)
    assert all(a["token_str"] == VOCABULARY[a["token"]] for a in answers)


def test_only_the_wanted_positions_are_computed() -> None:
    """The logits of masks equal those of a plain forward pass."""
    encoded = tokenizer()("the [MASK] sat on [MASK]", return_tensors="pt")
    logits = model(TASK.head)(**encoded).logits[0, [2, 5], : len(VOCABULARY)].softmax(-1)
    answers = pipe("fill-mask")("the [MASK] sat on [MASK]", top_k=1)
    assert [a[0]["score"] for a in answers] == pytest.approx(logits.max(-1).values.tolist(), abs=1e-6)


def test_masks_of_a_long_text_come_once_and_in_order() -> None:
    text = "the cat sat [MASK] on the mat " * 13
    answers = pipe("fill-mask")(text, top_k=2)
    assert len(answers) == 13
    assert answers[0][0]["windows"] > 2
    places = [text.index("[MASK]")]
    while len(places) < 13:
        places.append(text.index("[MASK]", places[-1] + 1))
    for place, fillings in zip(places, answers, strict=True):
        for filling in fillings:
            kept = filling["sequence"]
            assert kept.startswith(text[:place].rstrip())
            assert kept.endswith(text[place + len("[MASK]") :])
            assert kept.count("[MASK]") == 12


def test_a_continuation_is_joined_to_the_word_before_it() -> None:
    [answer] = pipe("fill-mask")("The CAT [MASK] sat", targets=["##s"])
    assert answer["sequence"] == "The CATs sat"


def test_a_target_that_is_not_one_piece_is_an_error() -> None:
    with pytest.raises(OptionError, match=r"the target 'lovelaces' is not one piece .* it is lovelace ##s"):
        pipe("fill-mask")("the [MASK]", targets=["lovelaces"])
    with pytest.raises(
        OptionError, match="the target '中' is not one piece of the vocabulary; it is unknown"
    ):
        pipe("fill-mask")("the [MASK]", targets=["中"])
    with pytest.raises(OptionError, match="targets is empty"):
        pipe("fill-mask")("the [MASK]", targets=[])


@pytest.mark.parametrize("text", ["", "no mask", "[mask]"])
def test_a_text_without_a_mask_is_an_error(text: str) -> None:
    with pytest.raises(DataError, match=r"input 0: has no \[MASK\]"):
        pipe("fill-mask")(text)


def test_masking_is_15_80_10_10() -> None:
    rng = np.random.default_rng(5)
    ids = [5] * 100
    special = [1, *[0] * 98, 1]
    changed, count, masked, other = 0, 0, 0, 0
    for _ in range(400):
        hidden, chosen = mask_tokens(ids, special, mask_id=4, vocab_size=1000, rng=rng)
        assert len(chosen) == 15
        assert list(chosen) == sorted(set(chosen))
        assert not {0, 99} & set(chosen)
        assert all(hidden[i] == 5 for i in range(100) if i not in chosen)
        new = [hidden[i] for i in chosen]
        count += len(new)
        masked += new.count(4)
        other += sum(i not in (4, 5) for i in new)
        changed += sum(i != 5 for i in new)
    assert count == 6000
    assert masked / count == pytest.approx(0.8, abs=0.02)
    assert other / count == pytest.approx(0.1, abs=0.015)
    assert changed / count == pytest.approx(0.9, abs=0.015)


@pytest.mark.parametrize(("tokens", "expected"), [(0, 0), (1, 1), (3, 1), (10, 2), (20, 3)])
def test_number_of_masked_tokens(tokens: int, expected: int) -> None:
    rng = np.random.default_rng(0)
    hidden, chosen = mask_tokens(
        [2, *[7] * tokens, 3], [1, *[0] * tokens, 1], mask_id=4, vocab_size=9, rng=rng
    )
    assert len(chosen) == expected
    assert len(hidden) == tokens + 2


def test_what_the_text_hides_and_unknown_words_are_nothing_to_learn() -> None:
    rng = np.random.default_rng(7)
    here = setup()
    windows = TASK.encode(MaskExample("x", "the [MASK] ☃ cat"), here)
    unlearnt = {here.tokenizer.mask_token_id, here.tokenizer.unk_token_id}
    assert unlearnt < {*windows[0].encoding.ids}
    for _ in range(40):
        [feature] = TASK.features(MaskExample("x", "", hidden=True), windows, here, rng)
        assert not unlearnt & {*feature.token_targets["labels"].tolist()}


def test_each_epoch_masks_anew_and_the_seed_repeats_it() -> None:
    here = setup()
    example = MaskExample("x", "the cat sat on the mat in paris and ada was good", hidden=True)
    windows = TASK.encode(example, here)

    def draw(seed: int) -> list[int]:
        return list(TASK.features(example, windows, here, np.random.default_rng(seed))[0].inputs[0].ids)

    assert draw(1) == draw(1)
    assert len({tuple(draw(seed)) for seed in range(9)}) > 5


def test_targets_are_the_original_tokens_where_masked() -> None:
    here = setup()
    example = MaskExample("x", "the cat sat on the mat in paris and ada was good " * 4, hidden=True)
    windows = TASK.encode(example, here)
    assert len(windows) > 1
    features = TASK.features(example, windows, here, np.random.default_rng(2))
    batch = collate(features, 0)
    for row_, window in zip(batch["labels"], windows, strict=True):
        chosen = np.flatnonzero(row_ != -100)
        assert len(chosen)
        assert row_[chosen].tolist() == [window.encoding.ids[i] for i in chosen]
    assert torch.isfinite(model(TASK.head)(**{k: torch.from_numpy(v) for k, v in batch.items()}).loss)


def test_perplexity_and_accuracy_equal_the_heads_own_loss() -> None:
    """Evaluation counts every token of the text once, and repeats itself."""
    pipeline = pipe("fill-mask", vocab_size=len(VOCABULARY))
    texts = ["the cat sat on the mat in paris and ada was good " * 4, "a cat", "", "  "]
    examples = [TASK.labelled_example(row(text=text)) for text in texts]
    answers = list(pipeline.answers(examples, TASK.evaluation_options))
    assert answers == list(pipeline.answers(examples, TASK.evaluation_options))
    losses, hits, count = 0.0, 0, 0
    for example in examples:
        for window in TASK.encode(example, pipeline.setup):
            chosen = list(window.wanted or ())
            if chosen:
                logits = (
                    pipeline.backend.model(torch.tensor([window.ids])).logits[0, chosen].detach().double()
                )
                right = torch.tensor(window.encoding.ids)[chosen]
                losses += float(torch.nn.functional.cross_entropy(logits, right, reduction="sum"))
                hits += int((logits.argmax(-1) == right).sum())
                count += len(chosen)
    scores = TASK.metric(examples, answers, pipeline.setup.config)
    assert scores["perplexity"] == pytest.approx(math.exp(losses / count), rel=1e-5)
    assert scores["accuracy"] == pytest.approx(hits / count)
    with pytest.raises(DataError, match="no texts with tokens"):
        TASK.metric(examples[2:], answers[2:], pipeline.setup.config)

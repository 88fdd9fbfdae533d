"""The texts of a work are the same in every run, and real ones where they are meant to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from squeezebert.benchmark import MODELS, WORKS
from squeezebert.benchmark.models import VOCABULARY
from squeezebert.benchmark.workloads import SST2_DEV, make_batch


@pytest.mark.parametrize("work", WORKS.values(), ids=lambda work: work.name)
def test_batches_have_the_size_of_their_work(work: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SQUEEZEBERT_DATA", raising=False)
    batch = make_batch(work)  # type: ignore[arg-type]
    assert batch == make_batch(work)  # type: ignore[arg-type]
    assert len(batch.ids) == work.texts  # type: ignore[attr-defined]
    for text in batch.ids:
        assert (text[0], text[-1]) == (101, 102)
        assert len(text) == (work.tokens or len(text))  # type: ignore[attr-defined]
        assert 0 < min(text) <= max(text) < VOCABULARY


def test_own_sentences_are_as_long_as_those_of_the_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """SST-2 dev: 25 tokens on average, and the longest of 32 is 49 in the median batch."""
    monkeypatch.delenv("SQUEEZEBERT_DATA", raising=False)
    lengths = make_batch(WORKS["32-sentences"]).lengths
    assert 20 <= sum(lengths) / len(lengths) <= 27
    assert 44 <= max(lengths) <= 54


def test_of_the_data_set_the_batch_with_the_median_longest_text_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / SST2_DEV
    path.parent.mkdir(parents=True)
    longest = (9, 40, 3, 20, 12)
    lines = [line for words in longest for line in [f"{'film ' * words}\t1", *["a film\t0"] * 31]]
    path.write_text("\n".join(["sentence\tlabel", *lines]) + "\n")
    monkeypatch.setenv("SQUEEZEBERT_DATA", str(tmp_path))
    batch = make_batch(WORKS["32-sentences"])
    assert batch.source == "SST-2 dev"
    assert max(batch.lengths) == 12 + 2


def test_the_engine_knows_the_networks_it_runs() -> None:
    squeezebert, bert = MODELS["squeezebert"].config, MODELS["bert-base"].config
    assert squeezebert is not None
    assert bert is not None
    assert (squeezebert.q_groups, bert.q_groups, bert.output_groups) == (4, 1, 1)
    assert MODELS["minilm-l6"].config is not None
    assert MODELS["mobilebert"].config is None

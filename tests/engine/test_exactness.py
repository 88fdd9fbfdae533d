"""A text gives the same bits wherever, beside whatever, and by however many threads it is computed."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squeezebert.engine import Engine, instruction_sets
from tests.engine.networks import VOCABULARY, arrays_of, network_config, pair, torch_network

ISAS = instruction_sets()
HEAD = "SqueezeBertForMaskedLM"


@lru_cache
def engine(isa: str, precision: str, sizes: str, threads: int) -> Engine:
    """Loaded with the instruction set forced."""
    before = os.environ.get("SQUEEZEBERT_ISA")
    os.environ["SQUEEZEBERT_ISA"] = isa
    try:
        config = network_config(sizes).replace(max_position_embeddings=300)
        arrays = arrays_of(torch_network("SqueezeBertModel", config))
        loaded = Engine(config, arrays, precision=precision, threads=threads)
    finally:
        if before is None:
            del os.environ["SQUEEZEBERT_ISA"]
        else:
            os.environ["SQUEEZEBERT_ISA"] = before
    assert loaded.isa == isa
    return loaded


def text_of(length: int, seed: int = 1) -> list[int]:
    return np.random.default_rng(seed + length).integers(0, VOCABULARY, length).tolist()


lengths = st.one_of(st.integers(1, 70), st.sampled_from([127, 128, 129, 255, 300]))


@pytest.mark.parametrize("precision", ["int8", "fp32"])
@pytest.mark.parametrize("isa", ISAS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_text_gives_the_same_bits_alone_and_in_any_batch(isa: str, precision: str, data: Any) -> None:
    sizes = data.draw(st.sampled_from(["odd", "usual"]))
    text = text_of(data.draw(lengths))
    beside = [text_of(length, seed=5) for length in data.draw(st.lists(lengths, max_size=9))]
    place = data.draw(st.integers(0, len(beside)))
    together = [*beside[:place], text, *beside[place:]]
    [alone] = engine(isa, precision, sizes, 1)([text]).last_hidden_state
    for threads in (1, 2):
        output = engine(isa, precision, sizes, threads)(together)
        np.testing.assert_array_equal(output.last_hidden_state[place], alone)


@pytest.mark.skipif("amx" not in ISAS, reason="this processor has no matrix registers")
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_matrix_registers_give_the_bits_of_vector_registers(data: Any) -> None:
    """Sums of products of bytes are exact, however they are cut."""
    sizes = data.draw(st.sampled_from(["odd", "usual"]))
    batch = [text_of(length) for length in data.draw(st.lists(lengths, min_size=1, max_size=5))]
    found = engine("amx", "int8", sizes, 2)(batch).last_hidden_state
    expected = engine("avx512vnni", "int8", sizes, 2)(batch).last_hidden_state
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("precision", ["int8", "fp32"])
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_any_number_of_threads_gives_the_bits_of_one(threads: int, precision: str) -> None:
    batch = [text_of(length) for length in (300, 1, 64, 65, 7, 128)]
    expected = engine(ISAS[0], precision, "usual", 1)(batch)
    for _ in range(5):
        found = engine(ISAS[0], precision, "usual", threads)(batch)
        for mine, other in zip(found.last_hidden_state, expected.last_hidden_state, strict=True):
            np.testing.assert_array_equal(mine, other)


def test_eight_threads_may_call_one_engine() -> None:
    _, shared = pair(HEAD, precision="int8")
    batches = [[text_of(1 + (7 * n + k) % 60, seed=n) for k in range(1 + n % 5)] for n in range(40)]
    expected = [shared(batch).logits for batch in batches]

    def work(seed: int) -> None:
        for index in np.random.default_rng(seed).permutation(len(batches)):
            for mine, other in zip(shared(batches[index]).logits, expected[index], strict=True):
                np.testing.assert_array_equal(mine, other)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


FORKING = """
import os, sys
import numpy as np
from squeezebert.engine import Engine
engine = Engine.from_pretrained({folder!r}, threads=2)
batch = [list(range(1, 60)), [3, 4, 5]]
expected = engine(batch).last_hidden_state
for _ in range(3):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            found = engine(batch).last_hidden_state
            code = int(not all(np.array_equal(a, b) for a, b in zip(found, expected)))
            # A child of the child, too.
            if os.environ.pop("NESTED", None):
                inner = os.fork()
                if inner == 0:
                    engine(batch)
                    os._exit(0)
                code |= os.waitpid(inner, 0)[1]
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    engine(batch)
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_process_computes_the_same(tmp_path: Path) -> None:
    """The threads of the parent are not there in the child, and their locks may be held."""
    from squeezebert.checkpoints import write_checkpoint

    config = network_config()
    write_checkpoint(tmp_path, config, arrays_of(torch_network("SqueezeBertModel", config)), dtype="int8")
    run = subprocess.run(
        [sys.executable, "-c", FORKING.format(folder=str(tmp_path))],
        capture_output=True, text=True, timeout=60, env={**os.environ, "NESTED": "1"}, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(calls: int) -> int:
    """Bytes that so many calls of changing shape leave behind, after as many to warm up as make a tenth."""
    _, shared = pair("SqueezeBertModel", precision="int8")
    batches = [[text_of(1 + (7 * n + k) % 60, seed=n) for k in range(1 + n % 5)] for n in range(20)]
    for n in range(calls // 10):
        shared(batches[n % 20])
    before = resident()
    for n in range(calls):
        shared(batches[n % 20])
    return resident() - before


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_memory_does_not_grow() -> None:
    """A batch's hidden states of 10 kB, left behind by each of 2,000 calls, would be 20 MB."""
    assert growth(2_000) < 4e6


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_memory_does_not_grow_over_a_hundred_thousand_calls() -> None:
    assert growth(100_000) < 4e6


def test_loading_again_and_again_takes_no_more_memory() -> None:
    config = network_config("usual")
    arrays = arrays_of(torch_network("SqueezeBertModel", config))
    packed = sum(array.size for array in arrays.values())
    for _ in range(5):
        Engine(config, arrays)
    before = resident()
    for _ in range(40):
        Engine(config, arrays)
    assert resident() - before < 10 * packed

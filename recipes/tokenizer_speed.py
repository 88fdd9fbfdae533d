"""Measure the tokenizers side by side and write docs/results/tokenizer_speed.json.

Each contender runs in a process of its own; they take turns, so that a busy machine disturbs all alike.
Needs SQUEEZEBERT_DATA and the pure-Python tokenizer of transformers 4.57 in a folder of its own:

    pip install --target .venv/oracles/transformers-4.57 'transformers==4.57.6'
    python recipes/tokenizer_speed.py
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import json
import lzma
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ORACLE = ROOT / ".venv/oracles/transformers-4.57"
RESULT = ROOT / "docs/results/tokenizer_speed.json"
VOCAB = ROOT / "src/squeezebert/models/mini/vocab.txt"
CONTENDERS = ("squeezebert pure Python", "transformers 4.57 slow", "squeezebert fast", "transformers 5 fast")
LINES, ROUNDS = 1500, 7


def read_texts() -> list[str]:
    """English Wikipedia, paragraph by paragraph; section titles and markup left out."""
    shard = sorted(Path(os.environ["SQUEEZEBERT_DATA"]).glob("enwiki_2015/*.txt.xz"))[0]
    with lzma.open(shard, "rt", encoding="utf-8") as lines:
        paragraphs = (line.strip() for line in lines if len(line) > 80 and not line.startswith("<"))
        return list(itertools.islice(paragraphs, LINES))


def make(contender: str) -> Callable[[list[str]], Any]:
    """The tokenizer of a contender; imports only what that one needs."""
    if contender.startswith("squeezebert"):
        from squeezebert.tokenization import SqueezeBertTokenizer, SqueezeBertTokenizerFast

        return (SqueezeBertTokenizer if "pure" in contender else SqueezeBertTokenizerFast)(VOCAB)
    from transformers import BertTokenizer

    if contender == "transformers 4.57 slow":
        return BertTokenizer(str(VOCAB), model_max_length=10**9)
    pieces = VOCAB.read_text(encoding="utf-8").splitlines()
    return BertTokenizer(vocab={piece: index for index, piece in enumerate(pieces)}, model_max_length=10**9)


def work(contender: str) -> None:
    """Tokenise the texts once per line of standard input; print elapsed, CPU seconds, sum of ids."""
    tokenizer, texts = make(contender), read_texts()
    for _ in sys.stdin:
        begin, cpu_begin = time.perf_counter(), time.process_time()
        ids = tokenizer(texts)["input_ids"]
        cpu, elapsed = time.process_time() - cpu_begin, time.perf_counter() - begin
        print(elapsed, cpu, sum(map(sum, ids)), flush=True)


def start(contender: str) -> subprocess.Popen[str]:
    extra = {"PYTHONPATH": str(ORACLE)} if "4.57" in contender else {}
    return subprocess.Popen(
        [sys.executable, __file__, contender],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, **extra, "TOKENIZERS_PARALLELISM": "false"},
    )  # fmt: skip


def measure() -> dict[str, list[tuple[float, float]]]:
    """Elapsed and CPU seconds of each round of each contender."""
    workers = {contender: start(contender) for contender in CONTENDERS}
    seconds: dict[str, list[tuple[float, float]]] = {contender: [] for contender in CONTENDERS}
    checksums = set()
    for _ in range(ROUNDS):
        for contender, worker in workers.items():
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
            elapsed, cpu, checksum = worker.stdout.readline().split()
            seconds[contender].append((float(elapsed), float(cpu)))
            checksums.add(checksum)
    for worker in workers.values():
        worker.communicate()
    if len(checksums) != 1:
        raise SystemExit(f"the contenders do not agree on the ids: {checksums}")
    return seconds


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor()
    names = [
        line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()


def main() -> None:
    if not ORACLE.is_dir():
        raise SystemExit(f"{ORACLE} is missing; see the top of this file")
    texts = read_texts()
    load = os.getloadavg()[0]
    seconds = measure()
    elapsed = {
        contender: statistics.median(pair[0] for pair in pairs) for contender, pairs in seconds.items()
    }
    cpu = {contender: statistics.median(pair[1] for pair in pairs) for contender, pairs in seconds.items()}
    pure, slow = CONTENDERS[:2]
    result = {
        "what": "seconds to tokenise all texts in one call, one thread, contenders taking turns; medians",
        "texts": {"source": "enwiki_2015", "count": len(texts), "characters": sum(map(len, texts))},
        "rounds": ROUNDS,
        "elapsed_seconds": elapsed,
        "cpu_seconds": cpu,
        "first_round_cpu_seconds": {contender: pairs[0][1] for contender, pairs in seconds.items()},
        "pure_python_times_as_fast_as_slow": {
            "elapsed": elapsed[slow] / elapsed[pure],
            "cpu": cpu[slow] / cpu[pure],
            "cpu_first_round": seconds[slow][0][1] / seconds[pure][0][1],
        },
        "machine": {
            "cpu": cpu_name(),
            "cores": os.cpu_count(),
            "load_before": load,
            "python": platform.python_version(),
        },
        "versions": {
            "transformers": importlib.metadata.version("transformers"),
            "tokenizers": importlib.metadata.version("tokenizers"),
            "transformers (slow)": "4.57.6",
        },
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("contender", nargs="?", choices=CONTENDERS, help="to work as, for the whole to ask")
    asked = parser.parse_args().contender
    if "SQUEEZEBERT_DATA" not in os.environ:
        parser.error("set SQUEEZEBERT_DATA to the folder of the data sets")
    if asked is None:
        main()
    else:
        work(asked)

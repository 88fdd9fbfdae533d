"""The figures of speed in README.md, from the results of ``squeezebert benchmark``.

    python recipes/speed_table.py

Writes them between the two marks there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from squeezebert.benchmark.table import markdown
from squeezebert.files import write_text

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- by recipes/speed_table.py -->\n", "<!-- end -->\n"

MACHINES = {
    "benchmark": "Intel Xeon, AMX",
    "benchmark_zen5": "AMD Zen 5, AVX-512",
    "benchmark_avx512": "AMD Zen 4, AVX-512",
    "benchmark_avx2": "AMD Zen 3, AVX2",
}
"""How the table calls the machine of each file of results."""
_SQUEEZEBERT, _BERT = ("squeezebert", "squeezebert-matmul"), ("bert-base",)
_OURS, _TRANSFORMERS = "squeezebert", "torch eager"


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Compose the table, a column for each file of results."""
    machines = found.values()
    lines = [
        ["two cores, two threads", *(MACHINES[name] for name in found)],
        ["SqueezeBERT here in int8, 128 tokens", *(f"{_ours(one):.1f} ms" for one in machines)],
        ["the fastest SqueezeBERT elsewhere", *(_least(one, "1x128", _SQUEEZEBERT) for one in machines)],
        ["BERT-base where it is fastest", *(_least(one, "1x128", _BERT) for one in machines)],
        ["BERT-base in transformers", *(_least(one, "1x128", _BERT, _TRANSFORMERS) for one in machines)],
        [
            "32 sentences in a call, the fastest SqueezeBERT elsewhere",
            *(_least(one, "32-sentences", _SQUEEZEBERT) for one in machines),
        ],
    ]
    return "\n".join(markdown(lines)) + "\n"


def _ours(found: Mapping[str, Any]) -> float:
    return next(
        float(row["median"])
        for row in _rows(found, "1x128", _SQUEEZEBERT)
        if row["runtime"] == _OURS and row["precision"] == "int8"
    )


def _least(found: Mapping[str, Any], work: str, models: tuple[str, ...], title: str | None = None) -> str:
    """How many times as long as here the fastest of the others takes, whatever its precision."""
    others = (row for row in _rows(found, work, models) if row["runtime"] != _OURS)
    return f"{min(row['ratio'] for row in others if title in (None, row['title'])):.1f}×"


def _rows(found: Mapping[str, Any], work: str, models: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    return (row for row in found["rows"] if row["work"] == work and row["model"] in models)


def results() -> dict[str, dict[str, Any]]:
    """The files of results by name."""
    folder = ROOT / "docs" / "results"
    return {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in MACHINES}


def main() -> None:
    """Write the table anew."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    write_text(README, before + BEGIN + table(results()) + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()

"""Measures what is shipped once more in int8, and writes the results and the model cards anew.

    python recipes/mini/remeasure.py --data $SQUEEZEBERT_DATA --runs runs/mini/remeasured

For when the engine rounds otherwise than before. Figures in full precision are of weights that are not
shipped, and stay. Run again to resume, and with another ``--runs`` after another change.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from measure import KEPT, RESULTS, kept, table, write_results
from plan import TRUNK, rows_of
from ship import head_card, trunk_card
from squeezebert.files import write_text
from squeezebert.training.run import REPORT_NAME
from workshop import MINI, WEIGHTS, Workshop, digest


def shipped() -> Iterator[tuple[str, Path]]:
    """The trunk and the heads that the package holds, by their names in the plan."""
    yield TRUNK, MINI
    for folder in sorted(MINI.iterdir()):
        if (folder / WEIGHTS).exists():
            yield folder.name, folder


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True, help="folder for the results on the way")
    arguments = parser.parse_args()
    workshop = Workshop(arguments.data, MINI, arguments.runs)
    workshop.claim()
    trunk = digest(MINI)
    results = kept(RESULTS, trunk)
    for name, model in shipped():
        for row in rows_of(name):
            found = workshop.evaluated(row, model, "int8")
            results[row]["int8"] = {key: found[key] for key in KEPT}
    write_results(RESULTS, trunk, results)
    report = json.loads((MINI / REPORT_NAME).read_text(encoding="utf-8"))
    for name, model in shipped():
        card = trunk_card(report, results) if name == TRUNK else head_card(name, results)
        write_text(model / "README.md", card)
    print(table(results))


if __name__ == "__main__":
    main()

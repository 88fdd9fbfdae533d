"""The results file: what was measured, on what, under which conditions."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any

from squeezebert.benchmark.models import MODELS
from squeezebert.benchmark.peers import REFERENCE, REFERENCE_MODEL
from squeezebert.benchmark.schedule import GroupRun, Measured, Settings
from squeezebert.benchmark.summary import Summary
from squeezebert.benchmark.workloads import WORKS, Batch
from squeezebert.costs import encoder_operations
from squeezebert.errors import OptionError, is_whole
from squeezebert.files import write_text

SCHEMA = 2
WHAT = (
    "Milliseconds of a call, all contestants of a run taking turns; random weights of the right sizes. "
    "ratio: the median of a turn against that of the reference at the same work in the same round; of all "
    "rounds the median."
)

_SAME = ("schema", "machine", "threads", "versions")
Row = dict[str, Any]


@dataclass(frozen=True)
class Conditions:
    """What holds for a whole file.

    Attributes:
        threads: Threads of every contestant.
        machine: See :func:`squeezebert.benchmark.machine.describe_machine`.
        versions: See :func:`squeezebert.benchmark.machine.describe_versions`.
        works: Texts of each work by name.
        missing: Peers that are not installed, and what they need.
    """

    threads: int
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    works: Mapping[str, Batch]
    missing: Mapping[str, str]


class Results:
    """All rows measured so far, and the runs that they are from.

    Args:
        fields: What the file holds.

    Attributes:
        fields: The same.
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    @classmethod
    def empty(cls, conditions: Conditions) -> Results:
        """Start without rows."""
        return cls(
            {
                "schema": SCHEMA,
                "what": WHAT,
                "reference": {"peer": REFERENCE, "model": REFERENCE_MODEL},
                "machine": dict(conditions.machine),
                "threads": conditions.threads,
                "versions": dict(conditions.versions),
                "works": {name: _describe(batch) for name, batch in conditions.works.items()},
                "models": {},
                "runs": [],
                "ceilings": [],
                "rows": [],
                "skipped": [],
                "missing": dict(conditions.missing),
            }
        )

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read a file.

        Raises:
            OptionError: It is none of these.
        """
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise OptionError(f"{path}: cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise OptionError(f"{path}: is not valid JSON ({error}); choose another file") from error
        if not isinstance(fields, dict) or fields.get("schema") != SCHEMA or not _is_whole(fields):
            raise OptionError(f"{path}: holds no results of this version; choose another file")
        return cls(fields)

    def write(self, path: Path) -> None:
        """Write a file, atomically."""
        write_text(path, json.dumps(self.fields, indent=1, ensure_ascii=False) + "\n")

    def check_extends(self, earlier: Results, path: Path) -> None:
        """Make sure that these results and earlier ones may stand in one file.

        Raises:
            OptionError: They were measured on another machine, with other threads, versions or texts.
        """
        for name in _SAME:
            if self.fields[name] != earlier.fields.get(name):
                raise OptionError(
                    f"{path}: was measured with other {name}; rows of both cannot stand side by side: "
                    "remove it or choose another file"
                )
        for name, texts in earlier.fields["works"].items():
            if self.fields["works"].get(name, texts) != texts:
                raise OptionError(f"{path}: was measured with other texts of {name}; choose another file")

    def merged(self, earlier: Results) -> Results:
        """Add earlier rows, except those that were measured anew."""
        fields = dict(self.fields)
        for kind, key in (("rows", _row_key), ("skipped", _skipped_key), ("ceilings", _ceiling_key)):
            new = {key(row) for row in fields[kind]}
            fields[kind] = [row for row in earlier.fields[kind] if key(row) not in new] + fields[kind]
        # What failed now is said, whatever was measured of it before.
        measured = {_skipped_key(row) for row in self.fields["rows"]}
        fields["skipped"] = [row for row in fields["skipped"] if _skipped_key(row) not in measured]
        fields["missing"] = {
            peer: why
            for peer, why in (earlier.fields["missing"] | fields["missing"]).items()
            if not any(row["peer"] == peer for row in (*fields["rows"], *fields["ceilings"]))
        }
        for name in ("works", "models"):
            fields[name] = earlier.fields[name] | fields[name]
        used = {row["run"] for row in (*fields["rows"], *fields["ceilings"])}
        runs = [*earlier.fields["runs"], *fields["runs"]]
        fields["runs"] = [run for run in runs if run["id"] in used]
        return Results(_with_shares(fields))

    def add(self, run: GroupRun, settings: Settings) -> Results:
        """Add what a group has brought."""
        identity = f"{datetime.fromtimestamp(run.started, timezone.utc):%Y-%m-%dT%H:%M:%SZ} {run.group.name}"
        references = {row.work: row for row in run.rows if _is_reference(row)}
        rows = [
            {**_row(row, identity), **_ratio(row, references.get(row.work))}
            for row in run.rows
            # The reference takes part in every group; its own row is the one beside its own model's peers.
            if not _is_reference(row) or run.group.name == MODELS[REFERENCE_MODEL].family
        ]
        new = Results(
            {
                **self.fields,
                "models": {c.model.name: c.model.to_dict() for c in run.group.contestants},
                "runs": [_describe_run(identity, run, settings)],
                "ceilings": [_row(row, identity) for row in run.ceilings],
                "rows": rows,
                "skipped": [
                    {"peer": c.peer.name, "model": c.model.name, "reason": reason}
                    for c, reason in run.skipped.items()
                ],
            }
        )
        return new.merged(self)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf


def _is_number_or_none(value: object) -> bool:
    return value is None or value == 0 or _is_number(value)


def _are_whole(values: object) -> bool:
    return isinstance(values, list) and all(map(is_whole, values))


def _is_of(known: Mapping[str, Any]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in known


_READ: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "rows": {
        **dict.fromkeys(("peer", "title", "runtime", "precision", "run"), _is_text),
        "model": _is_of(MODELS),
        "work": _is_of(WORKS),
        "median": _is_number,
        "ratio": _is_number_or_none,
    },
    "ceilings": {**dict.fromkeys(("peer", "title", "precision", "run"), _is_text), "median": _is_number},
    "skipped": dict.fromkeys(("peer", "model", "reason"), _is_text),
    "runs": {"id": _is_text, "share_of_others": _is_number_or_none},
    "works": {"texts": _is_number, "lengths": _are_whole},
}
"""What the entries of each list or table have, as far as it is read, and what it is."""


def _is_whole(fields: Mapping[str, Any]) -> bool:
    """Whether a file has what is read of it, as this program writes it."""
    tables = ("machine", "works", "models", "missing")
    if not all(isinstance(fields.get(name), dict if name in tables else list) for name in (*tables, *_READ)):
        return False
    for name, checks in _READ.items():
        for entry in fields[name].values() if name in tables else fields[name]:
            if not (isinstance(entry, dict) and entry.keys() >= checks.keys()):
                return False
            if not all(is_right(entry[key]) for key, is_right in checks.items()):
                return False
    return all(row["work"] in fields["works"] for row in fields["rows"])


def _row(row: Measured, run: str) -> Row:
    peer = row.contestant.peer
    return {
        "peer": peer.name,
        "title": peer.title,
        "runtime": peer.family,
        "precision": peer.precision,
        "model": row.contestant.model.name,
        "work": row.work,
        **asdict(Summary.of(row.values)),
        "turns": len(row.turns),
        "run": run,
    }


def _ratio(row: Measured, reference: Measured | None) -> Row:
    """How many times as long as the reference it takes, round by round: processors change within minutes."""
    if reference is None:
        return {"ratio": None, "ratio_quartiles": None, "reference_median": None}
    # Who is done with its time has no more turns: so both have those of the first rounds.
    turns = zip(row.turns, reference.turns, strict=False)
    ratios = Summary.of([median(mine) / median(theirs) for mine, theirs in turns])
    return {
        "ratio": ratios.median,
        "ratio_quartiles": [ratios.lower_quartile, ratios.upper_quartile],
        "reference_median": Summary.of(reference.values).median,
    }


def _describe_run(identity: str, run: GroupRun, settings: Settings) -> dict[str, Any]:
    return {
        "id": identity,
        "group": run.group.name,
        "rounds": settings.rounds,
        "seconds_per_row": settings.seconds,
        "warm_up_seconds": settings.warm_up,
        "pause_seconds": settings.pause,
        "took_seconds": round(run.took, 1),
        "load_before": run.load_before,
        "share_of_others": run.others,
    }


def _describe(batch: Batch) -> dict[str, Any]:
    lengths = batch.lengths
    return {
        "texts": len(lengths),
        "tokens": sum(lengths),
        "longest": max(lengths),
        "source": batch.source,
        "lengths": lengths,
    }


def _with_shares(fields: dict[str, Any]) -> dict[str, Any]:
    """Say of each row how many operations per second it does, and what share of its precision's ceiling.

    Operations are those of the texts, whatever a peer does for its padding.
    """
    ceilings: dict[str, float] = {}
    for row in fields["ceilings"]:
        ceilings[row["precision"]] = max(row["median"], ceilings.get(row["precision"], 0.0))
    for row in fields["rows"]:
        config = MODELS[row["model"]].config if row["model"] in MODELS else None
        if config is None:
            continue
        lengths = fields["works"][row["work"]]["lengths"]
        operations = sum(sum(encoder_operations(config, tokens).values()) for tokens in lengths)
        row["gop_per_second"] = operations / row["median"] / 1e6
        if row["precision"] in ceilings:
            row["share_of_ceiling"] = row["gop_per_second"] / ceilings[row["precision"]]
    return fields


def _is_reference(row: Measured) -> bool:
    return (row.contestant.peer.name, row.contestant.model.name) == (REFERENCE, REFERENCE_MODEL)


def _row_key(row: Row) -> tuple[str, ...]:
    return row["peer"], row["model"], row["work"]


def _skipped_key(row: Row) -> tuple[str, ...]:
    return row["peer"], row["model"]


def _ceiling_key(row: Row) -> tuple[str, ...]:
    return (row["peer"],)

"""What is measured against what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from squeezebert.benchmark.models import MODELS, Model
from squeezebert.benchmark.peers import CEILINGS, PEERS, REFERENCE, REFERENCE_MODEL, Peer
from squeezebert.benchmark.workloads import WORKS, Work
from squeezebert.errors import OptionError, nearest

EXTRA = "bench"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class _Member(_Named, Protocol):
    @property
    def family(self) -> str: ...


_Row = TypeVar("_Row", bound=_Named)
_Relative = TypeVar("_Relative", bound=_Member)


@dataclass(frozen=True)
class Contestant:
    """A peer with a model."""

    peer: Peer
    model: Model

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.peer.name} on {self.model.name}"

    def does(self, work: str) -> bool:
        """Whether it is measured at a work."""
        return not self.peer.works or work in self.peer.works


@dataclass(frozen=True)
class Group:
    """What takes turns: all of it is measured in the same minutes.

    Attributes:
        name: The family of its models.
        contestants: The reference first.
        ceilings: Those of the machine that take turns with them.
    """

    name: str
    contestants: tuple[Contestant, ...]
    ceilings: tuple[Contestant, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A whole run.

    Attributes:
        groups: One after the other.
        works: What each contestant does.
        missing: Peers that are asked for and not installed, with what they need.
    """

    groups: tuple[Group, ...]
    works: tuple[Work, ...]
    missing: Mapping[str, str]


def make_plan(peers: Sequence[str] = (), models: Sequence[str] = (), works: Sequence[str] = ()) -> Plan:
    """Plan a run.

    This package's engine in int8 on SqueezeBERT is the reference; it takes part in every group. The machine's
    ceilings are measured beside SqueezeBERT.

    Args:
        peers: Names of peers, or of families of them; all if empty.
        models: Names of models; all if empty.
        works: Names of works; all if empty.

    Raises:
        OptionError: There is no such peer, model or work.
    """
    wanted = _relatives("peer", PEERS, peers)
    missing = {peer.name: _needs(peer) for peer in (*wanted, *CEILINGS.values()) if peer.missing()}
    chosen = _rows("work", WORKS, works)
    there = [peer for peer in wanted if not peer.missing()]
    reference = Contestant(PEERS[REFERENCE], MODELS[REFERENCE_MODEL])
    groups: dict[str, list[Contestant]] = {}
    for model in _rows("model", MODELS, models):
        contestants = groups.setdefault(model.family, [reference])
        able = [Contestant(peer, model) for peer in there if peer.runs(model)]
        contestants += [one for one in able if any(one.does(work.name) for work in chosen)]
    return Plan(
        groups=tuple(
            Group(
                name,
                tuple(dict.fromkeys(contestants)),
                tuple(
                    Contestant(peer, reference.model) for peer in CEILINGS.values() if not peer.missing()
                ) if name == reference.model.family else (),
            )
            for name, contestants in groups.items()
        ),
        works=tuple(chosen),
        missing=missing,
    )  # fmt: skip


def _needs(peer: Peer) -> str:
    return f"needs {', '.join(peer.missing())}: pip install 'squeezebert[{EXTRA}]'"


def _rows(kind: str, table: Mapping[str, _Row], names: Sequence[str]) -> list[_Row]:
    """Rows of a table in its order; all if none are named."""
    _check(kind, names, table)
    return [row for row in table.values() if not names or row.name in names]


def _relatives(kind: str, table: Mapping[str, _Relative], names: Sequence[str]) -> list[_Relative]:
    """The same, where a family stands for all its members."""
    _check(kind, names, [*table, *(row.family for row in table.values())])
    return [row for row in table.values() if not names or {row.name, row.family} & set(names)]


def _check(kind: str, names: Sequence[str], known: Iterable[str]) -> None:
    known = list(dict.fromkeys(known))
    for name in names:
        if name not in known:
            near = nearest(name, known)
            raise OptionError(f"there is no {kind} {name!r}{near}; there is {', '.join(known)}")

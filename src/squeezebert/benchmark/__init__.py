"""This package beside its peers: one run, taking turns, ratios."""

from squeezebert.benchmark.models import MODELS, Model
from squeezebert.benchmark.peers import PEERS, Peer
from squeezebert.benchmark.plan import Contestant, Group, Plan, make_plan
from squeezebert.benchmark.results import Results
from squeezebert.benchmark.schedule import Settings, run_group
from squeezebert.benchmark.workloads import WORKS, Work

__all__ = [
    "MODELS",
    "PEERS",
    "WORKS",
    "Contestant",
    "Group",
    "Model",
    "Peer",
    "Plan",
    "Results",
    "Settings",
    "Work",
    "make_plan",
    "run_group",
]

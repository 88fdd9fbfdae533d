"""Model folders and hub names to configs and named arrays, and back; no torch needed for safetensors."""

from squeezebert.checkpoints.matching import Match, match
from squeezebert.checkpoints.reader import Checkpoint, StoredCheckpoint, read_checkpoint, read_stored
from squeezebert.checkpoints.writer import write_checkpoint, write_stored

__all__ = [
    "Checkpoint",
    "Match",
    "StoredCheckpoint",
    "match",
    "read_checkpoint",
    "read_stored",
    "write_checkpoint",
    "write_stored",
]

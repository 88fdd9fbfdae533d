"""What tells apart the models that one name can stand for, from one sitting of a run to the next."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from squeezebert.checkpoints import read_stored
from squeezebert.files import locate
from squeezebert.tokenization.store import FILE_NAMES, files_of


def digest_of(name: str) -> str:
    """SHA-256 of the config, the weights and the tokenizer's files of a checkpoint, in hexadecimal.

    Args:
        name: Folder, embedded name or hub name.

    Raises:
        CheckpointError: It cannot be read.
    """
    stored = read_stored(name)
    digest = hashlib.sha256(json.dumps(stored.config.to_dict(), sort_keys=True, default=str).encode())
    for key, array in sorted(stored.arrays.items()):
        digest.update(key.encode())
        digest.update(np.ascontiguousarray(array).data)
    for _, file in sorted(files_of(locate(name, FILE_NAMES)).items()):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()

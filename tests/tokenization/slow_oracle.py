"""Run the pure-Python tokenizer of transformers 4.57: JSON on standard input, JSON on standard output.

Run with PYTHONPATH on a folder that holds transformers 4.57, for which this process is there.
"""

from __future__ import annotations

import json
import sys

from transformers import BertTokenizer


def main() -> None:
    request = json.load(sys.stdin)
    tokenizer = BertTokenizer(request["vocab"])
    json.dump([tokenizer.tokenize(text) for text in request["texts"]], sys.stdout)


if __name__ == "__main__":
    main()

"""Zero-shot Spearman of a trunk on STS-B test (measured only; STS-B is in no training data).

python recipes/mini/measure_trunk.py --data $SQUEEZEBERT_DATA --model runs/trunk/trunk
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import torch
from distill_trunk import mean_pool, teacher_folder
from scipy.stats import spearmanr
from tokenizers import Tokenizer

from squeezebert.modeling import SqueezeBertModel


@torch.inference_mode()
def vectors(model: SqueezeBertModel, tokenizer: Tokenizer, texts: list[str]) -> dict[str, torch.Tensor]:
    """Mean-pooled and pooler vectors, each ``[texts, hidden]`` of unit length."""
    mean, pooled = [], []
    for start in range(0, len(texts), 64):
        encodings = tokenizer.encode_batch(texts[start : start + 64])
        ids = torch.tensor([encoding.ids for encoding in encodings])
        mask = torch.tensor([encoding.attention_mask for encoding in encodings])
        output = model(ids, mask)
        mean.append(mean_pool(output.last_hidden_state, mask))
        pooled.append(torch.nn.functional.normalize(output.pooler_output, dim=-1))
    return {"mean": torch.cat(mean), "pooler": torch.cat(pooled)}


def main() -> None:
    """Print the correlation of cosine similarity with the human scores, for both ways of pooling."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    arguments = parser.parse_args()
    with (arguments.data / "glue/STS-B/sts-test.tsv").open(encoding="utf8") as lines:
        rows = [row for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if len(row) >= 7]
    tokenizer = Tokenizer.from_file(str(teacher_folder() / "tokenizer.json"))
    tokenizer.enable_truncation(128)
    tokenizer.enable_padding()
    model = SqueezeBertModel.from_pretrained(arguments.model).eval()
    first, second = (vectors(model, tokenizer, [row[column] for row in rows]) for column in (5, 6))
    scores = [float(row[4]) for row in rows]
    for name in first:
        similarity = (first[name] * second[name]).sum(1)
        print(f"{name:8}{100 * spearmanr(similarity, scores).statistic:.1f}  ({len(rows)} pairs)")


if __name__ == "__main__":
    main()

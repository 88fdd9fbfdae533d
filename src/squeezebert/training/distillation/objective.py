"""General distillation: on unlabelled text, a student learns a teacher's vectors of tokens and sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from squeezebert.corpus import Corpus
from squeezebert.corpus.reader import Ids, Spans, nothing_held_out
from squeezebert.corpus.shards import HELD_OUT
from squeezebert.errors import DataError
from squeezebert.modeling import SqueezeBertForMaskedLM, SqueezeBertModel
from squeezebert.modeling.outputs import BaseModelOutputWithPooling
from squeezebert.tasks.base import NO_LOSS
from squeezebert.tasks.masking import mask_tokens
from squeezebert.tokenization import SqueezeBertTokenizerFast
from squeezebert.training.distillation.settings import DistillationSettings
from squeezebert.training.distillation.teacher import Teacher, TeacherOutput
from squeezebert.training.distillation.texts import SHORTEST, Text, Texts, cut_by_length
from squeezebert.training.layers import cosine_distances, projection
from squeezebert.training.objective import MicroBatch, Objective
from squeezebert.training.padding import padded

Student = SqueezeBertModel | SqueezeBertForMaskedLM


class Distillation(Objective[Text]):
    """Learns a teacher's outputs; a share of the batches may be masked language modelling instead.

    Parts of the loss, each a mean: over tokens the cosine distance of the last hidden states (``tokens``) and
    of the mapped layers (``hidden``); over texts that of the mean-pooled vectors (``sentence``) and of the
    pooler's output to the teacher's vector (``pooler``); the squared difference of the similarity matrices
    (``similarity``); over hidden tokens the cross-entropy (``mlm``). Where teacher and student differ in
    size, a learned projection, which is thrown away in the end, takes the student's vectors to the teacher's.

    Args:
        student: Learns, in place.
        tokenizer: That of all corpora, the teacher and the student.
        teacher: Is learnt from.
        corpora: Text to read, by folder, with the share of texts to take from each.
        settings: How.
        about: What identity and report say of student and teacher.
    """

    def __init__(
        self,
        student: Student,
        tokenizer: SqueezeBertTokenizerFast,
        teacher: Teacher,
        corpora: Mapping[str, float],
        settings: DistillationSettings,
        about: Mapping[str, Any],
    ) -> None:
        self.student = student
        self.teacher = teacher
        self.parts = settings.factors
        self._tokenizer = tokenizer
        self._special = frozenset(tokenizer.all_special_ids)
        self._settings = settings
        self._about = about
        self._corpora = [Corpus(folder) for folder in corpora]
        self._held_out = [Corpus(folder, HELD_OUT) for folder in corpora]
        for corpus in self._corpora:
            if not corpus.sentences:
                raise DataError(f"{corpus.folder}: has no text to learn from")
        if not any(corpus.sentences for corpus in self._held_out):
            raise nothing_held_out(self._corpora)
        if not self._evaluation_texts():
            raise DataError(
                f"{', '.join(map(str, corpora))}: no document that is held out to measure on has {SHORTEST} "
                "pieces; build it with a smaller --hold-out"
            )
        self._shares = list(corpora.values())
        self._projections = nn.ModuleDict(
            {
                name: projection(student.config, teacher.config)
                for name in ("last", *(f"layer{mine}" for mine, _ in settings.layer_map))
            }
        )
        self.module = nn.ModuleDict({"student": student.train(), "projections": self._projections})

    def to(self, device: torch.device) -> None:
        """Move student and teacher."""
        super().to(device)
        self.teacher.to(device)

    def identity(self) -> Mapping[str, Any]:
        """Student, teacher and corpora."""
        corpora = [corpus.fingerprint for corpus in self._corpora]
        return {**self._about, "corpora": corpora, "shares": self._shares}

    def epoch(self, epoch: int) -> Sequence[Sequence[Text]]:
        """Batches of texts of one length.

        Raises:
            DataError: No text is long enough.
        """
        texts = Texts(self._corpora, self._shares, self._settings, epoch)
        if not len(texts):
            places = ", ".join(str(corpus.folder) for corpus in self._corpora)
            raise DataError(
                f"{places}: no text that epoch {epoch + 1} draws has {SHORTEST} pieces; add longer texts, or "
                "set passages, which join sentences"
            )
        return texts

    def collate(self, items: Sequence[Text]) -> MicroBatch:
        """Ids, and the labels of hidden tokens where the batch is one of masked language modelling."""
        rows = [self._ids(item) for item in items]
        tokens = sum(len(ids) for ids, _ in rows)
        inputs = {"input_ids": padded([ids for ids, _ in rows], self.student.config.pad_token_id)}
        inputs["attention_mask"] = padded([[1] * len(ids) for ids, _ in rows], 0)
        weights = dict.fromkeys(self.parts, 0.0)
        if items[0].mask_seed is not None:
            inputs["labels"] = padded([labels for _, labels in rows], NO_LOSS)
            weights["mlm"] = float((inputs["labels"] != NO_LOSS).sum())
        else:
            counts = {"tokens": tokens, "hidden": tokens}
            weights |= {name: float(counts.get(name, len(items))) for name in self.parts if name != "mlm"}
        return MicroBatch(inputs, weights, tokens)

    def losses(self, batch: MicroBatch) -> Mapping[str, Tensor]:
        """The parts of the loss, summed."""
        if "labels" in batch.inputs:
            return {"mlm": self._mlm_loss(batch)}
        here = batch.inputs["attention_mask"].bool()
        target = self.teacher.read(batch.inputs["input_ids"], here)
        output = self._read(batch)
        # In full precision: distances near 0 are what it is about.
        with torch.autocast(here.device.type, enabled=False):
            losses = self._distances(output, target, here)
        return {name: losses[name] for name in self.parts if name in losses}

    def _distances(
        self, output: BaseModelOutputWithPooling, target: TeacherOutput, here: Tensor
    ) -> dict[str, Tensor]:
        assert output.pooler_output is not None
        project = self._projections["last"]
        states = output.last_hidden_state[here].float()
        last, vectors = project(states), mean_pooled(states, here)
        theirs = mean_pooled(target.last, here)
        losses = {
            "tokens": cosine_distances(last, target.last).sum(),
            "sentence": cosine_distances(project(vectors), theirs).sum(),
            "pooler": cosine_distances(project(output.pooler_output.float()), theirs).sum(),
            "similarity": len(here) * (similarities(vectors) - similarities(theirs)).square().mean(),
        }
        layers = output.hidden_states or ()
        hidden = [
            cosine_distances(self._projections[f"layer{mine}"](layers[mine][here].float()), theirs).sum()
            for (mine, _), theirs in zip(self._settings.layer_map, target.layers, strict=True)
        ]
        return {**losses, "hidden": torch.stack(hidden).sum()} if hidden else losses

    def _read(self, batch: MicroBatch) -> BaseModelOutputWithPooling:
        mask = batch.inputs["attention_mask"]
        output: BaseModelOutputWithPooling = self.student.base_model(
            batch.inputs["input_ids"],
            # Without padding there is nothing to be masked, and attention is faster.
            None if batch.tokens == mask.numel() else mask,
            output_hidden_states=bool(self._settings.layer_map),
        )
        return output

    def _mlm_loss(self, batch: MicroBatch) -> Tensor:
        assert isinstance(self.student, SqueezeBertForMaskedLM)
        hidden = batch.inputs["labels"] != NO_LOSS
        logits = self.student.cls(self._read(batch).last_hidden_state[hidden])
        return F.cross_entropy(logits.float(), batch.inputs["labels"][hidden], reduction="sum")

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Mean cosine of the held-out texts' vectors to the teacher's: of sentences, pooler, and tokens."""
        texts = self._evaluation_texts()
        self.module.eval()
        sums = dict.fromkeys(("sentence", "pooler", "tokens"), 0.0)
        count = {"sentence": 0, "pooler": 0, "tokens": 0}
        device = self.student.device
        for items in self.watched("measuring", texts):
            batch = self.collate(items).to(device)
            here = batch.inputs["attention_mask"].bool()
            target = self.teacher.read(batch.inputs["input_ids"], here)
            distances = self._distances(self._read(batch), target, here)
            for name in sums:
                size = batch.tokens if name == "tokens" else len(items)
                sums[name] += size - float(distances[name])
                count[name] += size
        self.module.train()
        return {f"{name}_cosine": sums[name] / count[name] for name in sums}

    def save(self, folder: Path) -> None:
        """Write the student and its tokenizer."""
        self._tokenizer.save_pretrained(folder)
        self.student.save_pretrained(folder)

    def report(self) -> dict[str, Any]:
        """Student, teacher and corpora."""
        pairs = zip(self._corpora, self._shares, strict=True)
        corpora = [{**corpus.report(), "share": share} for corpus, share in pairs]
        return {"task": "distillation", **self._about, "corpora": corpora}

    def _ids(self, item: Text) -> tuple[list[int], list[int]]:
        """Ids as the student reads them, and the labels."""
        ids = [self._tokenizer.cls_token_id, *item.ids.tolist(), self._tokenizer.sep_token_id]
        labels = [NO_LOSS] * len(ids)
        if item.mask_seed is None:
            return ids, labels
        hidden, chosen = mask_tokens(
            ids, [int(piece in self._special) for piece in ids], mask_id=self._tokenizer.mask_token_id,
            vocab_size=len(self._tokenizer), rng=np.random.default_rng(item.mask_seed),
        )  # fmt: skip
        for place in chosen:
            labels[place] = ids[place]
        return hidden, labels

    def _evaluation_texts(self) -> list[list[Text]]:
        """Held-out sentences, spread evenly over the corpora's; passages where all of them are too short."""
        return self._spread(Corpus.sentence_spans) or self._spread(Corpus.passage_spans)

    def _spread(self, spans_of: Callable[[Corpus, Ids, int], Spans]) -> list[list[Text]]:
        texts = []
        for corpus in self._held_out:
            wanted = min(corpus.sentences, self._settings.evaluation_texts)
            indices = np.linspace(0, corpus.sentences - 1, wanted).astype(np.int64)
            spans = spans_of(corpus, indices, self._settings.longest - 2)
            texts += [corpus.read(spans, index) for index in range(wanted)]
        lengths = np.array([len(ids) + 2 for ids in texts], dtype=np.int64)
        batches = cut_by_length(lengths, self._settings.batch_tokens, np.random.default_rng(0))
        return [[Text(texts[index], None) for index in batch] for batch in batches]


def mean_pooled(states: Tensor, here: Tensor) -> Tensor:
    """Mean over each text: states without padding ``[T, hidden]`` -> ``[batch, hidden]``.

    Args:
        states: Of the tokens that are ``here``, in order.
        here: Which places of the padded batch are tokens ``[batch, tokens]``.
    """
    lengths = here.sum(1)
    owners = torch.repeat_interleave(torch.arange(len(here), device=here.device), lengths)
    sums = states.new_zeros(len(here), states.shape[-1]).index_add(0, owners, states)
    return sums / lengths[:, None]


def similarities(vectors: Tensor) -> Tensor:
    """Cosines of all pairs: ``[n, hidden]`` -> ``[n, n]``."""
    unit = F.normalize(vectors.float(), dim=-1)
    return unit @ unit.T

"""What a finished run says of itself: the model card."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import listed
from squeezebert.training.finetuning.data import TrainingData
from squeezebert.training.finetuning.settings import TrainingSettings
from squeezebert.training.length import Length
from squeezebert.training.plots import captions_of

if TYPE_CHECKING:
    from squeezebert.training.result import TrainingResult

CARD_NAME = "README.md"

_LABELS_SHOWN = 30
_CARD = """---
pipeline_tag: {task}
library_name: squeezebert
tags: [squeezebert]
---

# {title}

A {layers}-layer SqueezeBERT (hidden size {hidden}) for {task}, fine-tuned from {origin}.

```python
from squeezebert import pipeline

answer = pipeline("{task}", model={model})
```
{labels}
## Data

| rows | from | number |
|---|---|---|
| training | {name} | {training} |
| validation | {validation_name} | {validation} |{unlabelled}

## Result

On the validation rows, in full precision. The checkpoint is the best by {headline}, and was chosen on these
same rows, so expect slightly less on new ones.

{metrics}
{pictures}
## Training

{steps} steps, {tokens} tokens, {minutes:.1f} minutes, {precision}; the weights are those of step {best_step}.

{settings}
"""


def model_card(
    data: TrainingData,
    origin: str,
    settings: TrainingSettings,
    result: TrainingResult,
    config: SqueezeBertConfig,
    *,
    taught: Mapping[str, Any],
) -> str:
    """Compose the model card; ``taught`` says how much was learnt of a teacher, if there was one."""
    return _CARD.format(
        title=" ".join(result.folder.resolve().name.split()),
        model=json.dumps(result.folder.resolve().name, ensure_ascii=False),
        task=data.task.name,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        origin=origin,
        labels=_labels(config),
        name=data.name,
        training=f"{len(data.training):,}",
        validation_name=data.validation_name,
        validation=f"{len(data.validation):,}",
        unlabelled=f"\n| without labels | | {len(data.unlabelled):,} |" if data.unlabelled else "",
        headline=next(iter(result.metrics)),
        metrics=_table("metric", {name: f"{value:.4f}" for name, value in result.metrics.items()}),
        pictures=_pictures(result.folder),
        steps=f"{result.steps:,}",
        tokens=f"{result.tokens:,}",
        minutes=result.seconds / 60,
        precision=result.precision,
        best_step=f"{result.best_step or result.steps:,}",
        settings=_table("setting", {**_decided(settings), **taught}),
    )


def _decided(settings: TrainingSettings) -> dict[str, Any]:
    """The settings that the run went by, those left out as they were understood."""
    values = {name: value for name, value in dataclasses.asdict(settings).items() if value is not None}
    if settings.batch_tokens is not None:
        del values["batch_size"]
    if settings.optimizer != "lamb":
        del values["lamb_dialect"]
    length = Length.of(settings)
    return {**values, length.unit: length.amount}


def _labels(config: SqueezeBertConfig) -> str:
    if not config.architectures or "Classification" not in config.architectures[0]:
        return ""
    names = [f"`{' '.join(name.split())}`" for name in config.label2id]
    return f"\nLabels: {listed(names, _LABELS_SHOWN)}.\n"


def _pictures(folder: Path) -> str:
    return "".join(f"\n![{caption}]({name})\n" for name, caption in captions_of(folder).items())


def _table(head: str, rows: Mapping[str, Any]) -> str:
    return "\n".join([f"| {head} | value |", "|---|---|", *(f"| {k} | {v} |" for k, v in rows.items())])

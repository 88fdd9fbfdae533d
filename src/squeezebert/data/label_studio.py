"""Label Studio's JSON export: tasks with their annotations, to rows.

The format: https://labelstud.io/guide/task_format (read in 2026-11). A row is what the tool's own short form
has: the data of the task, and under the name of each control what was chosen there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

Values = dict[str, Any]

_SPAN = ("start", "end", "text", "labels")


def are_tasks(items: Sequence[Any]) -> bool:
    """Whether a list of JSON values is such an export."""
    return bool(items) and all(
        isinstance(item, dict)
        and isinstance(item.get("data"), dict)
        and isinstance(item.get("annotations"), list)
        for item in items
    )


def rows_of(tasks: Sequence[Values]) -> Iterator[Values]:
    """Give the data of each task, its ``id``, and the labels of its annotation.

    Of several annotations it is the first that was not skipped, before others one that was marked as ground
    truth. Choices are a name, or a list of names where several or none were chosen; spans are a list of
    ``{"start", "end", "text", "labels"}``. A control that was used in some task gives an empty list where it
    was not used (None if one choice is all that it ever gave), and None in tasks that nobody has annotated.
    Other kinds of results are left out.
    """
    found = [_annotation(task["annotations"]) for task in tasks]
    labels = [{} if results is None else _labels(results) for results in found]
    controls: Values = {}
    for name, value in chain.from_iterable(labelled.items() for labelled in labels):
        controls[name] = [] if isinstance(value, list) else controls.get(name)
    for task, results, labelled in zip(tasks, found, labels, strict=True):
        unused: Values = dict.fromkeys(controls) if results is None else controls
        identity = {"id": task["id"]} if "id" in task else {}
        yield {**identity, **task["data"], **unused, **labelled}


def _annotation(annotations: Sequence[Any]) -> Sequence[Any] | None:
    """The results of the annotation that counts; None where there is none."""
    kept = [
        annotation
        for annotation in annotations
        if isinstance(annotation, Mapping)
        and isinstance(annotation.get("result"), list)
        and not annotation.get("was_cancelled")
    ]
    best = sorted(kept, key=lambda annotation: not annotation.get("ground_truth"))
    return best[0]["result"] if best else None


def _labels(results: Sequence[Any]) -> Values:
    chosen: Values = {}
    spans: dict[str, list[Values]] = {}
    for result in results:
        value = result.get("value") if isinstance(result, Mapping) else None
        if not isinstance(value, Mapping):
            continue
        control = str(result.get("from_name", "label"))
        if isinstance(choices := value.get("choices"), list):
            chosen[control] = choices[0] if len(choices) == 1 else choices
        elif {"start", "end", "labels"} <= value.keys():
            spans.setdefault(control, []).append({name: value[name] for name in _SPAN if name in value})
    return {**spans, **chosen}

"""JSON in: one object a line, a list of objects, and the layouts of SQuAD, CLINC150 and Label Studio."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from squeezebert.data import label_studio
from squeezebert.data.opening import open_text, shown
from squeezebert.data.row import Row
from squeezebert.errors import DataError


def read_jsonl(path: str | Path) -> Iterator[Row]:
    """Give the object of each line; nested values stay as parsed. Blank lines are skipped.

    Raises:
        DataError: A line is no JSON, or no object.
    """
    name = shown(path)
    for number, line in enumerate(open_text(path), 1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        values = _parse(line, where)
        if not isinstance(values, dict):
            raise DataError(
                f'{where}: is {_kind(values)}, not an object; write {{"column": value}} on each line'
            )
        yield Row(values, where)


def read_json(path: str | Path, split: str | None = None) -> Iterator[Row]:
    """Give the rows of a JSON file, which is read as a whole; for big data use .jsonl.

    The file holds a list of objects, such as the tasks that Label Studio exports; SQuAD (v1.1 or v2.0: rows
    of ``id``, ``question``, ``context``, ``answers``); or splits of text and intent as CLINC150 (rows of
    ``text``, ``label``).

    Args:
        path: The file.
        split: Which split of a CLINC150 file, as the file calls it (``"train"``, ``"oos_val"``).

    Raises:
        DataError: The file is no JSON or has none of these layouts, or a split is needed and not there.
    """
    name = shown(path)
    content = _parse_file(path, name)
    if isinstance(content, list):
        yield from _objects(content, name)
    elif isinstance(content, dict) and _is_squad(content):
        yield from _squad(content["data"], name)
    elif isinstance(content, dict) and _is_clinc(content):
        yield from _clinc(content, split, name)
    else:
        raise DataError(
            f"{name}: is {_kind(content)} of an unknown layout; "
            "a list of objects, SQuAD or CLINC150 is needed, or --format jsonl for one object a line"
        )


def _objects(content: list[Any], name: str) -> Iterator[Row]:
    if label_studio.are_tasks(content):
        content = list(label_studio.rows_of(content))
    for number, values in enumerate(content):
        where = f"{name}: item {number}"
        if not isinstance(values, dict):
            raise DataError(f"{where}: is {_kind(values)}, not an object; a list of objects is needed")
        yield Row(values, where)


def _is_squad(content: dict[str, Any]) -> bool:
    data = content.get("data")
    return isinstance(data, list) and all(isinstance(item, dict) and "paragraphs" in item for item in data)


def _squad(articles: list[dict[str, Any]], name: str) -> Iterator[Row]:
    where = name
    try:
        for a, article in enumerate(articles):
            where = f"{name}: data[{a}]"
            for p, paragraph in enumerate(article["paragraphs"]):
                where = f"{name}: data[{a}].paragraphs[{p}]"
                context, questions = paragraph["context"], paragraph["qas"]
                for q, question in enumerate(questions):
                    where = f"{name}: data[{a}].paragraphs[{p}].qas[{q}]"
                    yield Row(_question(question, context), where)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{where}: does not fit the SQuAD layout ({error!r})") from error


def _question(question: dict[str, Any], context: str) -> dict[str, Any]:
    # The dev set of v2.0 leaves `answers` empty for unanswerable questions; is_impossible says the same.
    answers = [] if question.get("is_impossible") else question.get("answers", [])
    return {
        "id": question["id"],
        "question": question["question"],
        "context": context,
        "answers": [{"text": answer["text"], "start": answer["answer_start"]} for answer in answers],
    }


def _is_clinc(content: dict[str, Any]) -> bool:
    return bool(content) and all(
        isinstance(part, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in part)
        for part in content.values()
    )


def _clinc(content: dict[str, list[list[str]]], split: str | None, name: str) -> Iterator[Row]:
    if split not in content:
        asked = "holds several splits" if split is None else f"has no split {split!r}"
        raise DataError(f"{name}: {asked}; choose one of {', '.join(content)}")
    for number, (text, intent) in enumerate(content[split]):
        yield Row({"text": text, "label": intent}, f"{name}: {split}[{number}]")


def _parse_file(path: str | Path, name: str) -> Any:
    try:
        return _parse("".join(open_text(path)), name)
    except DataError as error:
        if "Extra data" in str(error):
            raise DataError(f"{error}; if it holds one object a line, say --format jsonl") from error
        raise


def _parse(text: str, where: str) -> Any:
    if not text.strip():
        raise DataError(f"{where}: is empty")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: is no valid JSON ({error})") from error


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")

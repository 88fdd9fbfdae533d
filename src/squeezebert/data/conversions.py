"""Columns of published data sets whose layout is more than a matter of names."""

from __future__ import annotations

from typing import Any

from squeezebert.data.spans import CharacterSpan, tagged

Values = dict[str, Any]


def scored(values: Values) -> Values:
    """STS-B: the label is a similarity from 0 to 5."""
    return {**values, "label": float(values["label"])} if "label" in values else values


def sick(values: Values) -> Values:
    """SICK: the entailment is the label, the relatedness from 1 to 5 stands beside it as ``score``."""
    return {**values, "score": float(values["score"])}


def stripped(values: Values) -> Values:
    """SNLI: the parallel files pad their lines with blanks."""
    return {column: value.strip() for column, value in values.items()}


def ag_news(values: Values) -> Values:
    """AG News: title and description are one text, in which a backslash stands for a line break."""
    text = f"{values['title']} {values['description']}".replace("\\", " ")
    return {"text": text, "label": values["label"]}


def snips(values: Values) -> Values:
    """Snips: the slots are tags of the words, the intent is the label."""
    tokens, tags = values["text"].split(), values["tags"].split()
    if len(tokens) != len(tags):
        raise ValueError(f"{len(tokens)} words and {len(tags)} tags")
    return {**stripped(values), "tokens": tokens, "tags": tags}


def restaurant8k(values: Values) -> Values:
    """Restaurant-8k: character spans become BIO tags of words; of overlapping spans the first is tagged.

    ``spans`` keeps all of them as ``{"start", "end", "label"}``, end exclusive.
    """
    text = values["userInput"]["text"]
    spans = [
        {
            "start": label["valueSpan"].get("startIndex", 0),  # zeros are left out of the file
            "end": label["valueSpan"]["endIndex"],
            "label": label["slot"],
        }
        for label in values.get("labels", [])
    ]
    tokens, tags = tagged(text, [CharacterSpan(**span) for span in spans])
    return {"text": text, "tokens": tokens, "tags": tags, "spans": spans}


def lettered(values: Values) -> Values:
    """CommonsenseQA and OpenBookQA: the answer is the letter of a choice."""
    question = values["question"]
    letters = [choice["label"] for choice in question["choices"]]
    return {
        "id": values["id"],
        "prompt": question["stem"],
        "choices": [choice["text"] for choice in question["choices"]],
        "label": letters.index(values["answerKey"]) if "answerKey" in values else None,
    }


def codah(values: Values) -> Values:
    """CODAH: four endings of a prompt."""
    choices = [values[f"choice{n}"] for n in range(4)]
    return {"prompt": values["prompt"], "choices": choices, "label": int(values["label"])}


def piqa(values: Values) -> Values:
    """PIQA: two solutions of a goal."""
    return {
        "prompt": values["goal"],
        "choices": [values["sol1"], values["sol2"]],
        "label": int(values["label"]) if "label" in values else None,
    }

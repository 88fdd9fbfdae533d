"""What README.md says of speed is what was measured."""

from __future__ import annotations

import speed_table


def test_others_are_as_fast_as_their_best() -> None:
    def row(runtime: str, title: str, model: str, work: str, ratio: float) -> dict[str, object]:
        return {"runtime": runtime, "title": title, "model": model, "work": work, "ratio": ratio,
                "precision": "int8", "median": 10 * ratio}  # fmt: skip

    rows = [
        row("squeezebert", "squeezebert int8", "squeezebert", "1x128", 1.0),
        row("squeezebert", "squeezebert int8", "bert-base", "1x128", 2.0),
        row("openvino", "OpenVINO int8", "squeezebert", "1x128", 3.0),
        row("openvino", "OpenVINO bf16", "squeezebert-matmul", "1x128", 2.5),
        row("openvino", "OpenVINO int8", "bert-base", "1x128", 4.0),
        row("torch", "torch eager", "bert-base", "1x128", 17.0),
        row("openvino", "OpenVINO int8", "squeezebert", "1x32", 1.1),
        row("openvino", "OpenVINO int8", "squeezebert", "32-sentences", 5.0),
    ]
    lines = speed_table.table({"benchmark": {"rows": rows}}).splitlines()
    assert [line.split("|")[2].strip() for line in lines[2:]] == ["10.0 ms", "2.5×", "4.0×", "17.0×", "5.0×"]


def test_the_readme_has_the_table_of_the_results() -> None:
    text = speed_table.README.read_text(encoding="utf-8")
    assert speed_table.BEGIN + speed_table.table(speed_table.results()) + speed_table.END in text

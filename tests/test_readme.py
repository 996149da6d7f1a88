"""The Python code in README.md, and that of docs/image_stacks.md, runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_python_blocks_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    assert blocks
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"README.md, block {number}", "exec"), names)
    before, after = (names[table].smlm.rmse(names["locs"]) for table in ("drifted", "fixed"))
    assert (after < before / 10).all()


def test_the_example_of_image_stacks_runs() -> None:
    text = (README.parent / "docs" / "image_stacks.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    names: dict[str, Any] = {}
    exec(compile(block, "docs/image_stacks.md", "exec"), names)
    steps = names["drift"].offset.sel(component="x").diff("chunk")
    assert steps.values == pytest.approx(-100, abs=1)
    assert len(names["table"]) == len(names["locs"])
    assert names["same"].shape == names["stack"].shape

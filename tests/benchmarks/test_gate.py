"""The gate against regressions knows all that it measures, and fails when something is slower."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import gate

DOCS = Path(__file__).parents[2] / "docs" / "architecture" / "measured.md"


def test_it_passes_within_the_limit_and_fails_beyond_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gate, "MEASURES", {"this": gate.Measure(gate.sort, "sort")})
    monkeypatch.setattr(gate, "KNOWN", tmp_path / "gate.json")

    def run(ratio: float, *arguments: str) -> int:
        monkeypatch.setattr(gate, "ratio", lambda measure, repeat: ratio)
        monkeypatch.setattr(sys, "argv", ["gate.py", *arguments])
        return gate.main()

    assert run(2.0) == 1  # nothing is known yet
    assert run(2.0, "--keep") == 0
    assert run(2.0 * gate.ROOM - 0.01) == 0
    assert run(2.0 * gate.ROOM + 0.01) == 1
    assert "failed: this" in capsys.readouterr().out


def test_a_yardstick_in_a_process_of_its_own_says_how_long_it_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", ["go\n", "go\n"])
    gate.serve(lambda: sum(range(200_000)))
    taken = [float(line) for line in capsys.readouterr().out.split()]
    assert len(taken) == 2
    assert min(taken) > 0
    assert gate.seconds(lambda: 0.25) == 0.25


def test_all_that_is_measured_has_a_limit_and_the_docs_show_it() -> None:
    known = json.loads(gate.KNOWN.read_text(encoding="utf-8"))["ratios"]
    text = DOCS.read_text(encoding="utf-8")
    assert list(known) == list(gate.MEASURES)
    for name in known:
        assert gate.row(name, known[name], {}) in text


def test_what_is_measured_runs_in_turns_with_its_yardstick() -> None:
    numbers = np.random.default_rng(0).random(4_000_000)
    half = gate.Measure(lambda: lambda: np.sort(numbers), "sort")
    assert gate.ratio(half, 3) == pytest.approx(0.5, rel=0.4)

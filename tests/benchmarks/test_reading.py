"""The benchmark of reading: both readers read the same file, and what is too much shows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import smlm_accessor

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import reading


@pytest.mark.parametrize("kind", reading.FORMATS)
def test_a_small_table(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    path = tmp_path / reading.FORMATS[kind]
    reading.write(kind, path, 300_000)
    assert len(smlm_accessor.read(path)) == 300_000
    found = reading.measure(kind, path, 1)
    assert found["rows"] == 300_000
    assert found["ratio"] == found["seconds"] / found["yardstick"] > 0
    assert found["memory"] > 0.5


def test_the_status_tells_what_takes_too_much(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {"rows": 10, "seconds": 1.4, "yardstick": 1.0, "ratio": 1.4, "memory": 2.9}
    told["memory of yardstick"] = 3.0
    monkeypatch.setattr(reading, "write", lambda kind, path, rows: path.write_text(""))
    for name, value, status in (("ratio", 1.4, 0), ("ratio", 1.6, 1), ("memory", 3.1, 1)):
        monkeypatch.setattr(reading, "measure", lambda *_, one=(name, value): told | dict([one]))
        assert reading.main([]) == status
    assert "ratio 1.60" in capsys.readouterr().out

"""Nothing half-written ever has its final name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from smlm_accessor.errors import FileError
from smlm_accessor.io.staging import staged


def test_all_or_none(tmp_path: Path) -> None:
    with staged(tmp_path / "a", tmp_path / "b") as parts:
        for part in parts:
            part.write_text("new")
        assert all(name.startswith(".") and name.endswith(".part") for name in os.listdir(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
    with pytest.raises(KeyboardInterrupt):
        _stopped(tmp_path / "a", tmp_path / "c")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
    assert (tmp_path / "a").read_text() == "new"


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("old")
    with staged(tmp_path / "a") as (part,):
        part.mkdir()
        (part / "new").write_text("new")
    assert os.listdir(tmp_path) == ["a"]
    assert os.listdir(tmp_path / "a") == ["new"]


def _stopped(a: Path, c: Path) -> None:
    with staged(a, c) as parts:
        parts[0].write_text("half")
        parts[1].mkdir()
        (parts[1] / "inside").write_text("half")
        raise KeyboardInterrupt


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(FileError, match=r"cannot write .*No such file.*choose a folder"),
        staged(tmp_path / "no" / "a") as (part,),
    ):
        part.write_text("x")

"""What can be followed: a table, tables, and a file that grows."""

from __future__ import annotations

import threading
import time
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor.errors import FileError, OptionError
from tests import scenes


@cache
def table() -> pd.DataFrame:
    drift = scenes.random_walk(800, 0.1, seed=2)
    scene = scenes.blinking(scenes.sites(80), n_frames=800, per_frame=4, seed=1)
    return scene.drifting(drift).moved


def test_a_table_is_replayed_and_tables_come_one_after_the_other() -> None:
    n = [follower.n_rows for follower in smlm_accessor.follow(table(), every=2000)]
    assert n == [2000, len(table())]
    halves = [table()[:1500], table()[1500:]]
    *_, last = smlm_accessor.follow(halves)
    assert last.n_rows == len(table())
    assert last.drift["valid"].all()
    with pytest.raises(OptionError, match="every"):
        smlm_accessor.follow(table(), every=0)


def test_a_file_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "movie.csv"
    written = table()[:1000]
    written.to_csv(path, index=False)

    def write() -> None:
        for a in (1000, 2000):
            time.sleep(0.4)
            table()[a : a + 1000].to_csv(path, index=False, mode="a", header=False)

    writer = threading.Thread(target=write)
    writer.start()
    n = [follower.n_rows for follower in smlm_accessor.follow(path, every=0.05, patience=1.0)]
    writer.join()
    assert n[0] >= 1000
    assert n[-1] == min(3000, len(table()))


def test_a_file_that_is_not_there_or_broken(tmp_path: Path) -> None:
    assert list(smlm_accessor.follow(tmp_path / "none.csv", every=0.01, patience=0.05)) == []
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises((FileError, ValueError)):
        list(smlm_accessor.follow(tmp_path / "bad.csv", every=0.01, patience=0.05))

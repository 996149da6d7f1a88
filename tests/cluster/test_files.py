"""Many files on a cluster: the same results as here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

import smlm_accessor
from smlm_accessor.correct.files import correct_files


def test_files_on_a_cluster(cluster: Any, tmp_path: Path) -> None:
    for seed in range(3):
        locs = smlm_accessor.simulate_thomas(cluster_mu=100, region=((0, 500), (0, 500)), seed=seed)
        moved = locs.smlm.simulate_drift(velocity=(0.02, 0.01))
        moved.to_csv(tmp_path / f"movie_{seed}.csv", index=False)
    (tmp_path / "movie_3.csv").write_text("frame,x,y\n")
    found = []
    for name, scheduler in (("here", None), ("there", cluster.address)):
        out = tmp_path / name
        files = tmp_path / "movie_*.csv"
        options = {"method": "cc", "n_chunks": 4, "pages": False}
        found.append(correct_files(files, out, scheduler=scheduler, **options))
        assert (out / "movie_0.csv").exists()
    here, there = (table.drop(columns="seconds") for table in found)
    assert here["verdict"][0] == "error"
    pd.testing.assert_frame_equal(here, there)
    for seed in range(3):
        one, two = (tmp_path / name / f"movie_{seed}.csv" for name in ("here", "there"))
        assert one.read_bytes() == two.read_bytes()

"""The tutorial: what the command shows and writes."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smlm_accessor import tutorial
from smlm_accessor.cli import main
from tests.cli.conftest import run
from tests.cli.test_docs import EXAMPLES

FILES = {
    "1_drifted.png", "2_drift.png", "3_corrected.png", "corrected.parquet", "drift_cc.nc",
    "drift_icp.nc", "drifted.parquet", "rmse.csv", "true.parquet",
}  # fmt: skip
[EXAMPLE] = [line for line in EXAMPLES if line.startswith("tutorial ")]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the example of the page writes."""
    folder = tmp_path_factory.mktemp("example")
    with chdir(folder):
        assert run(EXAMPLE) == 0
    return folder / "tutorial"


def test_the_command(
    example: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {path.name for path in example.iterdir()} == FILES
    monkeypatch.chdir(example.parent)
    assert run(f"{EXAMPLE} --seeds 2") == 0  # again, into the same folder
    out, err = capsys.readouterr()
    assert {path.name for path in Path("tutorial").iterdir()} == FILES
    for name in FILES:
        assert name in out
    assert str(Path("tutorial").absolute()) in out
    assert "smlm correct" in out
    for method in ("icp", "cc"):
        assert any(line.split()[:2] == [method, "improved:"] for line in out.splitlines())
    assert err == "   simulation 2 of 2 ...\n"

    saved = pd.read_csv("tutorial/rmse.csv", index_col="correction")
    assert len(saved) == 5
    for name, row in saved.iterrows():
        line = next(line for line in out.splitlines() if line.strip().startswith(str(name)))
        numbers = line.split(str(name))[1].split()
        np.testing.assert_allclose([float(text) for text in numbers], row, atol=5.1e-4)
    assert (saved.loc["cc, linear + linear", ["x", "y"]] < saved.loc["before", ["x", "y"]]).all()
    data = [tutorial.simulate(seed, cluster_mu=100) for seed in (1, 2)]
    before = [one.drifted.smlm.rmse(one.truth)["x"] for one in data]
    assert saved.loc["before", "x"] == pytest.approx(np.mean(before))

    drifted, fixed = (
        pd.read_parquet(f"tutorial/{name}.parquet") for name in ("drifted", "corrected")
    )
    pd.testing.assert_frame_equal(drifted, data[0].drifted)
    drift = xr.load_dataset("tutorial/drift_icp.nc")
    model = drift.smlm.fit(offset=["spline", "linear"], origin="first_frame")
    pd.testing.assert_frame_equal(drifted.smlm.correct(model), fixed, rtol=1e-9)
    assert fixed.attrs["smlm_history"][-1]["step"] == "correct"


@pytest.mark.parametrize("name", ["1_drifted.png", "2_drift.png", "3_corrected.png"])
def test_figures_are_pictures(name: str, example: Path) -> None:
    from matplotlib.image import imread

    picture = imread(example / name)
    assert min(picture.shape[:2]) > 400
    assert picture[..., :3].std() > 0.05


def test_chunks_that_are_too_large(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["tutorial", "--out", str(tmp_path / "new"), "--cluster-mu", "20"]
    assert main([*arguments, "--chunk-size", "1000000"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("smlm: error: ")
    assert err.count("\n") == 1
    assert list((tmp_path / "new").iterdir()) == []

"""The same results on a cluster, also when it loses a worker in the middle of the work."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import cloudpickle
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor import TableError
from smlm_accessor.cli import main
from smlm_accessor.correct.files import correct_files

# The workers cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

N_PARTS = 12


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    locs = smlm_accessor.simulate_thomas(cluster_mu=120, seed=1)
    drifted = locs.smlm.simulate_drift(velocity=(0.02, 0.01), seed=1)
    # What simulations note in attrs is no part of what is compared.
    return pd.DataFrame(drifted.reset_index(drop=True))


@pytest.fixture(scope="module")
def folder(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parts")
    for i, rows in enumerate(np.array_split(np.arange(len(table)), N_PARTS)):
        table.iloc[rows].to_parquet(path / f"p{i:02d}.parquet")
    return path


def slow_part(path: str, seconds: float) -> pd.DataFrame:
    """Read a part as slowly as from a far away disk, and say so in a file beside it."""
    Path(path).with_suffix(".begun").touch()
    time.sleep(seconds)
    return pd.read_parquet(path)


def slowly(folder: Path, seconds: float = 0.3) -> Any:
    for begun in folder.glob("*.begun"):
        begun.unlink()
    paths = sorted(str(path) for path in folder.glob("*.parquet"))
    meta = pd.read_parquet(paths[0]).iloc[:0]
    return dd.from_map(slow_part, paths, seconds=seconds, meta=meta)


def kill_when_begun(cluster: Any, folder: Path, pattern: str, n: int) -> threading.Thread:
    """Kill a worker once so many files are there."""

    def wait() -> None:
        until = time.monotonic() + 60
        while len(list(folder.glob(pattern))) < n and time.monotonic() < until:
            time.sleep(0.01)
        cluster.kill_one()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def assert_same(drift: xr.Dataset, other: xr.Dataset) -> None:
    assert drift.attrs == other.attrs
    for name in ("offset", "matrix", "frame", "quality"):
        np.testing.assert_allclose(drift[name], other[name], rtol=0, atol=1e-6)
    for name in ("frame_start", "frame_stop", "n_localizations", "valid"):
        np.testing.assert_array_equal(drift[name], other[name])


@pytest.mark.parametrize("method", ["icp", "cc", "rcc", "aim", "overlap"])
def test_drift_is_that_of_pandas(
    cluster: Any, table: pd.DataFrame, folder: Path, method: str
) -> None:
    drift = dd.read_parquet(folder).smlm.drift(method=method)
    assert_same(drift, table.smlm.drift(method=method))


def test_samples_and_images_of_large_tables_too(
    cluster: Any, table: pd.DataFrame, folder: Path
) -> None:
    ddf = dd.read_parquet(folder)
    for method in ("cc", "aim"):
        options: dict[str, Any] = {"method": method, "max_localizations": 10_000}
        assert_same(ddf.smlm.drift(**options), table.smlm.drift(**options))


def test_correction_goes_through_files(
    cluster: Any, table: pd.DataFrame, folder: Path, tmp_path: Path
) -> None:
    ddf = dd.read_parquet(folder)
    drift = ddf.smlm.drift(method="cc")
    ddf.smlm.correct(drift).smlm.write(tmp_path / "fixed")
    fixed = pd.read_parquet(tmp_path / "fixed")
    expected = table.smlm.correct(drift)
    pd.testing.assert_frame_equal(fixed, pd.DataFrame(expected), check_like=False)


def test_progress_is_shown_on_stderr(
    cluster: Any, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dd.read_parquet(folder).smlm.drift(method="cc", progress=True)
    assert "100%" in "".join(capfd.readouterr())


def test_only_small_things_go_through_the_client(cluster: Any, folder: Path) -> None:
    """What comes back is the drift, not the localizations it was found in."""
    import distributed

    received = []
    original = distributed.Client._gather

    async def counted(self: Any, futures: Any, *args: Any, **kwargs: Any) -> Any:
        result = await original(self, futures, *args, **kwargs)
        received.append(len(cloudpickle.dumps(result)))
        return result

    distributed.Client._gather = counted
    try:
        dd.read_parquet(folder).smlm.drift(method="cc")
    finally:
        distributed.Client._gather = original
    assert received
    assert sum(received) < 100_000


def test_an_unreadable_partition_is_named(cluster: Any, folder: Path, tmp_path: Path) -> None:
    for path in folder.glob("*.parquet"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    broken = tmp_path / "p05.parquet"
    ddf = dd.read_parquet(tmp_path)
    broken.write_bytes(broken.read_bytes()[:1000])
    with pytest.raises(TableError, match=r"partition 5 of 12.*p05\.parquet.*cannot be read"):
        ddf.smlm.drift(method="cc")
    drift = dd.read_parquet(folder).smlm.drift(method="cc")
    fixed = ddf.smlm.correct(drift, outside="hold")
    with pytest.raises(TableError, match=r"partition 5 of 12.*cannot be read"):
        fixed.smlm.write(tmp_path / "fixed")
    assert not (tmp_path / "fixed").exists()


def test_a_worker_is_lost_in_the_middle_of_drift(
    cluster: Any, table: pd.DataFrame, folder: Path
) -> None:
    ddf = slowly(folder)
    killer = kill_when_begun(cluster, folder, "*.begun", 3)
    drift = ddf.smlm.drift(method="cc")
    killer.join()
    cluster.add_worker()
    assert_same(drift, table.smlm.drift(method="cc"))


def test_a_worker_is_lost_in_the_middle_of_writing(
    cluster: Any, table: pd.DataFrame, folder: Path, tmp_path: Path
) -> None:
    drift = table.smlm.drift(method="cc")
    fixed = slowly(folder).smlm.correct(drift)
    killer = kill_when_begun(cluster, tmp_path, "fixed.incomplete/part.*", 3)
    written = tmp_path / "fixed"
    fixed.smlm.write(written)
    killer.join()
    cluster.add_worker()
    assert len(list(written.iterdir())) == N_PARTS
    pd.testing.assert_frame_equal(pd.read_parquet(written), pd.DataFrame(table.smlm.correct(drift)))


def test_the_command_line_joins_a_cluster(
    cluster: Any, table: pd.DataFrame, folder: Path, tmp_path: Path
) -> None:
    for path in folder.glob("*.parquet"):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    command = ["correct", str(tmp_path / "in"), str(tmp_path / "out"), "--method", "cc"]
    assert main([*command, "--scheduler", cluster.address, "--quiet"]) == 0
    expected = pd.DataFrame(table.smlm.correct(method="cc"))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out"), expected)


def test_many_files_are_corrected_as_here(cluster: Any, tmp_path: Path) -> None:
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


def wide(i: int) -> pd.DataFrame:
    """Return a partition of about 60 MB."""
    n = 250_000
    rng = np.random.default_rng(i)
    frame = i * 1000 + np.arange(n) // 250
    sites = np.random.default_rng(0).uniform(0, 5000, (200, 2))
    xy = sites[rng.integers(200, size=n)] + rng.normal(0, 10, (n, 2)) + 0.01 * frame[:, None]
    extra = {f"extra_{j}": np.full(n, float(j)) for j in range(25)}
    return pd.DataFrame({"frame": frame, "x": xy[:, 0], "y": xy[:, 1], **extra})


def test_a_worker_at_its_memory_limit_spills_and_finishes(cluster: Any) -> None:
    """Partitions that are kept take more than the workers may."""
    for _ in range(2):
        cluster.kill_one()
    for _ in range(2):
        cluster.add_worker("700MiB")
    kept = dd.from_map(wide, range(18), meta=wide(0).iloc[:0]).persist()
    drift = kept.smlm.drift(method="cc", frames_per_chunk=2000)
    spilled = cluster.client.run(lambda dask_worker: len(dask_worker.data.slow))
    assert sum(spilled.values()) > 0
    frame = drift["frame"].values
    expected = -0.01 * (frame - frame[0])[:, None]
    np.testing.assert_allclose(drift["offset"], expected + np.zeros(2), rtol=0, atol=0.5)

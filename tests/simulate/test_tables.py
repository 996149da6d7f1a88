"""What all simulated tables have in common, and the cases of the benchmarks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from smlm_accessor import simulate
from smlm_accessor.table import history
from smlm_accessor.table.localizations import read_localizations

TABLES: dict[str, Callable[..., pd.DataFrame]] = {
    "simulate_thomas": lambda **o: simulate.simulate_thomas(cluster_mu=20, **o),
    "simulate_csr": lambda **o: simulate.simulate_csr(n_samples=2000, **o),
    "simulate_npc": lambda **o: simulate.simulate_npc(n_structures=9, n_frames=2000, **o),
    "simulate_origami": lambda **o: simulate.simulate_origami(n_structures=9, n_frames=2000, **o),
    "simulate_filaments": lambda **o: simulate.simulate_filaments(
        n_structures=2, n_frames=2000, **o
    ),
    "simulate_blinking": lambda **o: simulate.simulate_blinking([[0, 0], [9, 9]], **o),
}
by_name = pytest.mark.parametrize("name", TABLES)


@by_name
def test_a_seed_gives_the_same_table(name: str) -> None:
    make = TABLES[name]
    pd.testing.assert_frame_equal(make(seed=3), make(seed=3))
    pd.testing.assert_frame_equal(make(seed=3), make(seed=np.random.default_rng(3)))
    assert not make(seed=3).equals(make(seed=4))
    assert not make().equals(make())


@by_name
def test_the_table_is_one_of_localizations(name: str) -> None:
    table = TABLES[name](seed=1)
    locs = read_localizations(table)
    assert locs.columns.convention == "Locan"
    assert locs.finite.all()
    assert (np.diff(locs.frames) >= 0).all()
    assert table["frame"].dtype == np.int64
    assert isinstance(table.index, pd.RangeIndex)


@by_name
def test_the_history_tells_how_it_was_made(name: str) -> None:
    (entry,) = history.steps(TABLES[name](seed=5).attrs)
    assert entry["step"] == name
    assert entry["parameters"]["seed"] == 5
    (entry,) = history.steps(TABLES[name](seed=np.random.default_rng(5)).attrs)
    assert entry["parameters"]["seed"] == "Generator"


def test_a_table_can_be_made_again_from_its_history() -> None:
    table = simulate.simulate_npc(n_structures=3, precision=5, bindings_per_site=7, seed=11)
    (entry,) = history.steps(table.attrs)
    pd.testing.assert_frame_equal(simulate.simulate_npc(**entry["parameters"]), table)


def test_sites_and_blinking_are_the_parts_of_a_structure() -> None:
    rng = np.random.default_rng(6)
    sites = simulate.npc_sites(n_structures=4, seed=rng)
    table = simulate.simulate_blinking(sites, region=((0, 20_000),) * 2, seed=rng)
    pd.testing.assert_frame_equal(table, simulate.simulate_npc(n_structures=4, seed=6))
    assert [entry["step"] for entry in history.steps(table.attrs)] == [
        "npc_sites",
        "simulate_blinking",
    ]


def test_case_b_94_bright_emitters() -> None:
    rng = np.random.default_rng(1)
    table = simulate.simulate_blinking(
        rng.uniform(0, 25_600, (94, 2)),
        n_frames=20_000,
        localizations_per_frame=20,
        mean_on_frames=1.27,
        precision=10,
        seed=rng,
    )
    assert len(table) == pytest.approx(400_000, rel=0.01)
    counts = np.bincount(table["frame"])
    assert counts.std() == pytest.approx(np.sqrt(94 * 20 / 94 * (1 - 20 / 94)), rel=0.03)


def test_case_d_and_e_pores() -> None:
    options = {"n_frames": 40_000, "bindings_per_site": 50, "seed": 1}
    flat = simulate.simulate_npc(n_structures=300, precision=5, **options)
    assert len(flat) == pytest.approx(300 * 8 * 50 * 4, rel=0.02)
    deep = simulate.simulate_npc(n_structures=30, dimension=3, precision=(5, 5, 12), **options)
    assert len(deep) == pytest.approx(30 * 16 * 50 * 4, rel=0.03)
    assert deep["uncertainty_z"].unique().tolist() == [12]


def test_case_f_filaments() -> None:
    table = simulate.simulate_filaments(
        n_structures=25,
        n_frames=50_000,
        localizations_per_frame=3,
        precision=10,
        background_fraction=0.1,
        seed=1,
    )
    assert len(table) == pytest.approx(150_000, rel=0.02)

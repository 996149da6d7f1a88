"""What is in the field of view in each case of the benchmark, and how it blinks.

Each sample is a function of a seed and of the parameters that the case gives, lengths in nm.
"""

from __future__ import annotations

from dataclasses import dataclass

import motions
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from smlm_accessor import tutorial
from smlm_accessor.simulate import filament_sites, npc_sites, simulate_blinking, simulate_csr

AXES = ("x", "y", "z")


@dataclass(frozen=True, eq=False)
class Simulated:
    """A case, and what an oracle may know of it.

    Parameters
    ----------
    table, truth : DataFrame
        With and without drift; the same rows.
    precision : tuple of float
        Standard deviation of one localization about its emitter, per axis; empty if unknown.
    background : float
        Fraction of the localizations that belong to no emitter.
    typical_precision : float
        What a tool is told that wants to know it, where `precision` is not known.
    """

    table: pd.DataFrame
    truth: pd.DataFrame
    precision: tuple[float, ...] = ()
    background: float = 0.0
    typical_precision: float = 10.0


def move(
    still: pd.DataFrame,
    drift: motions.Curve,
    precision: ArrayLike = (),
    *,
    background: float = 0.0,
    dtype: str = "float64",
) -> Simulated:
    """Return the case of localizations that stand still and the drift in each frame."""
    d = drift.shape[1]
    frames = still["frame"].to_numpy()
    positions = {axis: still[f"position_{axis}"].to_numpy() for axis in AXES[:d]}
    moved = {
        axis: (positions[axis] + np.ascontiguousarray(drift[:, j])[frames]).astype(dtype)
        for j, axis in enumerate(AXES[:d])
    }
    return Simulated(
        pd.DataFrame({"frame": frames, **moved}),
        pd.DataFrame({"frame": frames, **positions}),
        tuple(float(std) for std in np.atleast_1d(precision)),
        background,
    )


def clusters(seed: int, *, cluster_mu: float) -> Simulated:
    """Simulate the data of the tutorial."""
    data = tutorial.simulate(seed, cluster_mu=cluster_mu)
    names = {"position_x": "x", "position_y": "y"}
    table = data.drifted.rename(columns=names)[["frame", "x", "y"]]
    truth = data.truth.rename(columns=names)[["frame", "x", "y"]]
    table.attrs, truth.attrs = {}, {}
    return Simulated(table, truth, (10.0, 10.0))


def emitters(
    seed: int,
    *,
    n_emitters: int,
    field: float,
    n_frames: int,
    localizations_per_frame: float,
    mean_on_frames: float,
    precision: float,
    knots: int,
    step: float,
) -> Simulated:
    """Simulate emitters anywhere, with the drift of a spline through a random walk."""
    rng = np.random.default_rng(seed)
    still = simulate_blinking(
        rng.uniform(0, field, (n_emitters, 2)),
        n_frames=n_frames,
        localizations_per_frame=localizations_per_frame,
        mean_on_frames=mean_on_frames,
        precision=precision,
        seed=rng,
    )
    return move(still, motions.knotted(n_frames, 2, rng, knots=knots, step=step), [precision] * 2)


def pores(
    seed: int,
    *,
    n_pores: int,
    field: float,
    dimension: int,
    n_frames: int,
    bindings_per_site: float,
    mean_on_frames: float,
    precision: ArrayLike,
    background: float,
    extent: ArrayLike,
    walk: float,
    jump: float,
    gap: int,
    origin: float,
    dtype: str,
) -> Simulated:
    """Simulate pore rings; the stage may jump, frames may be missing."""
    rng = np.random.default_rng(seed)
    region = ((0, field), (0, field))
    still = simulate_blinking(
        npc_sites(n_structures=n_pores, region=region, dimension=dimension, seed=rng),
        n_frames=n_frames,
        bindings_per_site=bindings_per_site,
        mean_on_frames=mean_on_frames,
        precision=precision,  # type: ignore[arg-type]
        background_fraction=background,
        region=region,
        seed=rng,
    )
    drift = motions.slow(n_frames, dimension, rng, extent=extent, walk=walk)
    drift[int(0.4 * n_frames) :] += jump * np.array([0.8, 0.6, 0.0])[:dimension]
    missing = range(int(0.55 * n_frames), int(0.55 * n_frames) + gap)
    if gap:
        still = still[~still["frame"].isin(missing)].reset_index(drop=True)
    for axis in AXES[:dimension]:
        still[f"position_{axis}"] += origin
    std = np.broadcast_to(precision, dimension)
    return move(still, drift, std, background=background, dtype=dtype)


def filaments(
    seed: int,
    *,
    n_filaments: int,
    length: float,
    site_spacing: float,
    field: float,
    n_frames: int,
    localizations_per_frame: float,
    precision: float,
    background: float,
    extent: float,
    walk: float,
) -> Simulated:
    """Simulate filaments, with drift along a line and a random walk."""
    rng = np.random.default_rng(seed)
    region = ((0, field), (0, field))
    sites = filament_sites(
        n_structures=n_filaments,
        region=region,
        length=length,
        site_spacing=site_spacing,
        seed=rng,
    )
    still = simulate_blinking(
        sites,
        n_frames=n_frames,
        localizations_per_frame=localizations_per_frame,
        precision=precision,
        background_fraction=background,
        region=region,
        seed=rng,
    )
    drift = motions.straight(n_frames, 2, rng, extent=extent, walk=walk)
    return move(still, drift, [precision] * 2, background=background)


def lattice(
    seed: int,
    *,
    side: int,
    spacing: float,
    n_frames: int,
    bindings_per_site: float,
    precision: float,
    extent: float,
    walk: float,
) -> Simulated:
    """Simulate a square patch of sites in rows and columns."""
    rng = np.random.default_rng(seed)
    row = spacing * np.arange(side)
    still = simulate_blinking(
        np.stack(np.meshgrid(row, row), axis=-1).reshape(-1, 2),
        n_frames=n_frames,
        bindings_per_site=bindings_per_site,
        precision=precision,
        seed=rng,
    )
    drift = motions.slow(n_frames, 2, rng, extent=extent, walk=walk)
    return move(still, drift, [precision] * 2)


def one_emitter(
    seed: int,
    *,
    n_frames: int,
    localizations_per_frame: float,
    precision: float,
    extent: float,
    walk: float,
) -> Simulated:
    """Simulate a single emitter."""
    rng = np.random.default_rng(seed)
    still = simulate_blinking(
        [[5_000.0, 5_000.0]],
        n_frames=n_frames,
        localizations_per_frame=localizations_per_frame,
        precision=precision,
        seed=rng,
    )
    drift = motions.slow(n_frames, 2, rng, extent=extent, walk=walk)
    return move(still, drift, [precision] * 2)


def background(
    seed: int,
    *,
    n_localizations: int,
    field: float,
    localizations_per_frame: float,
    extent: float,
    walk: float,
) -> Simulated:
    """Simulate localizations that no emitter sent: nothing to tell drift from."""
    rng = np.random.default_rng(seed)
    still = simulate_csr(
        n_samples=n_localizations,
        region=((0, field), (0, field)),
        localizations_per_frame=localizations_per_frame,
        seed=rng,
    )
    n_frames = int(still["frame"].max()) + 1
    return move(still, motions.slow(n_frames, 2, rng, extent=extent, walk=walk), background=1.0)

"""Scenes of known truth: localizations of sites, rings, filaments and beads, and how they drift.

A scene is made of sites, of how its emitters are seen, and of a drift curve, each by one function:

>>> scene = blinking(sites(20), n_frames=500, per_frame=4, seed=1).drifting(smooth(500))
>>> list(scene.moved), scene.drift.shape
(['frame', 'x', 'y'], (500, 2))

All lengths are nm. The same seed gives the same scene.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.correct import correct
from smlm_accessor.drift import drift_of
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.simulate import filament_sites, npc_sites

AXES = ("x", "y", "z")
PRECISION = 5.0  # of x and y
AXIAL = 2.4  # precision of z over that of x and y


@dataclass(frozen=True, eq=False)
class Scene:
    """Localizations of a sample at rest, and the drift that it then has.

    Parameters
    ----------
    frames : ndarray, shape (n,)
        Not decreasing.
    positions : ndarray, shape (n, d)
        Without drift, with the localization error.
    emitter : ndarray, shape (n,)
        Row of ``sites``; -1 for background.
    sites : ndarray, shape (n_sites, d)
        True positions.
    precision : ndarray, shape (d,)
    drift : ndarray, shape (n_frames, d)
        ``+d`` in each frame.
    """

    frames: IntArray
    positions: FloatArray
    emitter: IntArray
    sites: FloatArray
    precision: FloatArray
    drift: FloatArray

    @property
    def axes(self) -> list[str]:
        """Names of the axes."""
        return list(AXES[: self.positions.shape[1]])

    @property
    def n_frames(self) -> int:
        return len(self.drift)

    @property
    def still(self) -> pd.DataFrame:
        """The table without drift: the truth."""
        return self._table(self.positions)

    @property
    def moved(self) -> pd.DataFrame:
        """The table with drift."""
        return self._table(self.moved_positions)

    @property
    def moved_positions(self) -> FloatArray:
        return np.asarray(self.positions + self.drift[self.frames])

    def _table(self, positions: FloatArray) -> pd.DataFrame:
        return pd.DataFrame({"frame": self.frames, **dict(zip(AXES, positions.T, strict=False))})

    def chunked(self, n_chunks: int = 1) -> ChunkedLocalizations:
        """The localizations with drift, in chunks of equally many frames, as methods get them."""
        edges = np.linspace(0, self.n_frames, n_chunks + 1).astype(np.int64)
        return ChunkedLocalizations(
            self.moved_positions,
            self.frames,
            np.searchsorted(self.frames, edges),
            tuple(self.axes),
            edges=edges if n_chunks > 1 else None,
        )

    def drifting(self, drift: FloatArray) -> Scene:
        """The same localizations with another drift."""
        return replace(self, drift=drift)

    def kept(self, rows: Any) -> Scene:
        """Some of the localizations."""
        frames, positions, emitter = self.frames[rows], self.positions[rows], self.emitter[rows]
        return replace(self, frames=frames, positions=positions, emitter=emitter)

    def with_background(self, fraction: float, seed: int = 0) -> Scene:
        """Localizations at random positions in place of a fraction of all."""
        rng = np.random.default_rng(seed)
        noise = rng.random(len(self.frames)) < fraction
        low, high = self.sites.min(axis=0), self.sites.max(axis=0)
        positions, emitter = self.positions.copy(), self.emitter.copy()
        positions[noise] = rng.uniform(low, high, (int(noise.sum()), len(low)))
        emitter[noise] = -1
        return replace(self, positions=positions, emitter=emitter)

    def error(self, found: xr.Dataset) -> FloatArray:
        """Standard deviation per axis of the corrected table minus the true one."""
        away = correct(self.moved, found)[self.axes] - self.still[self.axes]
        return np.asarray(away.to_numpy(dtype=float).std(axis=0))

    def z_scores(self, found: xr.Dataset) -> FloatArray:
        """Errors of the drift over ``offset_std``, of chunks that are valid, shape (m, d).

        The true drift of a chunk is the mean of ``drift`` over its localizations; the mean error
        of all chunks, which no method can know, is taken off.
        """
        chunk = np.searchsorted(found["frame_stop"].values, self.frames, side="right")
        true = pd.DataFrame(self.drift[self.frames]).groupby(chunk).mean()
        away = drift_of(found).values - true.reindex(range(found.sizes["chunk"]))
        use = found["valid"].values & np.isfinite(true.reindex(away.index)).all(axis=1)
        away = away[use].to_numpy()
        return np.asarray((away - away.mean(axis=0)) / found["offset_std"].values[use])


def parameters_of(found: xr.Dataset) -> dict[str, Any]:
    """What a method was told, and what it chose."""
    result: dict[str, Any] = json.loads(found.attrs["parameters"])
    return result


# Sites.


def sites(n: int = 200, size: float = 5_000.0, d: int = 2, seed: int = 1) -> FloatArray:
    """Sites at random in a square about the origin; in 3D 400 nm thick."""
    extent = np.array([size, size, 400.0])[:d]
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (n, d)) * extent


def clusters(
    n: int = 20, each: int = 50, std: float = 15.0, size: float = 5_000.0, d: int = 2, seed: int = 1
) -> FloatArray:
    """Sites in Gaussian clusters."""
    centers = np.repeat(sites(n, size, d, seed), each, axis=0)
    return centers + np.random.default_rng(seed + 1).normal(0, std, centers.shape)


def lattice(n: int = 20, spacing: float = 20.0) -> FloatArray:
    """Sites on a square grid, ``n`` along each axis."""
    row = spacing * np.arange(n)
    return np.stack(np.meshgrid(row, row), axis=-1).reshape(-1, 2)


def rings(n: int = 60, size: float = 5_000.0, d: int = 2, seed: int = 1) -> FloatArray:
    """Sites of nuclear pores, one after the other."""
    found = npc_sites(n_structures=n, region=((0, size), (0, size)), dimension=d, seed=seed)
    return _coordinates(found)


def filaments(n: int = 10, size: float = 4_000.0, seed: int = 1) -> FloatArray:
    """Sites along filaments of 5 um."""
    region = ((0, size), (0, size))
    return _coordinates(filament_sites(n_structures=n, length=5000, region=region, seed=seed))


def _coordinates(found: pd.DataFrame) -> FloatArray:
    return found.filter(like="position_").to_numpy()


# How emitters are seen.


def blinking(
    at: FloatArray,
    *,
    n_frames: int,
    per_frame: float,
    on: float = 3.0,
    precision: float = PRECISION,
    seed: int = 0,
) -> Scene:
    """Blinks of random sites, each ``on`` frames long on average (geometric)."""
    rng = np.random.default_rng(seed)
    n = int(n_frames * per_frame / on)
    start = rng.integers(-int(3 * on), n_frames, n)
    length = rng.geometric(1 / on, n)
    frames = np.repeat(start, length) + np.concatenate([np.arange(m) for m in length])
    emitter = np.repeat(rng.integers(len(at), size=n), length)
    inside = (frames >= 0) & (frames < n_frames)
    return _seen(at, frames[inside], emitter[inside], n_frames, precision, rng)


def visits(
    at: FloatArray, *, n: int, n_frames: int, precision: float = PRECISION, seed: int = 0
) -> Scene:
    """Localizations of random sites in random frames, each independent of all others."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, n_frames, n)
    return _seen(at, frames, rng.integers(len(at), size=n), n_frames, precision, rng)


def bleaching(
    at: FloatArray,
    *,
    n: int,
    n_frames: int,
    life: float,
    precision: float = PRECISION,
    seed: int = 0,
) -> Scene:
    """Localizations of sites from a random frame on, on average for so many frames."""
    rng = np.random.default_rng(seed)
    emitter = rng.integers(len(at), size=n)
    frames = rng.uniform(-life, n_frames, len(at))[emitter] + rng.exponential(life, n)
    seen = (frames >= 0) & (frames < n_frames)
    return _seen(at, frames[seen].astype(np.int64), emitter[seen], n_frames, precision, rng)


def beads(
    at: FloatArray, *, n_frames: int, precision: float = 2.0, seen: float = 1.0, seed: int = 0
) -> Scene:
    """Every site in every frame, or in a random fraction ``seen`` of the frames."""
    rng = np.random.default_rng(seed)
    shown = np.flatnonzero(rng.random(n_frames * len(at)) < seen)
    return _seen(at, shown // len(at), shown % len(at), n_frames, precision, rng)


def background(*, n: int, n_frames: int, size: float = 10_000.0, seed: int = 0) -> Scene:
    """Localizations at random, with no structure that comes back."""
    rng = np.random.default_rng(seed)
    frames = np.sort(rng.integers(0, n_frames, n))
    anywhere = rng.uniform(0, size, (n, 2))
    rest = np.zeros((n_frames, 2))
    return Scene(frames, anywhere, np.full(n, -1), anywhere, np.full(2, PRECISION), rest)


def _seen(
    at: FloatArray,
    frames: IntArray,
    emitter: IntArray,
    n_frames: int,
    precision: float,
    rng: np.random.Generator,
) -> Scene:
    order = np.argsort(frames, kind="stable")
    frames, emitter = frames[order], emitter[order]
    d = at.shape[1]
    std = precision * np.array([1, 1, AXIAL])[:d]
    positions = at[emitter] + rng.normal(0, 1, (len(emitter), d)) * std
    return Scene(frames, positions, emitter, at, std, np.zeros((n_frames, d)))


# Drift curves: ``+d`` in each frame, shape (n_frames, d).


def linear(n_frames: int, velocity: Any = (0.02, -0.01)) -> FloatArray:
    """The sample goes ``velocity`` nm a frame."""
    return np.outer(np.arange(n_frames), velocity)


def smooth(n_frames: int, d: int = 2, extent: float = 200.0) -> FloatArray:
    """The sample goes ``extent`` nm, at a speed that changes slowly."""
    t = np.arange(n_frames)[:, None] / n_frames
    return np.asarray(extent * (t + 0.2 * np.sin(2 * np.pi * (1.3 * t + np.arange(d) / 3))))


def restless(n_frames: int, amplitude: float = 20.0, frames_per_radian: float = 40.0) -> FloatArray:
    """The sample swings to and fro."""
    t = np.arange(n_frames)[:, None]
    return np.asarray(amplitude * np.sin(t / frames_per_radian + np.array([0, 1])))


def random_walk(n_frames: int, step: float, d: int = 2, seed: int = 0) -> FloatArray:
    """Steps of standard deviation ``step`` in each frame."""
    walk = np.random.default_rng(seed).normal(0, step, (n_frames, d))
    walk[0] = 0.0
    return np.cumsum(walk, axis=0)


def jumping(drift: FloatArray, jumps: Mapping[int, Any]) -> FloatArray:
    """A drift and jumps: ``{first frame after the jump: displacement}``."""
    result = np.array(drift)
    for frame, displacement in jumps.items():
        result[frame:] += displacement
    return result

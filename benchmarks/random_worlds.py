"""Random worlds: tables drawn from what the field has, whose drift is known.

``world = draw(seed, number)`` draws what there is, which costs nothing; ``simulate(world)`` makes
the table. Both depend on seed and number only, and on nothing of the package that is tested.
Lengths are in nm unless the name says um.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import motions
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from structures import STRUCTURES, anywhere, between

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FIELD_UM = (3.0, 60.0)
DEPTH_UM = (0.3, 1.0)  # in 3D
FRAMES = (2_000, 100_000)
LOCALIZATIONS = (6_000, 500_000)
BLINK = (1.0, 12.0)  # frames, mean
VISITS = (1.3, 100.0)  # of a site, mean
FEWER_LATE = (1.5, 6.0)  # visits are at beta(1, this) of the movie; 1: evenly
LIFE = (0.02, 0.5)  # of a molecule, of the movie
BACKGROUND = (0.0, 0.3)
PRECISION = (2.5, 18.0)  # at the median number of photons
PHOTON_SPREAD = (0.2, 0.6)  # standard deviation of the logarithm of the photons
AXIAL = (2.0, 3.0)  # precision in z over that in x and y
AMPLITUDE = (10.0, 1_500.0)  # of the drift, from end to end
JUMP = (60.0, 1_500.0)
DRIFTS = ("none", "linear", "random walk", "sinusoids", "settling")  # or a mixture of them

# What a camera would not record, or would not let a program fit.
MOST_DENSE = 1.0  # localizations per frame and um2
MOST_ON = 0.3  # of the time that a site lives, where its visits are most frequent
FEWEST_SITES = 30
FASTEST = 2.0  # nm per frame, of sinusoids and settling
LONGEST_STEP = 1.0  # nm per frame, of a random walk
RANGE_OF_WALK = 1.6  # over its step and the square root of the number of steps


@dataclass(frozen=True)
class World:
    """What there is in a random world; see the constants of this module for units and ranges.

    ``str()`` gives it in one line.
    """

    seed: int
    number: int
    structures: tuple[str, ...]
    dimension: int
    field_um: float
    depth_um: float
    frames: int
    localizations: int
    blink: float
    visits: float
    fewer_late: float
    life: float
    background: float
    precision: float
    photon_spread: float
    axial: float
    uncertainty: bool
    drifts: tuple[str, ...]
    amplitude: float
    jump_frames: tuple[int, ...]
    jumps: tuple[float, ...]

    @property
    def emitted(self) -> int:
        """Number of localizations that are no background."""
        return round(self.localizations * (1 - self.background))

    @property
    def sites(self) -> int:
        """Number of sites."""
        return round(self.emitted / (self.blink * self.visits))

    def __str__(self) -> str:
        words = [" + ".join(self.structures), f"{self.dimension}D", f"{self.field_um:.1f} um"]
        words += [f"{self.frames:,} frames", f"{self.localizations:,} localizations"]
        words += [f"blinks of {self.blink:.1f} frames", f"{self.visits:.1f} visits a site"]
        if self.fewer_late > 1:
            words.append(f"fewer visits late ({self.fewer_late:.1f})")
        if np.isfinite(self.life):
            words.append(f"molecules live for {self.life:.0%} of the movie")
        words.append(f"background {self.background:.0%}")
        axial = f" (z: {self.axial:.1f} times)" if self.dimension == 3 else ""
        words.append(f"precision {self.precision:.1f} nm{axial}")
        words.append("uncertainty column" if self.uncertainty else "no uncertainty column")
        drift = " + ".join(self.drifts)
        words.append(f"drift: {drift}" + (f" {self.amplitude:.0f} nm" if drift != "none" else ""))
        if self.jumps:
            words.append(f"jumps of {', '.join(f'{size:.0f}' for size in self.jumps)} nm")
        return ", ".join(words)


@dataclass(frozen=True, eq=False)
class Simulation:
    """A table, and what is true of it.

    Parameters
    ----------
    table : DataFrame
        ``frame``, ``x``, ``y``, in 3D ``z``, and perhaps ``uncertainty_x`` ..; rows follow the
        frames.
    still : ndarray, shape (n, d)
        The positions without drift, with the localization errors.
    std : ndarray, shape (n, d)
        Standard deviation of each localization error.
    drift : ndarray, shape (frames, d)
        Drift in each frame, jumps included.
    site : ndarray, shape (n,)
        Which site a localization is of; -1: background.
    """

    table: pd.DataFrame
    still: Floats
    std: Floats
    drift: Floats
    site: Integers

    @property
    def axes(self) -> list[str]:
        """Names of the coordinates."""
        return list("xyz"[: self.still.shape[1]])


def draw(seed: int, number: int) -> World:
    """Draw a world."""
    rng = np.random.default_rng([seed, number])
    dimension = 3 if rng.random() < 0.35 else 2
    names = list(STRUCTURES)
    mixed = rng.random() < 0.15
    structures = tuple(rng.choice(names, rng.integers(2, 4) if mixed else 1, replace=False))
    background = rng.uniform(*BACKGROUND) if rng.random() < 0.7 else 0.0
    fewer_late = between(*FEWER_LATE, rng) if rng.random() < 0.3 else 1.0
    life = between(*LIFE, rng) if rng.random() < 0.25 else inf
    while True:
        field_um = between(*FIELD_UM, rng)
        frames = round(between(*FRAMES, rng))
        localizations = round(between(*LOCALIZATIONS, rng))
        blink, visits = between(*BLINK, rng), between(*VISITS, rng)
        dense = localizations / frames / field_um**2 > MOST_DENSE
        always_on = blink * visits > MOST_ON * frames * min(life, 1.0) / fewer_late
        few = localizations * (1 - background) < FEWEST_SITES * blink * visits
        if not (dense or always_on or few):
            break
    precision = between(*PRECISION, rng)
    worse_in_z = dimension == 3 and rng.random() < 0.7
    drifts, amplitude = _draw_drift(frames, rng)
    n_jumps = rng.integers(1, 4) if rng.random() < 0.3 else 0
    # One in each of as many parts of the movie, so that no two are close to each other.
    places = 0.1 + 0.8 * (np.arange(n_jumps) + rng.uniform(0.1, 0.9, n_jumps)) / max(n_jumps, 1)
    return World(
        seed=seed,
        number=number,
        structures=tuple(str(name) for name in structures),
        dimension=dimension,
        field_um=field_um,
        depth_um=min(between(*DEPTH_UM, rng), field_um) if dimension == 3 else 0.0,
        frames=frames,
        localizations=localizations,
        blink=blink,
        visits=visits,
        fewer_late=fewer_late,
        life=life,
        background=float(background),
        precision=precision,
        photon_spread=float(rng.uniform(*PHOTON_SPREAD)),
        axial=float(rng.uniform(*AXIAL)) if worse_in_z else 1.0,
        uncertainty=bool(rng.random() < 0.5),
        drifts=drifts,
        amplitude=amplitude,
        jump_frames=tuple(int(place * frames) for place in places),
        jumps=tuple(between(*JUMP, rng) for _ in range(n_jumps)),
    )


def _draw_drift(frames: int, rng: np.random.Generator) -> tuple[tuple[str, ...], float]:
    kind = rng.integers(len(DRIFTS) + 1)
    amplitude = between(*AMPLITUDE, rng)
    if kind == len(DRIFTS):
        n_kinds = rng.integers(2, len(DRIFTS))
        drifts = tuple(str(name) for name in rng.choice(DRIFTS[1:], n_kinds, replace=False))
    else:
        drifts = (DRIFTS[kind],)
    if drifts == ("none",):
        return drifts, 0.0
    if "random walk" in drifts:
        amplitude = min(amplitude, RANGE_OF_WALK * LONGEST_STEP * np.sqrt(frames))
    return drifts, float(amplitude)


def simulate(world: World) -> Simulation:
    """Return the table of a world."""
    rng = np.random.default_rng([world.seed, world.number, 1])
    size = 1_000 * np.array([world.field_um, world.field_um, world.depth_um][: world.dimension])
    site, frame = _blinks(world, rng)
    sites = _places(world, int(site.max()) + 1, size, rng)
    n_background = round(len(frame) * world.background / (1 - world.background))
    true = np.concatenate([sites[site], anywhere(n_background, size, rng)])
    site = np.concatenate([site, np.full(n_background, -1)])
    frame = np.concatenate([frame, rng.integers(world.frames, size=n_background)])
    rows = np.argsort(frame, kind="stable")
    true, site, frame = true[rows], site[rows], frame[rows]

    photons = np.exp(rng.normal(0, world.photon_spread, len(frame)))  # over their median
    of_axis = np.array([1.0, 1.0, world.axial][: world.dimension])
    std = world.precision / np.sqrt(photons)[:, None] * of_axis
    still = true + rng.standard_normal(true.shape) * std
    drift = _drift(world, rng)
    axes = "xyz"[: world.dimension]
    columns = {"frame": frame}
    columns |= {axis: still[:, j] + drift[frame, j] for j, axis in enumerate(axes)}
    if world.uncertainty:
        columns |= {f"uncertainty_{axis}": std[:, j] for j, axis in enumerate(axes)}
    return Simulation(pd.DataFrame(columns), still, std, drift, site)


def _blinks(world: World, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Return site and frame of each localization; no site has two in a frame."""
    n_visits = max(round(world.emitted / world.blink), world.sites)
    # Each site is visited once; the other visits are shared out.
    others = rng.integers(world.sites, size=n_visits - world.sites)
    site = np.concatenate([np.arange(world.sites), others])
    if np.isfinite(world.life):
        # From when it is activated, ever fewer visits, those that are in the movie.
        activated = rng.beta(1, world.fewer_late, world.sites)[site]
        seen = -np.expm1(-(1 - activated) / world.life)
        time = activated - world.life * np.log1p(-rng.random(n_visits) * seen)
    else:
        time = rng.beta(1, world.fewer_late, n_visits)
    start = np.minimum((time * world.frames).astype(np.int64), world.frames - 1)
    length = rng.geometric(1 / world.blink, n_visits)
    since = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    frame = np.repeat(start, length) + since
    inside = frame < world.frames
    once = np.unique(np.repeat(site, length)[inside] * world.frames + frame[inside])
    return once // world.frames, once % world.frames


def _places(world: World, n: int, size: Floats, rng: np.random.Generator) -> Floats:
    """Return where the sites are, in any order; a mixture has equal shares of its structures."""
    share = -(-n // len(world.structures))
    sites = []
    for name in world.structures:
        found = STRUCTURES[name](share, size, world.precision, rng)
        while len(found) < share:  # copies of a template: not all of their sites are there
            found = np.concatenate([found, STRUCTURES[name](share, size, world.precision, rng)])
        sites.append(found[:share])
    return rng.permutation(np.concatenate(sites))[:n]


def _drift(world: World, rng: np.random.Generator) -> Floats:
    """Return the drift in each frame: up to the amplitude along the axis that drifts most."""
    n, d = world.frames, world.dimension
    drift = np.zeros((n, d))
    for name in world.drifts:
        curve = _curve(name, world, rng)
        drift += rng.uniform(0.3, 1) * curve / np.maximum(np.ptp(curve, axis=0), 1e-12)
    extent = rng.uniform(0.3, 1, d)
    drift *= world.amplitude * extent / extent.max() / np.maximum(np.ptp(drift, axis=0), 1e-12)
    for frame, size in zip(world.jump_frames, world.jumps, strict=True):
        direction = rng.standard_normal(d) * [1.0, 1.0, 0.3][:d]
        drift[frame:] += size * direction / np.linalg.norm(direction)
    return drift


def _curve(name: str, world: World, rng: np.random.Generator) -> Floats:
    n, d, frames_of_amplitude = world.frames, world.dimension, world.amplitude / FASTEST
    if name == "linear":
        return np.linspace(0, rng.choice([-1.0, 1.0], d), n)
    if name == "random walk":
        return motions.diffusing(n, d, rng, walk=1.0)
    if name == "sinusoids":
        most = n / (np.pi * max(frames_of_amplitude, 1.0))
        return motions.waves(n, d, rng, most_cycles=min(most, 8.0))
    if name == "settling":
        fastest = max(frames_of_amplitude, 0.02 * n)
        return motions.settling(n, d, rng, time_constant=between(fastest, max(fastest, n / 2), rng))
    return np.zeros((n, d))

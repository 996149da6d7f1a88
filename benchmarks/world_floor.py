"""What random worlds allow: the error if emitters were recognised, but their places not known.

``python benchmarks/world_floor.py --worlds 100 --seed 1`` prints this floor, per world and axis,
and its ratio to the oracle of `worlds`, which is told the places, too. Drift and places are
estimated together: with the information ``w`` of emitter ``s`` in window ``t``, that of the drift
is ``diag(sum_s w) - w.T diag(1 / sum_t w) w``. Smoother and jumps are those of the oracle.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import oracle
import worlds
from numpy.typing import NDArray
from random_worlds import draw, simulate
from scipy import linalg, sparse

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_WINDOWS = 800  # matrices of so many rows are solved
STRENGTHS = np.logspace(-9, 9, 37)  # as in `oracle`


def floor(
    frames: Integers,
    emitter: Integers,
    drift: Floats,
    information: Floats,
    jumps: Sequence[int],
    rng: np.random.Generator,
) -> float:
    """Return the error of the best smoother along one axis.

    Parameters
    ----------
    frames, emitter, drift, information : ndarray, shape (n,)
        Of each localization: its frame, whose it is, the true drift, and one over its variance.
    jumps : sequence of int
        The first frame after each.
    rng : numpy.random.Generator
        Draws the localization errors.
    """
    windows = oracle.Windows.of(frames, drift, information, jumps, most=MOST_WINDOWS)
    window = windows.of_rows(frames)
    shape = int(emitter.max()) + 1, len(windows.middle)

    def sums(values: Floats) -> sparse.csr_matrix:
        return sparse.csr_matrix((values, (emitter, window)), shape=shape)

    weight = sums(information)
    of_emitter = np.asarray(weight.sum(axis=1)).ravel()
    places = sparse.diags(1 / np.maximum(of_emitter, 1e-300)) @ weight
    matrix = np.diag(windows.information) - (weight.T @ places).toarray()

    def score(seen: Floats) -> Floats:
        of_rows = sums(information * seen)
        from_places = places.T @ np.asarray(of_rows.sum(axis=1)).ravel()
        return np.asarray(np.asarray(of_rows.sum(axis=0)).ravel() - from_places)

    std = 1 / np.sqrt(information)
    draws = rng.standard_normal((oracle.DRAWS, len(drift)))
    scores = np.stack([score(drift + std * one) for one in draws], axis=1)
    typical = float(np.median(windows.information[windows.information > 0]))
    lines = windows.line_columns()
    fitted = np.linalg.lstsq(lines.T @ matrix @ lines, lines.T @ scores, rcond=1e-10)[0]
    found = [windows.error(lines @ fitted)]
    for order in (1, 2):
        stencil = np.diff(np.eye(shape[1]), n=order, axis=0)
        inside = windows.segment[order:] == windows.segment[:-order]
        prior = stencil.T @ (stencil * inside[:, None])
        for strength in STRENGTHS:
            whole = matrix + typical * (strength * prior + oracle.RIDGE * (np.eye(shape[1]) + 1))
            try:
                factor = linalg.cho_factor(whole, lower=True, check_finite=False)
            except linalg.LinAlgError:
                continue
            found.append(windows.error(linalg.cho_solve(factor, scores, check_finite=False)))
    return max(min(found), windows.least_error())


def main() -> None:
    """Read the command line, compute, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    over = []
    for number in range(1, options.worlds + 1):
        world = draw(options.seed, number)
        sample = simulate(world)
        emitted = sample.site >= 0
        frames = sample.table["frame"].to_numpy()[emitted]
        emitter = np.unique(sample.site[emitted], return_inverse=True)[1]
        rng = np.random.default_rng([world.seed, world.number, 3])
        least, floors = worlds.least_errors(world, sample), {}
        for j, axis in enumerate(sample.axes):
            variance = sample.std[emitted, j] ** 2
            information = np.broadcast_to(1 / variance.mean(), variance.shape)
            if world.uncertainty:
                information = 1 / variance
            of_axis = sample.drift[frames, j], np.array(information)
            floors[axis] = floor(frames, emitter, *of_axis, world.jump_frames, rng)
        ratio = worlds.root_mean_square(floors.values()) / worlds.root_mean_square(least.values())
        over.append(ratio)
        words = " / ".join(f"{value:.3g}" for value in floors.values())
        print(f"{number}: {words} nm, {ratio:.2f} of the oracle", flush=True)
    shares = " / ".join(f"{np.mean(np.array(over) <= most):.0%}" for most in (1.5, 2, 3))
    print(f"within 1.5 / 2 / 3 times the oracle: {shares}")


if __name__ == "__main__":
    main()

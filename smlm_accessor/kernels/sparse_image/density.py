"""The density of a sparse image at localizations: its logarithm, and mean shifts towards it.

Images, kernels and units are those of `image`.
"""

from __future__ import annotations

import math

from smlm_accessor.kernels.compilation import kernel, part
from smlm_accessor.kernels.sparse_image.image import (
    EXP,
    STEPS,
    cell_key,
    line_hash,
    slot_in_line,
)

_FARTHER = 1.3  # than the mean shift, which lags behind: a step of it


@part
def _density_at(x, y, z, slots, keys, values, reach, gamma, step):  # type: ignore[no-untyped-def]
    """Return the density at a position, and its first moments."""
    rho = ex = ey = ez = 0.0
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    for dk in range(k - reach[2], k + reach[2] + 1):
        for dj in range(j - reach[1], j + reach[1] + 1):
            line = line_hash(i - reach[0], dj, dk)
            for di in range(i - reach[0], i + reach[0] + 1):
                if di & 7 == 0:
                    line = line_hash(di, dj, dk)
                c = slots[slot_in_line(slots, keys, line, di, cell_key(di, dj, dk))]
                if c < 0:
                    continue
                n = values[c, 0]
                if n <= 0:
                    continue
                part = step / n
                u = di - x + values[c, 1] * part + 0.5 * step
                v = dj - y + values[c, 2] * part + 0.5 * step
                w = dk - z + values[c, 3] * part + 0.5 * step
                q = 32.0 * (u * u * gamma[0] + v * v * gamma[1] + w * w * gamma[2])
                b = int(q)
                if b >= STEPS:
                    continue
                p = n * (EXP[b] + (q - b) * (EXP[b + 1] - EXP[b]))
                rho += p
                ex += p * u
                ey += p * v
                ez += p * w
    return rho, ex, ey, ez


@kernel
def log_density_sums(  # type: ignore[no-untyped-def]
    localizations, motion, scale, image, quantum, kernel, windows, out
):
    """Sum ``log(1 + rho / eps)`` over the localizations of each of a run of windows."""
    positions, frames = localizations
    bounds, drift, slope, middle = motion
    slots, keys, values, _ = image
    reach, gamma, eps = kernel
    deep, step = positions.shape[1] - 1, 1.0 / quantum
    for s in range(windows[0], windows[1]):
        if math.isnan(drift[s, 0]):
            continue
        total = 0.0
        for row in range(bounds[s], bounds[s + 1]):
            t = frames[row] - middle[s]
            x = positions[row, 0] * scale[0] - (drift[s, 0] + slope[s, 0] * t)
            y = positions[row, 1] * scale[1] - (drift[s, 1] + slope[s, 1] * t)
            z = positions[row, deep] * scale[2] - (drift[s, 2] + slope[s, 2] * t)
            rho, _x, _y, _z = _density_at(x, y, z, slots, keys, values, reach, gamma, step)
            total += math.log(1.0 + rho / eps)
        out[s] = total


@kernel
def pull(  # type: ignore[no-untyped-def]
    positions, bounds, base, windows, every, scale, image, quantum, kernel, exists, n_steps, shift
):
    """Move the ``shift`` of a run of windows, shape (3,), by steps of the mean shift.

    It is added to the drift ``base``, and moves by a cell at most, along axes that exist. One in
    ``every`` rows of each window counts.
    """
    slots, keys, values, _ = image
    reach, gamma, eps = kernel
    deep, step = positions.shape[1] - 1, 1.0 / quantum
    at_first = (shift[0], shift[1], shift[2])
    for _ in range(n_steps):
        ex = ey = ez = weight = 0.0
        for s in range(windows[0], windows[1]):
            if math.isnan(base[s, 0]):
                continue
            for row in range(bounds[s], bounds[s + 1], every):
                x = positions[row, 0] * scale[0] - (base[s, 0] + shift[0])
                y = positions[row, 1] * scale[1] - (base[s, 1] + shift[1])
                z = positions[row, deep] * scale[2] - (base[s, 2] + shift[2])
                rho, px, py, pz = _density_at(x, y, z, slots, keys, values, reach, gamma, step)
                r = 1.0 / (eps + rho)
                ex += px * r
                ey += py * r
                ez += pz * r
                weight += rho * r
        if not weight > 0.0:
            return
        moments = (ex, ey, ez)
        for axis in range(3):
            if exists[axis]:
                to = shift[axis] - _FARTHER * moments[axis] / weight
                shift[axis] = min(max(to, at_first[axis] - 1.0), at_first[axis] + 1.0)

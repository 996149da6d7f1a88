"""The compiled loops of `nearest`.

All are serial and release the GIL; points are C-ordered float64 of shape (n, 3).
"""

from __future__ import annotations

import math

import numpy as np

from smlm_accessor.kernels.compilation import allocating, kernel, part


@part
def _cell_of(value, low, inverse_cell, count):  # type: ignore[no-untyped-def]
    """Return the cell along one axis, clamped to the grid: monotonic, so ranges are complete."""
    cell = (value - low) * inverse_cell
    if not cell > 0.0:
        return 0
    if cell >= count:
        return count - 1
    return int(cell)


@allocating
def sort_into_cells(points, low, inverse_cell, counts):  # type: ignore[no-untyped-def]
    """Sort by cell, and within a cell by coordinates, so that the row order leaves no trace."""
    n = points.shape[0]
    starts = np.zeros(counts[0] * counts[1] * counts[2] + 1, np.int64)
    cells = np.empty(n, np.int64)
    for i in range(n):
        cx = _cell_of(points[i, 0], low[0], inverse_cell[0], counts[0])
        cy = _cell_of(points[i, 1], low[1], inverse_cell[1], counts[1])
        cz = _cell_of(points[i, 2], low[2], inverse_cell[2], counts[2])
        cells[i] = (cx * counts[1] + cy) * counts[2] + cz
        starts[cells[i] + 1] += 1
    for c in range(starts.size - 1):
        starts[c + 1] += starts[c]
    ends = starts[:-1].copy()
    ordered = np.empty_like(points)
    for i in range(n):
        cell = cells[i]
        j = ends[cell]
        ends[cell] += 1
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        while j > starts[cell]:
            u, v, w = ordered[j - 1, 0], ordered[j - 1, 1], ordered[j - 1, 2]
            if u < x or (u == x and (v < y or (v == y and w <= z))):
                break
            ordered[j, 0], ordered[j, 1], ordered[j, 2] = u, v, w
            j -= 1
        ordered[j, 0], ordered[j, 1], ordered[j, 2] = x, y, z
    return ordered, starts


@kernel
def match(  # type: ignore[no-untyped-def]
    points, starts, low, inverse_cell, counts, cell,
    source, matrix, shift, reach, nearest, distance, others, asked,
):  # fmt: skip
    """Update the neighbours of ``matrix @ source + shift``; return sums over those within reach.

    ``others`` holds a lower bound of the distance from where the point was when last ``asked`` to
    every target but ``nearest``; -1 if it never was.
    """
    n = 0
    square_sum = sum_x = sum_y = sum_z = 0.0
    for i in range(source.shape[0]):
        a, b, c = source[i, 0], source[i, 1], source[i, 2]
        qx = matrix[0, 0] * a + matrix[0, 1] * b + matrix[0, 2] * c + shift[0]
        qy = matrix[1, 0] * a + matrix[1, 1] * b + matrix[1, 2] * c + shift[1]
        qz = matrix[2, 0] * a + matrix[2, 1] * b + matrix[2, 2] * c + shift[2]
        j = nearest[i]
        known = math.inf
        if j >= 0:
            known = math.sqrt(
                (points[j, 0] - qx) ** 2 + (points[j, 1] - qy) ** 2 + (points[j, 2] - qz) ** 2
            )
        moved = math.inf
        if others[i] >= 0.0:
            moved = math.sqrt(
                (asked[i, 0] - qx) ** 2 + (asked[i, 1] - qy) ** 2 + (asked[i, 2] - qz) ** 2
            )
        if not min(known, reach) + moved <= others[i]:
            # A point that creeps is asked for a little more, to be left alone the next time.
            extra = 2.0 * moved if 2.0 * moved <= cell else 0.0
            limit = reach + extra
            radius = min(known, reach) + extra
            if extra == 0.0:
                radius = min(radius, cell, max(2.5 * distance[i], 0.25 * cell))
            while True:
                best = math.inf
                second = math.inf
                j = -1
                x0 = _cell_of(qx - radius, low[0], inverse_cell[0], counts[0])
                x1 = _cell_of(qx + radius, low[0], inverse_cell[0], counts[0])
                y0 = _cell_of(qy - radius, low[1], inverse_cell[1], counts[1])
                y1 = _cell_of(qy + radius, low[1], inverse_cell[1], counts[1])
                z0 = _cell_of(qz - radius, low[2], inverse_cell[2], counts[2])
                z1 = _cell_of(qz + radius, low[2], inverse_cell[2], counts[2])
                for x in range(x0, x1 + 1):
                    for y in range(y0, y1 + 1):
                        row = (x * counts[1] + y) * counts[2]
                        for k in range(starts[row + z0], starts[row + z1 + 1]):
                            square = (
                                (points[k, 0] - qx) ** 2
                                + (points[k, 1] - qy) ** 2
                                + (points[k, 2] - qz) ** 2
                            )
                            # Without branches: they would be taken at random.
                            second = min(second, max(best, square))
                            j = k if square < best else j
                            best = min(best, square)
                known = math.sqrt(best)
                if known <= radius or radius >= limit:
                    break
                radius = min(2.0 * radius if j < 0 else known * (1.0 + 1e-9), limit)
            nearest[i] = j
            others[i] = min(math.sqrt(second), radius)
            if known > radius:
                nearest[i] = -1
            asked[i, 0], asked[i, 1], asked[i, 2] = qx, qy, qz
        distance[i] = known
        if known <= reach:
            n += 1
            square_sum += known * known
            sum_x += points[j, 0] - qx
            sum_y += points[j, 1] - qy
            sum_z += points[j, 2] - qz
    return n, square_sum, sum_x, sum_y, sum_z


@allocating
def moments(  # type: ignore[no-untyped-def]
    points, source, matrix, shift, reach, nearest, distance, blocks, n_blocks
):
    """Return sums over those within reach: in each block 1, r and r s^T, in all s and s s^T."""
    count = np.zeros(n_blocks, np.int64)
    first = np.zeros((n_blocks, 3))
    cross = np.zeros((n_blocks, 3, 3))
    center = np.zeros(3)
    spread = np.zeros((3, 3))
    for i in range(source.shape[0]):
        if distance[i] <= reach:
            k = blocks[i]
            count[k] += 1
            for a in range(3):
                residual = points[nearest[i], a] - shift[a]
                for b in range(3):
                    residual -= matrix[a, b] * source[i, b]
                first[k, a] += residual
                center[a] += source[i, a]
                for b in range(3):
                    cross[k, a, b] += residual * source[i, b]
                    spread[a, b] += source[i, a] * source[i, b]
    return count, first, cross, center, spread

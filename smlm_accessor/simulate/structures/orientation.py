"""Structures at random places, turned at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import OptionError
from smlm_accessor.options import count, number, require_feasible
from smlm_accessor.simulate.region import as_box, uniform
from smlm_accessor.simulate.tables import make_table, remember


def random_rotations(n: int, max_tilt: float, rng: np.random.Generator) -> FloatArray:
    """Return random rotations, shape (n, 3, 3): about the own axis, then the axis away from z.

    ``max_tilt`` is the largest angle between the axis and z in radians; the axis is uniform within
    this cone, so that pi gives every orientation alike.
    """
    spin, azimuth = rng.random((2, n)) * 2 * np.pi
    tilt = np.arccos(1 - rng.random(n) * (1 - np.cos(max_tilt)))
    return _about("z", azimuth) @ _about("y", tilt) @ _about("z", spin)


def _about(axis: str, angle: FloatArray) -> FloatArray:
    """Return rotations about z or y, shape (n, 3, 3)."""
    i, j, k = (0, 1, 2) if axis == "z" else (2, 0, 1)
    matrix = np.zeros((len(angle), 3, 3))
    matrix[:, i, i] = matrix[:, j, j] = np.cos(angle)
    matrix[:, j, i] = np.sin(angle)
    matrix[:, i, j] = -matrix[:, j, i]
    matrix[:, k, k] = 1.0
    return matrix


def scatter(template: FloatArray, step: str, given: Mapping[str, Any]) -> pd.DataFrame:
    """Put copies of a structure at random places of a region, each turned at random.

    The sites of the ``template``, (m, 3), are about its centre, its axis along z. Without bounds
    for z the centres are at z = 0; in two dimensions z is dropped. For the tilt see
    `random_rotations`, for ``step`` and ``given`` `remember`.
    """
    n, dimension = count("n_structures", given["n_structures"]), given["dimension"]
    if dimension not in (2, 3):
        raise OptionError(f"dimension={dimension!r} must be 2 or 3")
    max_tilt = number("max_tilt", given["max_tilt"], least=0, most=np.pi)
    box = as_box(given["region"], (2, 3) if dimension == 3 else (2,))
    require_feasible(n * len(template), "take fewer n_structures")
    rng = np.random.default_rng(given["seed"])
    centers = np.zeros((n, 3))
    centers[:, : len(box)] = uniform(box, n, rng)
    turned = np.einsum("nij,mj->nmi", random_rotations(n, max_tilt, rng), template)
    positions = (turned + centers[:, None, :]).reshape(-1, 3)[:, :dimension]
    sites = make_table(positions, cluster_label=np.repeat(np.arange(n), len(template)))
    return remember(sites, step, given)

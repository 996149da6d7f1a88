"""``smlm warm-up``: compile all loops now, and not when they are first needed."""

from __future__ import annotations

import argparse
import warnings
from importlib import import_module
from os.path import commonpath
from pkgutil import walk_packages
from time import perf_counter
from typing import Any

import numpy as np

from smlm_accessor import align, kernels, simulate_thomas
from smlm_accessor.errors import SmlmWarning
from smlm_accessor.kernels.compilation import KERNELS, LISTENER
from smlm_accessor.kernels.correlation.site_differences import find_site_shift
from smlm_accessor.kernels.field.squares import count_squares, rank_in
from smlm_accessor.kernels.images.fixed_counts import (
    add_counts,
    count_chunks,
    in_some_frames,
    thinned,
)
from smlm_accessor.kernels.images.grid import PixelGrid, make_grid
from smlm_accessor.kernels.images.slope_image import Points, sums_under
from smlm_accessor.kernels.sparse_image.image import with_room
from smlm_accessor.methods.aim.sparse_image import Image

_OTHER_METHODS: dict[str, dict[str, Any]] = {
    "aim": {},
    "rcc": {},
    "cc": {"n_chunks": 10},
    "icp": {"n_chunks": 10},
}
_THICK: dict[str, Any] = {
    "region": ((0, 1000), (0, 1000), (0, 400)),
    "parent_intensity": 2.5e-7,
}


def run(arguments: argparse.Namespace) -> None:
    """Use every loop once, on small tables, and say how many had to be compiled.

    The types of all arguments are those that they have on other tables.
    """
    began = perf_counter()
    LISTENER.said = True  # that it compiles is known
    for module in walk_packages(kernels.__path__, f"{kernels.__name__}."):
        import_module(module.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmlmWarning)  # of tables so small that they tell little
        _estimate()
    _count()
    _find()
    new = sum(any(k.stats.cache_misses.values()) for k in KERNELS)  # some for two kinds of table
    folder = commonpath([k.stats.cache_path for k in KERNELS])
    seconds = perf_counter() - began
    print(f"compiled {new} of {len(KERNELS)} loops in {seconds:.0f} s; they are kept in {folder}")


def _estimate() -> None:
    """Estimate drift in two and three dimensions by all methods, with a jump, judge it, align."""
    flat = simulate_thomas(cluster_mu=30, seed=1)
    drifted = flat.smlm.simulate_drift(velocity=(0.02, 0.01))
    drifted.smlm.drift().smlm.assess(drifted)
    for method, options in _OTHER_METHODS.items():
        drifted.smlm.drift(method=method, **options)
    thick = simulate_thomas(cluster_mu=30, seed=1, **_THICK)
    thick.smlm.simulate_drift(velocity=(0.02, 0.01, 0.01)).smlm.drift()
    late = flat["frame"] > flat["frame"].median()
    flat.assign(position_x=flat["position_x"] + 200 * late).smlm.drift()
    moved = flat.assign(position_x=flat["position_x"] + 30)
    moved.smlm.align(flat)
    align([flat, moved])


def _count() -> None:
    """Count localizations in squares, chunks and images, as of tables that exceed memory."""
    positions, frames = np.random.default_rng(1).uniform(0, 1000, (6000, 2)), np.arange(6000)
    for apart in (0.0, 1e6):  # of two halves: squares are found in a table, or are searched for
        scattered = positions + apart * (frames % 2)[:, None]
        rank_in(scattered, count_squares(scattered))
    edges, numbers = np.arange(0, 6001, 1500), np.zeros((2, 4), np.int64)
    chunk = count_chunks(frames, edges, *numbers)
    in_some_frames(frames, edges, np.full(4, 0.5), numbers[0])
    thinned(positions, frames, chunk, 0.5)
    grid = _grid()
    add_counts(positions, chunk, grid, np.zeros((4, *grid.bins), np.uint32))


def _find() -> None:
    """Find shifts by images and by sites, and make room in a sparse image."""
    positions, grid = np.random.default_rng(1).uniform(0, 1000, (6000, 2)), _grid()
    slopes = np.zeros((grid.bins[0] * grid.bins[1], 2), np.float32)
    sums_under(slopes, grid, Points.of([positions], grid)[0], np.zeros((1, 1, 2)))
    find_site_shift(positions[::2].copy(), positions[1::2].copy(), np.full(2, 20.0))
    with_room(Image(np.full(3, 0.1)).arrays, 1 << 16)


def _grid() -> PixelGrid:
    ends = np.zeros(2), np.full(2, 1000.0)
    return make_grid(*ends, bin_size=20.0, smoothing=20.0, max_shift=np.full(2, 100.0))

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.geometry.generators import GROUPS
from smlm_accessor.methods.overlap.motions.block_sums import BlockSums
from smlm_accessor.methods.overlap.motions.choice import ORDERS, _by_group, least_free, order_of
from smlm_accessor.timeline import Timeline


def test_the_least_free_one_has_all_that_is_no_chance() -> None:
    chance = dict.fromkeys((*GROUPS.values(), *ORDERS), 0.5)
    assert least_free(chance) == "shift"
    assert least_free(chance | {"rotation": 1e-4}) == "rigid"
    assert least_free(chance | {"scale": 1e-4, "order_1": 1e-4}) == "similarity"
    assert least_free(chance | {"scale": 1e-4, "order_2": 1e-4}) == "local"
    assert order_of(chance | {"order_1": 1e-4, "order_3": 1e-4}) == 3


def test_probabilities_without_motion_are_not_too_small() -> None:
    """Gradients are noise: of 60 groups, none has less than one in a thousand."""
    smallest = [min(probabilities(seed).values()) for seed in range(10)]
    assert min(smallest) > 1e-3


def test_a_small_motion_of_an_order_is_found_and_named() -> None:
    """A parabola of a third of the noise of a block and window."""
    found = probabilities(0, size=0.3)
    assert found["order_2"] < 1e-6
    assert min(found[group] for group in ("rotation", "scale", "shear", "order_1")) > 1e-3


def probabilities(seed: int, size: float = 0.0) -> dict[str, float]:
    """Return those of one half, of blocks with one unit of information in each of 100 windows."""
    rng = np.random.default_rng(seed)
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(8.0), np.arange(8.0)))
    motion = np.multiply.outer(np.linspace(-1, 1, 100), (x - 3.5) ** 2 / 6)
    gradient = rng.normal(size=(100, 64, 2))
    gradient[..., 1] -= size * motion
    gradient -= gradient.mean(axis=1)[:, None]  # the shift is known
    ones = np.ones_like(gradient)
    even = (x + y) % 2 == 0
    sums = BlockSums(gradient, ones, ones, np.stack([x, y], axis=1), even)
    windows = Timeline.of(np.arange(100)).regular(1)
    return _by_group(sums.take(even), sums.take(~even), windows)

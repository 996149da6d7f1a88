"""The kernel of a pair of events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.pair_loops import CUT


class PairKernel(NamedTuple):
    """The kernel of a pair of events has the variance ``factor * (v_i + v_j) + spread``.

    Parameters
    ----------
    factor : float
    spread : float
        Variance in squared precisions: by which the drift may be wrong as yet, or which all
        localizations of a blink share, so that their mean is not as precise as they are many.
    floor : float
        Density that is added everywhere, in events at one place: where there is less, chance has
        most of the say.
    """

    factor: float
    spread: float
    floor: float

    @property
    def of_pairs(self) -> tuple[float, float]:
        """What the variance of a pair depends on."""
        return self.factor, self.spread

    def reach(self, variance: FloatArray) -> FloatArray:
        """Return the distance at which the kernel of two such events ends, in precisions."""
        return np.sqrt(CUT * (2 * self.factor * variance + self.spread))


#: Names of factor, spread and floor in the parameters of a drift.
SAID = ("kernel_variance_factor", "kernel_spread", "density_floor")
#: While the drift is only known to about one precision.
COARSE = PairKernel(1.0, 4.0, 0.1)
#: While it may be wrong by more, where a drift was followed along blinks and wandered with them.
WIDER = COARSE._replace(spread=64.0), COARSE._replace(spread=16.0)
#: As wide as pairs of events scatter, or wider, which is better for molecules that are far apart;
#: or with an error that the localizations of a blink share, as those of beads do.
FINE = tuple(
    PairKernel(factor, spread, floor)
    for factor, spread in ((1.0, 0.0), (1.0, 1.0), (2.0, 0.0))
    for floor in (0.1, 1.0)
)

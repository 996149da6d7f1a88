"""Seconds, memory and error of the verbs on small tables whose drift is known.

``cd benchmarks/asv && asv continuous main HEAD --factor 1.2`` compares two commits on this computer
and fails if one of the numbers grew by more than a fifth. Only ratios on one computer say anything.
"""

from __future__ import annotations

from typing import Any

import smlm_accessor


def _pores(n_structures: int = 150) -> tuple[Any, Any]:
    """Return a table of nuclear pores, and the same with drift."""
    still = smlm_accessor.simulate_npc(
        n_structures=n_structures, n_frames=8_000, precision=8, seed=1
    )
    moved = still.smlm.simulate_drift(
        velocity=(0.01, -0.005), sinusoid={"amplitude": 25, "period": 6_000}, seed=1
    )
    return still, moved


class Estimate:
    """Each method on pores: seconds, and the error that is left."""

    params = ("overlap", "aim", "rcc", "cc", "icp")
    param_names = ("method",)
    timeout = 300
    warmup_time = 0
    processes = 1
    repeat = (3, 5, 20.0)

    def setup(self, method: str) -> None:
        """Make the table, and compile what the method needs."""
        self.still, self.moved = _pores()
        self.moved.smlm.drift(method=method)

    def time_drift(self, method: str) -> None:
        """Estimate the drift."""
        self.moved.smlm.drift(method=method)

    def track_error_nm(self, method: str) -> float:
        """Return the root mean square error that is left, mean of x and y."""
        fixed = self.moved.smlm.correct(self.moved.smlm.drift(method=method))
        return float(fixed.smlm.rmse(self.still).mean())


class Apply:
    """What follows an estimate."""

    timeout = 300
    processes = 1
    repeat = (3, 5, 20.0)

    def setup(self) -> None:
        """Estimate once."""
        self.still, self.moved = _pores()
        self.drift = self.moved.smlm.drift(method="aim")
        self.model = self.drift.smlm.fit()
        self.drift.smlm.assess(self.moved)

    def time_correct(self) -> None:
        """Correct by chunks."""
        self.moved.smlm.correct(self.drift)

    def time_correct_by_model(self) -> None:
        """Correct by a model."""
        self.moved.smlm.correct(self.model)

    def time_fit(self) -> None:
        """Fit splines."""
        self.drift.smlm.fit()

    def time_assess(self) -> None:
        """Judge the correction."""
        self.drift.smlm.assess(self.moved)

    def time_render(self) -> None:
        """Render an image."""
        self.moved.smlm.render(bin_size=20)

    def peakmem_correct(self) -> None:
        """Memory of the process while it corrects."""
        self.moved.smlm.correct(self.drift)

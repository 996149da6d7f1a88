"""Drifted tables whose truth is known: the cases of the benchmark, by name.

``table, truth = make("B", seed=1)`` have the same rows and the columns frame, x, y, in 3D z, in nm;
``truth`` is without drift, but with the localization error. Simulated tables have no uncertainty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import real_data
import samples
from samples import Simulated


@dataclass(frozen=True)
class Case:
    """What a case is, the sample it shows, and the parameters of the sample."""

    about: str
    sample: Callable[..., Simulated]
    parameters: Mapping[str, Any]


def make(name: str, seed: int = 1, **changes: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a table with drift, and the same without.

    Parameters
    ----------
    name : str
        One of `CASES`.
    seed : int
    **changes
        Other values for parameters of the case.

    Returns
    -------
    table, truth : DataFrame

    Raises
    ------
    ValueError
        If there is no such case or parameter; the message lists those there are.
    """
    case = simulate(name, seed, **changes)
    return case.table, case.truth


def simulate(name: str, seed: int = 1, **changes: Any) -> Simulated:
    """Return the same as `make`, with what an oracle may know."""
    if name not in CASES:
        raise ValueError(f"there is no case {name!r}; choose one of {', '.join(CASES)}")
    case = CASES[name]
    unknown = [parameter for parameter in changes if parameter not in case.parameters]
    if unknown:
        raise ValueError(
            f"case {name!r} has no parameter {', '.join(unknown)}; its parameters are "
            f"{', '.join(case.parameters)}"
        )
    return case.sample(seed, **{**case.parameters, **changes})


B = {
    "n_emitters": 94,
    "field": 25_600.0,
    "n_frames": 20_000,
    "localizations_per_frame": 20,
    "precision": 10.0,
    "mean_on_frames": 1,
    "knots": 400,
    "step": 10.0,
}
D = {
    "n_pores": 300,
    "field": 20_000.0,
    "dimension": 2,
    "n_frames": 40_000,
    "bindings_per_site": 50,
    "mean_on_frames": 4,
    "precision": 5.0,
    "background": 0.0,
    "extent": 300.0,
    "walk": 0.05,
    "jump": 0.0,
    "gap": 0,
    "origin": 0.0,
    "dtype": "float64",
}
SMALL = {**D, "n_pores": 40, "field": 8_000.0, "n_frames": 6_000, "bindings_per_site": 20}
HARD = {**D, "n_pores": 80, "field": 10_000.0, "n_frames": 20_000, "bindings_per_site": 40}
F = {
    "n_filaments": 25,
    "length": 20_000.0,
    "site_spacing": 100.0,  # a site is seen about seven times; at 20 nm hardly more than once
    "field": 20_000.0,
    "n_frames": 50_000,
    "localizations_per_frame": 3,
    "precision": 10.0,
    "background": 0.1,
    "extent": 1000.0,
    "walk": 0.1,
}

CASES: dict[str, Case] = {
    "A": Case("the tutorial: clusters, linear drift", samples.clusters, {"cluster_mu": 1000}),
    "B": Case("94 bright emitters, restless drift", samples.emitters, B),
    "C": Case(
        "B on 102.4 um",
        samples.emitters,
        {**B, "n_emitters": 1504, "field": 102_400.0, "localizations_per_frame": 315},
    ),
    "D": Case("300 pore rings", samples.pores, D),
    "E": Case(
        "300 pores in 3D",
        samples.pores,
        {
            **D,
            "dimension": 3,
            "bindings_per_site": 25,  # two rings: as many localizations as in D
            "precision": (5.0, 5.0, 12.0),
            "extent": (300.0, 300.0, 200.0),
        },
    ),
    "F": Case("25 filaments, 10 % background", samples.filaments, F),
    "d": Case("a small D", samples.pores, SMALL),
    "sparse": Case(
        "3 localizations per frame",
        samples.pores,
        {**HARD, "bindings_per_site": 3 * 20_000 / (80 * 8 * 4), "precision": 10.0},
    ),
    "jump": Case("the stage jumps by 300 nm in one frame", samples.pores, {**HARD, "jump": 300.0}),
    "gap": Case("5,000 frames are missing", samples.pores, {**HARD, "gap": 5_000}),
    "far": Case("5 um of drift", samples.pores, {**HARD, "extent": 5_000.0}),
    "one": Case(
        "one emitter",
        samples.one_emitter,
        {
            "n_frames": 10_000,
            "localizations_per_frame": 0.5,
            "precision": 10.0,
            "extent": 300.0,
            "walk": 0.05,
        },
    ),
    "background": Case(
        "nothing but background",
        samples.background,
        {
            "n_localizations": 60_000,
            "field": 20_000.0,
            "localizations_per_frame": 5,
            "extent": 300.0,
            "walk": 0.05,
        },
    ),
    "noisy": Case("25 % background", samples.pores, {**HARD, "background": 0.25}),
    "lattice": Case(
        "a lattice with 20 nm spacing, 200 nm of drift",
        samples.lattice,
        {
            "side": 30,
            "spacing": 20.0,
            "n_frames": 20_000,
            "bindings_per_site": 40,
            "precision": 3.0,
            "extent": 200.0,
            "walk": 0.02,
        },
    ),
    "long": Case(
        "molecules on for 300 frames",
        samples.pores,
        {**HARD, "n_pores": 40, "bindings_per_site": 4, "mean_on_frames": 300},
    ),
    "float32": Case(
        "float32, 1 mm from the origin", samples.pores, {**HARD, "origin": 1e6, "dtype": "float32"}
    ),
    "wide": Case(
        "a field of 1 mm",
        samples.pores,
        {**HARD, "n_pores": 1_000, "field": 1e6, "bindings_per_site": 15},
    ),
    "origami1": Case(
        "real origami, first gold curve", real_data.origami, {"curve": "gold_fiducials_drift"}
    ),
    "origami2": Case(
        "real origami, second gold curve", real_data.origami, {"curve": "gold_drift_curve"}
    ),
}

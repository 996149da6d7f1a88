"""The tools that are compared: how to get them, their defaults, and where to look for better.

A scan is a list of stages; each stage tries changes of the best settings so far and keeps the best
against the truth. Lengths are in nm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Settings = dict[str, Any]


@dataclass(frozen=True)
class Method:
    """One method of a tool.

    Its default settings, the scan for better ones, the axes that it corrects, and settings at which
    it is measured as well, by the name of the variant.
    """

    default: Settings = field(default_factory=dict)
    scan: Sequence[Sequence[Settings]] = ()
    axes: str = "xyz"
    variants: Mapping[str, Settings] = field(default_factory=dict)


@dataclass(frozen=True)
class Tool:
    """A tool: the module below tools/ that runs it, what pip installs, and its methods."""

    runner: str
    requirements: tuple[str, ...]
    methods: Mapping[str, Method]


def _each(name: str, *values: Any) -> list[Settings]:
    return [{name: value} for value in values]


PEERS: dict[str, Tool] = {
    "picasso": Tool(
        "picasso_runner",
        ("picassosr==0.11.3",),
        {
            "aim": Method(
                {},
                [
                    _each("segmentation", 20, 50, 200, 500, 1000, 3000),
                    _each("intersect_distance", 10, 40),
                ],
            ),
            # 1000 frames is what its window suggests.
            "rcc": Method(
                {"segmentation": 1000},
                [_each("segmentation", 500, 2000, 250), _each("pixel_size", 30)],
                axes="xy",
            ),
        },
    ),
    "smappy": Tool(
        "smappy_runner",
        ("smappy-smlm==0.5.5",),  # needs Python 3.12
        {
            "spline": Method(
                {},
                [
                    [
                        {"max_drift_nm": 60, "rcc_prepass": True},
                        {"max_drift_nm": 60, "target_sigma_nm": 10, "rcc_prepass": True},
                    ],
                    _each("spline_knot_frames", 500, 100, 5000),
                ],
            ),
            "rcc": Method({}, [_each("n_timepoints", 10, 40, 80)]),
        },
    ),
    "locan": Tool(
        "locan_runner",
        ("locan==0.22", "open3d", "pandas<3"),
        {
            # Locan wants to be told a chunk size: that of its tutorial, and its default spline.
            "cc": Method(
                {"chunk_size": 10_000, "model": 100},
                [
                    [{"register": {"bin_size": 5, "upsample_factor": 10}}],
                    _each("model", 10, "linear"),
                ],
                axes="xy",
            ),
            "icp": Method(
                {"chunk_size": 10_000, "model": 100},
                [
                    _each("register", *({"max_correspondence_distance": d} for d in (20, 300))),
                    _each("model", 10, "linear"),
                ],
            ),
        },
    ),
}

# Without parameters, and with the segments that are Picasso's default.
OURS = {
    "overlap": Method(),
    "aim": Method(variants={"same segments": {"frames_per_chunk": 100}}),
    "rcc": Method(variants={"same segments": {"frames_per_chunk": 1000}}),
    "cc": Method(),
}


def ours() -> Tool:
    """Return this package, with those of its methods that are there."""
    from smlm_accessor.methods import registry

    present = {name: method for name, method in OURS.items() if name in registry.names()}
    return Tool("ours_runner", (), present)

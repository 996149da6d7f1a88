"""Two tables with few beads in common: found, with the error they show, and never by chance."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor._typing import FloatArray
from smlm_accessor.alignment.beads import BeadMatch, match_beads
from smlm_accessor.alignment.tables import read_pair
from smlm_accessor.errors import InvalidChunkWarning

EXTENT = np.array([20_000.0, 20_000.0, 1000.0])
SHIFT = np.array([120.0, -80.0, 50.0])
AXIAL = np.array([1.0, 1.0, 3.0])  # errors over those of x and y


def round_(
    rng: np.random.Generator,
    beads: FloatArray,
    structures: FloatArray,
    *,
    until: FloatArray | None = None,
    n_frames: int = 300,
    n_others: int = 2000,
) -> pd.DataFrame:
    """Beads in every frame, some only at first, among blinks of structures."""
    k, d = beads.shape
    frames, bead = np.repeat(np.arange(n_frames), k), np.tile(np.arange(k), n_frames)
    of_beads = beads[bead] + rng.normal(0, 2.0, (len(bead), d)) * AXIAL[:d]
    seen = frames < n_frames * (np.ones(k) if until is None else until)[bead]
    others = structures[rng.integers(len(structures), size=n_others)]
    others = others + rng.normal(0, 10.0, others.shape) * AXIAL[:d]
    columns = dict(zip("xyz", np.concatenate([of_beads[seen], others]).T, strict=False))
    at = np.concatenate([frames[seen], rng.integers(n_frames, size=n_others)])
    locs = pd.DataFrame({**columns, "frame": at}).sort_values("frame", ignore_index=True)
    return smlm_accessor.set_columns(locs, unit="nm")


def rounds(
    seed: int,
    *,
    common: int,
    more: int = 0,
    scatter: float = 0.0,
    d: int = 2,
    shift: FloatArray = SHIFT,
    leave: bool = False,
    n_structures: int = 200,
    shared: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables with ``common`` beads in both, ``more`` in each, and other structures."""
    rng = np.random.default_rng(seed)
    beads = rng.uniform(0, 1, (common + 2 * more, d)) * EXTENT[:d]
    structures = rng.uniform(0, 1, (2, n_structures, d)) * EXTENT[:d]
    structures[1, :shared] = structures[0, :shared]
    second = np.concatenate([beads[:common], beads[common + more :]])
    second = second + rng.normal(0, scatter, second.shape)
    tables = []
    for at, around in ((beads[: common + more], structures[0]), (second, structures[1])):
        until = rng.uniform(0.5, 1.5, len(at)) if leave else None
        moved = shift[:d] if tables else 0.0
        tables.append(round_(rng, at + moved, around + moved, until=until))
    return tables[0], tables[1]


def by_beads(
    first: pd.DataFrame, second: pd.DataFrame, **terms: Any
) -> tuple[BeadMatch, FloatArray]:
    """Return what the beads alone say, and the centre it is about."""
    both = read_pair(first, second, 10**7, progress=False)
    center = both.positions()[1].mean(axis=0)
    shift_only = {"with_rotation": False, "with_scaling": False, "max_shift": None}
    match = match_beads(both, center, **{**shift_only, **terms})
    assert match is not None
    return match


def error_over_std(found: Any, shift: FloatArray) -> FloatArray:
    error = found["offset"].values[0] + shift[: found.sizes["component"]]
    return np.asarray(error / found["offset_std"].values[0])


@pytest.mark.parametrize("common", [4, 10])
@pytest.mark.parametrize("beads_only", [False, True])
def test_a_known_shift(common: int, beads_only: bool) -> None:
    first, second = rounds(common, common=common)
    if beads_only:
        first, second = (t[t.smlm.is_fiducial()] for t in (first, second))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = second.smlm.align(first)
    assert found["valid"].all()
    np.testing.assert_allclose(-found["offset"].values[0], SHIFT[:2], atol=0.5)
    assert json.loads(found.attrs["parameters"])["beads"] == [common, common, common]


@pytest.mark.parametrize(
    "scene",
    [
        {"common": 3},
        {"common": 4, "scatter": 5.0},
        {"common": 5, "more": 4, "scatter": 1.0},
        {"common": 6, "scatter": 0.5, "leave": True},
        {"common": 5, "scatter": 2.0, "d": 3},
        {"common": 5, "scatter": 1.0, "shift": np.array([4000.0, -2500.0])},
    ],
    ids=["three", "scattered", "in part", "leaving", "3D", "far"],
)
def test_the_error_is_what_it_says(scene: dict[str, Any]) -> None:
    z = []
    for seed in range(30):
        first, second = rounds(1000 + seed, **scene)
        fit = by_beads(first, second).fit
        assert fit is not None
        z.append((fit.shift + scene.get("shift", SHIFT)[: len(fit.shift)]) / fit.std)
    assert 0.8 < np.sqrt(np.mean(np.square(z))) < 1.25


@pytest.mark.parametrize("scene", [{"common": 4, "scatter": 2.0}, {"common": 5}])
def test_with_rotation_the_error_is_that_at_the_centre(scene: dict[str, Any]) -> None:
    """Far from the centre, as at the origin of the coordinates, that of the angle adds to it."""
    angle, z, far = 0.02, [], []
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for seed in range(16):
        first, second = rounds(2000 + seed, **scene)
        second[["x", "y"]] = second[["x", "y"]].to_numpy() @ turn.T
        both = read_pair(first, second, 10**7, progress=False)
        center = both.positions()[1].mean(axis=0)
        terms = {"with_rotation": True, "with_scaling": False, "max_shift": None}
        match = match_beads(both, center, **terms)
        assert match is not None
        assert match.fit is not None
        about, found = match.fit.shift, -match.fit.angle
        back = np.array([[np.cos(found), np.sin(found)], [-np.sin(found), np.cos(found)]])
        z.append((about - (turn.T @ center - SHIFT[:2] - center)) / match.fit.std[:2])
        far.append((about + center - back @ center + SHIFT[:2]) / match.fit.std[:2])
    assert 0.7 < np.sqrt(np.mean(np.square(z))) < 1.25
    assert np.sqrt(np.mean(np.square(far))) > 1.2 * np.sqrt(np.mean(np.square(z)))


@pytest.mark.parametrize(("common", "more"), [(0, 4), (0, 12), (1, 5), (2, 20)])
@pytest.mark.parametrize("with_rotation", [False, True])
def test_no_beads_in_common_are_no_match(common: int, more: int, with_rotation: bool) -> None:
    # Of 22 beads there are 20,000 turns: five seconds. More of chance: test_constellation.py.
    seeds = 25 if not with_rotation else 4 if more < 20 else 1
    for seed in range(seeds):
        first, second = rounds(seed, common=common, more=more)
        match = by_beads(first, second, with_rotation=with_rotation)
        assert match.fit is None
        # Two that are closer than the size of a spot may be no bead.
        assert min(len(match.reference), len(match.moving)) >= common + more - 2


def test_no_beads_in_common_are_told() -> None:
    first, second = rounds(1, common=2, more=4)
    with pytest.warns(InvalidChunkWarning, match="of 6 and 6 beads, .* it takes 3"):
        assert not second.smlm.align(first)["valid"].any()


def test_beads_do_not_outweigh_structures_that_are_shared() -> None:
    # Two beads moved 30 nm each by themselves; they have most of the localizations in common.
    first, second = rounds(1, common=2, scatter=30.0, shared=200)
    found = second.smlm.align(first)
    assert found["valid"].all()
    assert (np.abs(error_over_std(found, SHIFT)) < 4).all()
    # With more beads than that both count, by their errors.
    first, second = rounds(2, common=5, scatter=0.1, shared=200)
    by_both = second.smlm.align(first)
    other = second.smlm.align(rounds(2, common=5, scatter=0.1)[0])
    assert (by_both["offset_std"].values <= other["offset_std"].values).all()
    assert (np.abs(error_over_std(by_both, SHIFT)) < 4).all()


@pytest.mark.parametrize(("angle", "scale"), [(0.02, 1.0), (2.0, 1.0), (0.3, 1.004)])
def test_rotation_and_scaling(angle: float, scale: float) -> None:
    first, second = rounds(3, common=5, more=1, scatter=0.5, shift=np.zeros(2))
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    turned = second[["x", "y"]].to_numpy() @ np.array([[c, s], [-s, c]])
    moving = second.assign(x=turned[:, 0], y=turned[:, 1])
    found = moving.smlm.align(first, with_rotation=True, with_scaling=scale != 1)
    fitted = json.loads(found.attrs["parameters"])
    assert (
        abs((fitted["rotation"] + angle + np.pi) % (2 * np.pi) - np.pi) < 5 * fitted["rotation_std"]
    )
    assert scale == 1 or abs(fitted["scaling"] * scale - 1) < 5 * fitted["scaling_std"]
    assert (moving.smlm.correct(found).smlm.rmse(second, remove_constant=False) < 3.0).all()


def test_max_shift_is_kept() -> None:
    first, second = rounds(4, common=5)
    assert second.smlm.align(first, max_shift=150.0)["valid"].all()
    with pytest.warns(InvalidChunkWarning):
        assert not second.smlm.align(first, max_shift=100.0)["valid"].any()


def test_a_dense_table_has_no_beads() -> None:
    # Two localizations in each frame within every spot of 100 nm.
    rng = np.random.default_rng(5)
    tables = [
        pd.DataFrame(rng.uniform(0, 3000, (400_000, 2)), columns=["x", "y"]).assign(
            frame=np.arange(400_000) // 2000, uncertainty=10.0
        )
        for _ in range(2)
    ]
    both = read_pair(*tables, 10**7, progress=False)
    terms = {"with_rotation": False, "with_scaling": False}
    assert match_beads(both, np.zeros(2), **terms, max_shift=None) is None


def test_beads_of_large_tables_are_not_left_out_by_sampling() -> None:
    first, second = rounds(6, common=4)
    found = second.smlm.align(first, max_localizations=1000)
    assert json.loads(found.attrs["parameters"])["sampled"]
    np.testing.assert_allclose(-found["offset"].values[0], SHIFT[:2], atol=0.5)

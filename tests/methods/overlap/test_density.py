"""The density of other times at events of known positions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import fftconvolve

from smlm_accessor._typing import Float32Array, FloatArray
from smlm_accessor.kernels.density.pair_kernel import COARSE, FINE, PairKernel
from smlm_accessor.kernels.density.pair_loops import CUT
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap import density
from smlm_accessor.methods.overlap.density import Density, OverlapSums
from smlm_accessor.methods.overlap.events import CorrectedEvents, WeightedLocalizations
from smlm_accessor.timeline import Windows
from tests import scenes
from tests.scenes import PRECISION, Scene

NARROW, *_, WIDE = FINE


def single(scene: Scene) -> tuple[CorrectedEvents, WeightedLocalizations]:
    """Each localization as an event of its own, less the true drift."""
    rows = WeightedLocalizations.of(scene.chunked(), scene.precision)
    drift = scene.drift[rows.timeline.frames]
    positions = rows.positions - drift[rows.frame]
    return CorrectedEvents(positions, rows.frame, rows.weight, rows.axial, 1, drift), rows


def density_of(
    scene: Scene, windows: int = 40, kernel: PairKernel = COARSE
) -> tuple[Density, Windows, FloatArray]:
    events, rows = single(scene)
    density = Density.of(events, events.start, scene.precision, kernel, 1)
    return density, rows.timeline.regular(scene.n_frames // windows), events.start


def of_one_emitter(d: int, kernel: PairKernel) -> tuple[float, float]:
    """Mean curvature and squared gradient of the log density of one emitter, by integration.

    Its localizations scatter by one precision along each axis, and have a variance of 1 each.
    """
    variance, step = 2 * kernel.factor + kernel.spread, 0.2 if d == 2 else 0.4

    def grid(reach: float) -> FloatArray:
        row = step * np.arange(-np.ceil(reach / step), np.ceil(reach / step) + 1)
        return np.stack(np.meshgrid(*[row] * d, indexing="ij"))

    emitter, around = grid(4.5), grid(np.sqrt(CUT * variance))
    weight = np.exp(-0.5 * (emitter**2).sum(axis=0))
    e = (around**2).sum(axis=0) / variance
    u, near, end = 1 - e / 32, e < CUT, 1 - CUT / 32
    along = around[0] / variance
    f, slope, second = (
        fftconvolve(weight, near * kernel_part, mode="full")
        for kernel_part in (
            u**16 - end**16 - 16 * end**15 * (u - end),
            (u**15 - end**15) * along,
            (u**15 - end**15) / variance - u**14 * (15 / 16) * along**2,
        )
    )
    middle = (slice((around.shape[1] - 1) // 2, -((around.shape[1] - 1) // 2)),) * d
    gradient = slope[middle] / f[middle]
    curvature = second[middle] / f[middle] + gradient**2
    return tuple(float((weight * q).sum() / weight.sum()) for q in (curvature, gradient**2))  # type: ignore[return-value]


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("kernel", [COARSE, NARROW, WIDE])
def test_one_emitter_has_the_curvature_of_its_image(d: int, kernel: PairKernel) -> None:
    """Its localizations, seen through the kernel; and the information of its localizations."""
    found = []
    n = 4_000
    for seed in range(6):  # each density is by 180 events that are kept
        scene = scenes.visits(np.zeros((1, d)), n=n, n_frames=2_000, seed=seed)
        density, windows, drift = density_of(scene, kernel=kernel)
        sums = density.sums(drift, windows)
        assert sums.events.sum() == pytest.approx(n)
        quality = np.average(sums.quality, weights=sums.events)
        totals = [(s.sum(axis=0) / n).mean() for s in (sums.curvature, sums.squared)]
        found.append([*totals, quality, sums.per_curvature.mean()])
    curvature, squared = of_one_emitter(d, kernel)
    # Each localization tells the position of a known emitter by one over its variance.
    expected = [curvature, squared, 1, curvature / squared]
    np.testing.assert_allclose(np.mean(found, axis=0), expected, rtol=0.05)


def test_events_have_the_information_of_their_localizations() -> None:
    """Of a weight of 4, four times as much, and their kernels are narrower."""
    scene = scenes.visits(np.zeros((1, 2)), n=8_000, n_frames=2_000, precision=PRECISION / 2)
    events, rows = single(scene)
    events = replace(events, weight=np.full(len(events.frame), 4, np.float32))
    precision, windows = np.full(2, PRECISION), rows.timeline.regular(50)
    density = Density.of(events, events.start, precision, NARROW, 1)
    sums = density.sums(events.start, windows)
    assert sums.events.sum() == pytest.approx(4 * len(scene.frames))
    curvature, squared = of_one_emitter(2, NARROW)
    np.testing.assert_allclose(sums.curvature.sum(axis=0) / sums.events.sum(), curvature, rtol=0.05)
    np.testing.assert_allclose(sums.squared.sum(axis=0) / sums.events.sum(), squared, rtol=0.1)
    assert np.average(sums.quality, weights=sums.events) == pytest.approx(1, abs=0.06)


def test_a_window_that_lies_elsewhere_has_the_gradient_back() -> None:
    scene = scenes.visits(np.zeros((1, 2)), n=8_000, n_frames=2_000)
    density, windows, drift = density_of(scene)
    wrong = drift.copy()
    wrong[windows.of_frame == 7] += [3.0, -2.0]
    sums = density.sums(wrong, windows)
    gradient = sums.gradient / sums.events[:, None]
    expected = np.array([3.0, -2.0]) / PRECISION * of_one_emitter(2, COARSE)[0]
    # The window was moved to the other side, so the others lie in the direction of its drift.
    error = 4 * np.sqrt(of_one_emitter(2, COARSE)[1] / sums.events.min())
    np.testing.assert_allclose(gradient[7], expected, atol=error)
    assert np.abs(np.delete(gradient, 7, axis=0)).max() < error
    assert np.abs(expected).min() > 1.5 * error / 4


@pytest.mark.parametrize("kernel", [COARSE, NARROW, WIDE])
def test_background_has_no_curvature(kernel: PairKernel) -> None:
    shares = []
    for seed in range(20):
        scene = scenes.background(n=4_000, n_frames=1_000, size=4_000, seed=seed)
        density, windows, drift = density_of(scene, kernel=kernel)
        sums = density.sums(drift, windows)
        shares.append(sums.curvature.sum(axis=0) / sums.weight.sum())
    mean, error = np.mean(shares), np.std(shares) / np.sqrt(2 * len(shares))
    assert abs(mean) < 4 * error
    assert error < 0.02


@pytest.mark.parametrize("part", [False, True])
def test_blocks_of_the_field_add_up_to_the_windows(part: bool) -> None:
    scene = scenes.blinking(scenes.sites(400, 20_000), n_frames=1_000, per_frame=10)
    density, windows, drift = density_of(scene)
    sums = density.sums(drift, windows, every=8 if part else 1)
    assert (sums.block_events > 0).sum() >= 8
    np.testing.assert_allclose(sums.block_curvature.sum(axis=0), sums.curvature.sum(axis=0))
    if part:  # a sample of the events: an eighth
        whole = density.sums(drift, windows)
        assert sums.events.sum() == pytest.approx(whole.events.sum() / 8, rel=0.01)
        np.testing.assert_allclose(8 * sums.weight.sum(), whole.weight.sum(), rtol=0.25)
    np.testing.assert_allclose(sums.block_events.sum(), sums.events.sum())


def test_a_sample_holds_a_part_of_the_events_of_few_emitters() -> None:
    """Two beads, and a few localizations elsewhere that would be a sample of the cells."""
    scene = scenes.beads(np.array([[0.0, 0.0], [2_000.0, 500.0]]), n_frames=500)
    stray = scenes.background(n=60, n_frames=500, size=20_000, seed=1).positions - 15_000
    frames = np.concatenate([scene.frames, np.arange(60) * 8])
    order = np.argsort(frames, kind="stable")
    positions = np.concatenate([scene.positions, stray])[order]
    density, windows, drift = density_of(replace(scene, positions=positions, frames=frames[order]))
    sample, whole = (density.sums(drift, windows, every=every) for every in (8, 1))
    assert (sample.curvature.sum(axis=0) > whole.curvature.sum(axis=0) / 16).all()


@pytest.mark.parametrize("every", [1, 3])
def test_how_many_events_are_taken_at_once_does_not_matter(
    every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scenes.blinking(scenes.sites(400, 20_000), n_frames=1_000, per_frame=10)
    found, windows, drift = density_of(scene)
    sums = []
    for at_once in (1, 2_000, 10**6):
        monkeypatch.setattr(density, "_AT_ONCE", at_once)
        sums.append(vars(found.sums(drift, windows, every=every)))
    for name, one in sums[0].items():
        for other in sums[1:]:
            np.testing.assert_array_equal(one, other[name])


def test_the_information_of_floors_is_that_of_their_sums() -> None:
    scene = scenes.blinking(scenes.sites(400, 20_000), n_frames=1_000, per_frame=10)
    found, windows, drift = density_of(scene)
    promised = found.information(drift, windows, 0.1, 3.0)
    for floor, one in zip((0.1, 3.0), promised, strict=True):
        kernel = found.kernel._replace(floor=floor)
        sums = replace(found, kernel=kernel).sums(drift, windows)
        square = sums.curvature.sum(axis=0) ** 2 / sums.squared.sum(axis=0)
        assert one == pytest.approx(np.log(square).mean())
    assert promised[0] != promised[1]


def test_the_order_of_positions_does_not_matter_for_the_density_at_them() -> None:
    scene = scenes.blinking(scenes.sites(50, 2_000), n_frames=500, per_frame=4)
    found, _, drift = density_of(scene)
    positions, rng = scene.positions[::3], np.random.default_rng(1)
    frame = np.searchsorted(np.unique(scene.frames), scene.frames[::3])
    shift, left_out = drift[frame], rng.integers(500, size=(len(positions), 2))
    left_out = np.sort(left_out, axis=1)
    at = found.at(positions, shift, left_out)
    assert at.std() > 0.1
    order = rng.permutation(len(at))
    np.testing.assert_array_equal(
        found.at(positions[order], shift[order], left_out[order]), at[order]
    )
    assert len(found.at(positions[:0], shift[:0], (0, 1))) == 0


def test_threads_do_not_matter() -> None:
    scene = scenes.blinking(scenes.sites(100), n_frames=400, per_frame=10)
    density, windows, drift = density_of(scene)
    one, two = (replace(density, threads=n).sums(drift, windows) for n in (1, 2))
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, getattr(two, name))


def test_a_drift_that_changed_since_the_events_were_sorted_does_not_matter() -> None:
    scene = scenes.visits(scenes.sites(100), n=8_000, n_frames=800)
    density, windows, drift = density_of(scene)
    moved = drift + scenes.restless(800, amplitude=1.5, frames_per_radian=60) + 1e5
    old = density.sums(moved, windows)
    new = Density.of(density.events, moved, scene.precision, COARSE, 1).sums(moved, windows)
    for name in ("events", "weight", "curvature", "squared"):
        np.testing.assert_allclose(getattr(old, name), getattr(new, name), rtol=0.02, atol=0.5)
    np.testing.assert_allclose(old.gradient, new.gradient, atol=0.5)


def test_windows_are_not_compared_with_themselves() -> None:
    scene = scenes.visits(np.zeros((1, 2)), n=2_000, n_frames=400)
    density, windows, drift = density_of(scene, windows=2)
    both = density.sums(drift, windows)
    assert (both.weight > 0).all()
    alone = density.sums(drift, windows.timeline.regular(400))
    assert not alone.weight.any()
    assert not alone.curvature.any()
    # The first half lies elsewhere: neither half finds anything.
    apart = drift + np.where(windows.of_frame == 0, 0.0, 1e4)[:, None]
    moved = Density.of(density.events, apart, scene.precision, COARSE, 1)
    assert not moved.sums(apart, windows).weight.any()


def test_blinks_that_reach_into_the_next_window_are_left_out() -> None:
    """Of molecules that shine once, nothing is left to compare with."""
    at = scenes.lattice(30, 300.0)
    frames = np.sort(np.concatenate([np.arange(0, 900), np.arange(1, 901)]))
    emitter = np.repeat(np.arange(900), 2)
    once = Scene(frames, at[emitter], emitter, at, np.full(2, PRECISION), np.zeros((901, 2)))
    rows = WeightedLocalizations.of(once.chunked(), once.precision)
    drift = once.drift[rows.timeline.frames]
    events = rows.events(drift, once.precision, rows.timeline.frames // 2)  # cut within blinks
    density = Density.of(events, drift, once.precision, COARSE, 1)
    assert not density.sums(drift, rows.timeline.regular(1)).weight.any()


def test_the_density_at_single_localizations() -> None:
    """That of other frames, over the floor, in counts of events at one place."""
    scene = scenes.visits(np.zeros((1, 2)), n=2_000, n_frames=400)
    density, _, _ = density_of(scene, kernel=NARROW)
    at = np.array([[0.0, 0.0], [2 * PRECISION, 0.0], [1e3, 0.0], [-1e9, 0.0]])
    drift = np.array([[7.0, -3.0]] * 4)
    found = density.at(at + drift, drift, (0, 0)) * NARROW.floor
    n = (scene.frames >= 100).sum()
    # Localizations of variance 1, seen through a kernel of variance 2, integral about 2 pi.
    expected = len(scene.frames) / 3 * np.exp(-0.5 * np.array([0, 4]) / 3)
    np.testing.assert_allclose(found[:2], expected, rtol=0.15)
    assert (found[2:] == 0).all()
    rest = density.at(at + drift, drift, (0, 100)) * NARROW.floor
    np.testing.assert_allclose(rest[:2] / found[:2], n / len(scene.frames), rtol=0.1)
    assert not density.at(at, 0 * at, (0, 400)).any()


def information(sums: OverlapSums) -> float:
    return float((sums.curvature.sum(axis=0) ** 2 / sums.squared.sum(axis=0)).mean())


def mixed(seed: int = 0, background: float = 0.3) -> tuple[CorrectedEvents, WeightedLocalizations]:
    """Events of one to ten localizations, and background of single ones."""
    rng = np.random.default_rng(seed)
    scene = scenes.visits(scenes.sites(300), n=12_000, n_frames=2_000, seed=seed)
    events, rows = single(scene.with_background(background, seed))
    noise = rng.random(len(events.frame)) < background
    count = np.where(noise, 1, rng.integers(1, 11, len(noise))).astype(np.float32)
    at = scenes.sites(300)[rng.integers(300, size=len(noise))]
    at += rng.normal(0, PRECISION, at.shape) / np.sqrt(count[:, None])
    anywhere = rng.uniform(-2500, 2500, at.shape)
    positions = np.where(noise[:, None], anywhere, at)
    return replace(events, positions=positions, weight=count), rows


@pytest.mark.parametrize("kernel", FINE)
def test_weights_give_the_largest_information(kernel: PairKernel) -> None:
    """More than all alike, and no class of precision should weigh more or less."""
    events, rows = mixed()
    windows = rows.timeline.regular(50)
    plain = Density.of(events, events.start, np.full(2, PRECISION), kernel, 1)
    best = plain.weighted(events.start, windows)
    most = information(best.sums(events.start, windows))
    assert most > 1.02 * information(plain.sums(events.start, windows))
    count = events.weight[best.cells.order]
    for chosen in (count < 2, count > 6):
        for factor in (0.7, 1.4):
            other = replace(best, weight=np.where(chosen, factor, 1.0) * best.weight)
            assert information(other.sums(events.start, windows)) < 1.005 * most


def test_along_z_each_event_counts_with_its_own_precision() -> None:
    """The precision along z varies threefold, as with a cylindrical lens: what theory says is won.

    Of emitters that are known, the information is the sum of ``1 / sigma**2``.
    """
    rng, n, n_sites = np.random.default_rng(2), 30_000, 300
    sites = rng.uniform(0, 1, (n_sites, 3)) * 1_000 * np.array([1, 1, 0.2])
    site, frame = rng.integers(n_sites, size=n), np.sort(rng.integers(2_000, size=n))
    sigma = np.array([1.0, 3.0])[
        (site < n_sites // 3).astype(int)
    ]  # of sites near the focus, and far
    usual = np.sqrt(1 / np.mean(sigma**-2))  # half of the information is beyond about 1
    positions = sites[site] + rng.normal(0, 1, (n, 3)) * np.stack(
        [np.ones(n), np.ones(n), sigma], 1
    )
    rows = WeightedLocalizations.of(
        ChunkedLocalizations(positions, frame, np.array([0, n]), ("x", "y", "z")), np.ones(3)
    )
    still, weight = np.zeros((len(rows.timeline.frames), 3)), rows.weight
    precision, windows = np.array([1.0, 1.0, usual]), rows.timeline.regular(50)

    def information(axial: Float32Array) -> FloatArray:
        events = CorrectedEvents(positions, rows.frame, weight, axial, 1, still)
        sums = Density.of(events, still, precision, NARROW, 1).sums(still, windows)
        return np.asarray(sums.curvature.sum(axis=0) * sums.per_curvature / precision**2)

    own = information(((usual / sigma) ** 2).astype(np.float32))
    alike = information(weight)
    assert own[2] > 1.1 * alike[2]
    assert own[0] == pytest.approx(alike[0], rel=0.1)
    assert own[2] / own[0] == pytest.approx(np.mean(sigma**-2), rel=0.1)

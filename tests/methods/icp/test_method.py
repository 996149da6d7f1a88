"""Iterative closest point over chunks: known truths, targets, and chunks that have none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.icp.method import icp

TARGETS = ["first", "previous", "all"]


def chunked(chunks: Sequence[FloatArray], frames_per_chunk: int = 100) -> ChunkedLocalizations:
    """Spread each chunk evenly over its frames."""
    sizes = [len(c) for c in chunks]
    frames = [
        frames_per_chunk * k + np.arange(n) * frames_per_chunk // max(n, 1)
        for k, n in enumerate(sizes)
    ]
    positions = np.ascontiguousarray(np.concatenate(chunks))
    return ChunkedLocalizations(
        positions,
        np.concatenate(frames).astype(np.int64),
        np.cumsum([0, *sizes]),
        ("x", "y", "z")[: positions.shape[1]],
    )


class Clusters:
    """Draws from the same clusters, around the origin."""

    def __init__(self, d: int, *, n_clusters: int = 60, width: float = 8.0, size: float = 1000):
        self.rng = np.random.default_rng(7)
        self.centers = self.rng.uniform(-size / 2, size / 2, (n_clusters, d))
        self.width = width

    def draw(self, n: int) -> FloatArray:
        centers = self.centers[self.rng.integers(0, len(self.centers), n)]
        return centers + self.rng.normal(0, self.width, centers.shape)


def drifting(n_chunks: int, n: int = 2000, d: int = 2) -> tuple[list[FloatArray], FloatArray]:
    """Chunks that go 5, -3 (, 2) farther each, and their offsets."""
    clusters = Clusters(d, width=4.0)
    drift = np.outer(np.arange(n_chunks), [5.0, -3.0, 2.0][:d])
    return [clusters.draw(n) + drift[k] for k in range(n_chunks)], -drift


def assert_close(found: Registered, offset: FloatArray, atol: float) -> None:
    np.testing.assert_allclose(found.offset[found.valid], offset[found.valid], atol=atol)


# ---------------------------------------------------------------- accuracy


def tutorial(seed: int) -> tuple[ChunkedLocalizations, FloatArray]:
    """The data of the drift tutorial: 1e5 localizations in clusters, chunks of 10,000."""
    rng = np.random.default_rng(seed)
    parents = rng.uniform(-50, 1050, (rng.poisson(1e-4 * 1100**2), 2))
    points = np.repeat(parents, rng.poisson(1000, len(parents)), axis=0)
    points = points + rng.normal(0, 10, points.shape)
    points = rng.permutation(points[((points >= 0) & (points < 1000)).all(axis=1)])
    frames = np.repeat(np.arange(len(points)), rng.poisson(3, len(points)))[: len(points)]
    drift = np.outer(frames, [0.002, 0.001])
    bounds = np.arange(0, len(points) - 5000, 10_000)
    bounds = np.append(bounds, len(points))
    truth = [-drift[a:b].mean(axis=0) for a, b in pairwise(bounds)]
    points = points + drift - 500
    return ChunkedLocalizations(points, frames, bounds, ("x", "y")), np.array(truth)


def test_tutorial_drift_is_found_to_a_few_tenths_of_a_nanometre() -> None:
    chunk_errors, line_errors = [], []
    for seed in range(4):
        points, truth = tutorial(seed)
        found = icp(points)
        assert found.valid.all()
        assert "n_unconverged" not in found.chosen
        error = found.offset - truth
        error -= error.mean(axis=0)
        chunk_errors.append(error.std(axis=0))
        t = np.arange(len(error)) - (len(error) - 1) / 2
        slope = t @ error / (t @ t)
        line_errors.append(np.abs(slope) * t.std())
    assert np.sqrt(np.mean(np.square(chunk_errors), axis=0)).max() < 0.22
    assert np.sqrt(np.mean(np.square(line_errors), axis=0)).max() < 0.09


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("d", [2, 3])
def test_shifts(d: int, target: str) -> None:
    chunks, offset = drifting(6, d=d)
    found = icp(chunked(chunks), target=target)
    assert found.valid.all()
    assert found.matrix is None
    assert found.offset_std is not None
    assert (found.offset_std > 0).all()
    assert_close(found, offset, atol=1.0)
    np.testing.assert_array_equal(found.offset[0], 0)
    assert found.quality[0] == 1
    assert ((found.quality > 0.9) & (found.quality <= 1)).all()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("turns", "scales"), [(1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("d", [2, 3])
def test_exact_copies_give_the_exact_transformation(
    d: int, turns: int, scales: int, target: str
) -> None:
    structure = Clusters(d, width=40.0).draw(600)
    rng = np.random.default_rng(3)
    truths, chunks = [], []
    for k in range(4):
        vector = 0.008 * k * turns * np.array([0.3, -0.4, 0.866] if d == 3 else [0, 0, 1])
        matrix = Rotation.from_rotvec(vector).as_matrix()[:d, :d] * np.exp(0.002 * k * scales)
        offset = k * np.array([4.0, -3.0, 2.0])[:d]
        truths.append((matrix, offset))
        # corrected = matrix @ position + offset
        chunks.append(rng.permutation((structure - offset) @ np.linalg.inv(matrix).T))
    found = icp(
        chunked(chunks), with_rotation=bool(turns), with_scaling=bool(scales), target=target
    )
    assert found.matrix is not None
    for k, (matrix, offset) in enumerate(truths):
        np.testing.assert_allclose(found.matrix[k], matrix, atol=1e-11)
        np.testing.assert_allclose(found.offset[k], offset, atol=1e-8)


@pytest.mark.parametrize("target", ["first", "previous"])
def test_scaling_does_not_shrink(target: str) -> None:
    # In one direction only, each registration shrinks by 0.0015.
    logs = []
    for seed in range(8):
        clusters = Clusters(2, n_clusters=80, width=10)
        clusters.rng = np.random.default_rng(seed)
        found = icp(
            chunked([clusters.draw(4000) for _ in range(4)]), with_scaling=True, target=target
        )
        assert found.matrix is not None
        logs.append(np.log(found.matrix[-1, 0, 0]))
    assert abs(np.mean(logs)) < 6e-4


def test_background_does_not_draw_shifts_away() -> None:
    clusters = Clusters(2, n_clusters=300, width=8, size=20_000)
    rng = np.random.default_rng(1)
    offset = -np.outer(np.arange(6), [5.0, -3.0])
    chunks = [
        np.concatenate([clusters.draw(6000), rng.uniform(-10_000, 10_000, (2000, 2))]) - shift
        for shift in offset
    ]
    found = icp(chunked(chunks))
    assert_close(found, offset, atol=1.0)
    wide = icp(chunked(chunks), max_distance=1000.0)
    assert np.std(found.offset - offset) < 0.5 * np.std(wide.offset - offset)
    assert found.chosen["max_distance"] < 200
    assert found.quality[1:].max() < 0.9


# ---------------------------------------------------------------- large drifts


def lattice(spacing: float, n_chunks: int = 30) -> tuple[list[FloatArray], FloatArray]:
    rng = np.random.default_rng(5)
    drift = np.outer(np.arange(n_chunks), [8.0, 6.0])
    nodes = [spacing * rng.integers(0, 20, (3000, 2)) for _ in range(n_chunks)]
    return [n + rng.normal(0, 2, n.shape) + d for n, d in zip(nodes, drift, strict=True)], -drift


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("spacing", [20.0, 100.0])
def test_drift_far_beyond_the_spacing_is_followed(spacing: float, target: str) -> None:
    chunks, offset = lattice(spacing)  # in all 290
    assert_close(icp(chunked(chunks), target=target), offset, atol=1.5)
    # The chunks between are what leads there.
    last = icp(chunked([chunks[0], chunks[-1]]), target=target)
    assert np.abs(last.offset[1] - offset[-1]).max() > 5


def test_drift_across_a_gap_in_time_is_extrapolated() -> None:
    chunks, offset = lattice(20.0)
    points = chunked([c if k != 15 else c[:0] for k, c in enumerate(chunks)])
    found = icp(points)
    assert found.valid.sum() == 29
    assert_close(found, offset, atol=1.0)


@pytest.mark.parametrize("target", TARGETS)
def test_one_chunk_gone_astray_does_not_lead_the_others_after_it(target: str) -> None:
    chunks, offset = lattice(20.0, n_chunks=16)
    chunks[8] = chunks[8] + np.array([57.0, 33.0])
    found = icp(chunked(chunks), target=target)
    others = np.arange(16) != 8
    assert found.valid[others].all()
    np.testing.assert_allclose(found.offset[others], offset[others], atol=1.5)


# ---------------------------------------------------------------- targets


def changing(n_chunks: int = 8) -> tuple[list[FloatArray], FloatArray]:
    """Every cluster is there for three chunks only."""
    clusters = Clusters(2, n_clusters=30 * (n_chunks + 2), size=3000)
    offset = -np.outer(np.arange(n_chunks), [5.0, -3.0])
    chunks = []
    everything = clusters.centers
    for k in range(n_chunks):
        clusters.centers = everything[30 * k : 30 * k + 90]
        chunks.append(clusters.draw(3000) - offset[k])
    return chunks, offset


def test_a_structure_that_changes_needs_the_previous_chunk() -> None:
    chunks, offset = changing()
    points = chunked(chunks)
    assert_close(icp(points, target="previous", max_distance=20.0), offset, atol=2.0)
    first = icp(points, target="first", max_distance=20.0)
    lost = ~first.valid | (np.abs(np.nan_to_num(first.offset) - offset).max(axis=1) > 5)
    assert lost[3:].all()


def test_previous_composes_the_transformations() -> None:
    # Two by two they are small; in all 0.3 rad about the origin, far from where the shifts are.
    structure = Clusters(2, width=40.0).draw(600)
    angles = 0.06 * np.arange(6)
    turns = [Rotation.from_euler("z", a).as_matrix()[:2, :2] for a in angles]
    shifts = np.outer(np.arange(6), [6.0, 2.0])
    chunks = [structure @ turn.T + shift for turn, shift in zip(turns, shifts, strict=True)]
    found = icp(chunked(chunks), target="previous", with_rotation=True)
    assert found.matrix is not None
    for k in range(6):
        np.testing.assert_allclose(
            chunks[k] @ found.matrix[k].T + found.offset[k], structure, atol=1e-8
        )


def test_all_chunks_are_a_better_target_than_one() -> None:
    clusters = Clusters(2, n_clusters=200, width=6)
    offset = -np.outer(np.arange(12), [5.0, -3.0])
    points = chunked([clusters.draw(500) - shift for shift in offset])
    errors = {t: np.std(icp(points, target=t).offset[4:] - offset[4:]) for t in ("first", "all")}
    assert errors["all"] < 0.8 * errors["first"]


# ---------------------------------------------------------------- chunks that cannot be registered


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("terms", [{}, {"with_rotation": True, "with_scaling": True}])
@pytest.mark.parametrize(
    "bad",
    [
        lambda rng: np.empty((0, 2)),
        lambda rng: np.array([[1.0, 2.0]]),
        lambda rng: rng.uniform(-500, 500, (2000, 2)),  # only background
    ],
    ids=["empty", "single", "background"],
)
def test_a_hopeless_chunk_is_not_valid_and_the_others_are(
    bad: Callable[[np.random.Generator], FloatArray], terms: dict[str, bool], target: str
) -> None:
    chunks, offset = drifting(7)
    chunks[3] = bad(np.random.default_rng(0))
    found = icp(chunked(chunks), target=target, **terms)
    np.testing.assert_array_equal(found.valid, np.arange(7) != 3)
    assert np.isnan(found.offset[3]).all()
    assert np.isnan(found.quality[3])
    if found.matrix is not None:
        assert np.isnan(found.matrix[3]).all()
    assert_close(found, offset, atol=2.0)


@pytest.mark.parametrize("target", TARGETS)
def test_a_chunk_beyond_max_distance_is_not_valid(target: str) -> None:
    chunks, offset = drifting(6)
    chunks[2] = chunks[2] + 1e5
    found = icp(chunked(chunks), target=target, max_distance=20.0)
    np.testing.assert_array_equal(found.valid, np.arange(6) != 2)
    assert_close(found, offset, atol=1.0)
    assert found.chosen == {}


@pytest.mark.parametrize("target", TARGETS)
def test_the_first_target_is_the_first_chunk_that_has_data(target: str) -> None:
    chunks, offset = drifting(5)
    chunks[0], chunks[1] = chunks[0][:0], chunks[1][:1]
    found = icp(chunked(chunks), target=target)
    np.testing.assert_array_equal(found.valid, [False, False, True, True, True])
    np.testing.assert_array_equal(found.offset[2], 0)
    assert_close(found, offset - offset[2], atol=1.0)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("sizes", [[0], [1], [0, 1, 0], [50], [0, 50, 1]])
def test_tables_with_nothing_to_register(sizes: list[int], target: str) -> None:
    rng = np.random.default_rng(0)
    found = icp(chunked([rng.normal(size=(n, 2)) for n in sizes]), target=target)
    np.testing.assert_array_equal(found.valid, np.array(sizes) == 50)
    np.testing.assert_array_equal(found.offset[found.valid], 0)
    assert np.isnan(found.offset[~found.valid]).all()


def test_chunks_of_one_place_each() -> None:
    chunks = [np.full((20, 2), 3.0 * k) for k in range(3)]
    found = icp(chunked(chunks))
    np.testing.assert_allclose(found.offset, -3.0 * np.outer(np.arange(3), [1, 1]), atol=1e-12)


# ---------------------------------------------------------------- the same in any circumstances


def shuffled(points: ChunkedLocalizations) -> ChunkedLocalizations:
    rng = np.random.default_rng(11)
    order = np.concatenate(
        [rng.permutation(np.arange(*points.bounds[k : k + 2])) for k in range(points.n_chunks)]
    )
    return ChunkedLocalizations(
        points.positions[order], points.frames[order], points.bounds, points.components
    )


def assert_same(one: Registered, other: Registered) -> None:
    for name in ("offset", "matrix", "quality", "valid"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.chosen == other.chosen


CASES: list[dict[str, Any]] = [
    {},
    {"target": "previous"},
    {"target": "all"},
    {"with_rotation": True, "with_scaling": True},
    {"max_distance": 30.0},
]


@pytest.mark.parametrize("options", CASES)
def test_same_bits_for_any_row_order_and_number_of_threads(options: dict[str, Any]) -> None:
    chunks, _ = drifting(5)
    points = chunked(chunks)
    usual = icp(points, threads=1, **options)
    assert_same(usual, icp(points, threads=2, **options))
    assert_same(usual, icp(points, threads=7, **options))
    assert_same(usual, icp(shuffled(points), **options))


@pytest.mark.parametrize("options", CASES)
def test_inputs_may_be_read_only(options: dict[str, Any]) -> None:
    points = chunked(drifting(3)[0])
    before = points.positions.copy()
    for array in (points.positions, points.frames, points.bounds):
        array.flags.writeable = False
    icp(points, **options)
    np.testing.assert_array_equal(points.positions, before)


@pytest.mark.parametrize("factor", [2.0**-30, 1e-9, 0.7, 1e6])
@pytest.mark.parametrize(
    "options", [*({"target": t} for t in TARGETS), {"target": "all", "with_rotation": True}]
)
def test_scaling_all_coordinates_scales_the_offsets(factor: float, options: Any) -> None:
    chunks, _ = drifting(4)
    usual = icp(chunked(chunks), **options)
    scaled = icp(chunked([factor * c for c in chunks]), **options)
    np.testing.assert_allclose(scaled.offset / factor, usual.offset, rtol=0, atol=1e-8)
    assert scaled.chosen["max_distance"] == pytest.approx(factor * usual.chosen["max_distance"])


@pytest.mark.parametrize("target", TARGETS)
def test_moving_all_coordinates_moves_nothing_else(target: str) -> None:
    chunks, _ = drifting(4)
    usual = icp(chunked(chunks), target=target)
    moved = icp(chunked([c + np.array([3e4, -7e4]) for c in chunks]), target=target)
    np.testing.assert_allclose(moved.offset, usual.offset, rtol=0, atol=1e-8)


def test_a_sample_leads_to_the_same_as_all() -> None:
    # A chunk of one frame cannot be sampled by frames: all of it is taken.
    chunks, offset = drifting(4, n=4000)
    found = icp(chunked(chunks, frames_per_chunk=1))
    assert_close(found, offset, atol=1.0)
    assert_close(icp(chunked(chunks, frames_per_chunk=4000)), found.offset, atol=0.1)


# ---------------------------------------------------------------- options


def test_running_out_of_iterations_is_told() -> None:
    chunks, _ = drifting(3)
    found = icp(chunked(chunks), max_iterations=1)
    assert found.chosen["n_unconverged"] == 2
    assert found.valid.all()


@pytest.mark.parametrize("target", TARGETS)
def test_progress_is_shown_if_asked(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    points = chunked(drifting(3, n=200)[0])
    icp(points, target=target)
    assert capsys.readouterr().err == ""
    icp(points, target=target, progress=True)
    assert "icp: 100%" in capsys.readouterr().err

"""Parts of a table laid on each other, by what is seen on both sides of their ends."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods.overlap.between_times import Connection, connection
from smlm_accessor.methods.overlap.joining import PartLink, joined, links, placed
from tests import scenes
from tests.methods.overlap.test_between_times import N_FRAMES, two_parts
from tests.methods.overlap.test_density import density_of

JUMPS = {1000: (120.0, 100.0), 2500: (130.0, 540.0)}


def short_lived(n: int, seed: int) -> scenes.Scene:
    """Molecules that are seen in a fiftieth of the movie, and far jumps."""
    at = scenes.sites(5_000, size=40_000, seed=seed)
    scene = scenes.bleaching(at, n=n, n_frames=N_FRAMES, life=80.0, seed=seed)
    return scene.drifting(scenes.jumping(np.zeros((N_FRAMES, 2)), JUMPS))


@pytest.mark.parametrize("seed", [1, 2])
def test_molecules_at_the_end_of_a_part_tell_its_shift(seed: int) -> None:
    """The end may be some frames off: molecules there lie on each other without the shift."""
    scene = short_lived(20_000, seed)
    order = np.argsort(scene.frames, kind="stable")
    frames, positions = scene.frames[order], scene.moved_positions[order]
    part = np.searchsorted([1010, 2480], frames, side="right")
    found = links(positions, part, scene.precision)
    assert [(link.before, link.after) for link in found] == [(0, 1), (1, 2)]
    for link, jump in zip(found, JUMPS.values(), strict=True):
        np.testing.assert_allclose(link.shift, -np.array(jump), atol=2 * scene.precision[0])


def test_where_nothing_is_seen_on_both_sides_there_is_no_link() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        positions, part = rng.uniform(0, 40_000, (4000, 2)), np.repeat([0, 1], 2000)
        assert not [link for link in links(positions, part, np.full(2, 10.0)) if link.chance < 0.01]


def test_parts_are_placed_one_after_the_other() -> None:
    shifts = [np.array([1.0, 0.0]), np.array([0.0, 2.0]), np.array([50.0, 50.0])]
    chain = [
        PartLink(0.1, 2, 0, shifts[0]),
        PartLink(0.1, 0, 1, shifts[1]),
        PartLink(0.5, 1, 2, shifts[2]),
    ]
    rest = {0: np.zeros(2)}
    found = placed(chain, rest)
    assert {k: v.tolist() for k, v in found.items()} == {0: [0, 0], 1: [0, 2], 2: [-1, 0]}
    assert placed([PartLink(0.1, 3, 4, shifts[0])], rest) == rest
    known = placed(chain, rest | {1: np.array([7.0, 7.0])})
    assert known[1].tolist() == [7, 7]


@pytest.mark.filterwarnings("ignore::smlm_accessor.errors.InvalidChunkWarning")
@pytest.mark.parametrize("method", ["overlap", "rcc"])
def test_far_jumps_of_molecules_that_live_for_a_short_time(method: str) -> None:
    scene = short_lived(9_000, 4)
    drift = estimate_drift(scene.moved, method=method)
    valid = drift["valid"].values
    frames = drift["frame"].values[valid]
    assert valid.mean() > 0.9
    for jump, step in JUMPS.items():
        offset = -drift["offset"].values[valid]
        before, after = (
            offset[np.abs(frames - at) < 150].mean(axis=0) for at in (jump - 200, jump + 200)
        )
        np.testing.assert_allclose(after - before, step, atol=20)


def test_parts_that_seem_to_share_nothing_are_laid_on_each_other() -> None:
    """A drift without the jump of the sample: a fifth of the molecules tells where it belongs."""
    jump = np.array([300.0, -200.0])
    scene = two_parts(20, jump)
    density, windows, drift = density_of(scene, 200)
    timeline = windows.timeline
    late = timeline.frames >= N_FRAMES // 2
    events = density.events
    missed = type(density).of(
        type(events)(
            *(events.positions + np.where(late[events.frame, None], jump, 0.0), events.frame),
            *(events.weight, events.axial, events.lifetime),
            drift - np.where(late[:, None], jump, 0.0),
        ),
        *(drift - np.where(late[:, None], jump, 0.0), scene.precision, density.kernel, 1),
    )
    start = drift - np.where(late[:, None], jump, 0.0)
    known = connection(start, timeline, missed)
    assert known.part.max() == 1
    found = joined(known, start, timeline.with_jumps(np.array([N_FRAMES // 2])), missed)
    assert found is not None
    step = found[late] - found[~late][-1]
    np.testing.assert_allclose(step, np.broadcast_to(jump, step.shape), atol=scene.precision[0])
    assert joined(Connection(0 * known.part), start, timeline, missed) is None

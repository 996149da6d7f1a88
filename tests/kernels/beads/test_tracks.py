"""Beads are found among other localizations, and followed."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.beads.tracks import BeadTracks, Spots, find_spots, follow

PLACES = np.array([[20.0, 30.0], [70.0, 80.0], [50.0, 10.0]])


def shown(drift: FloatArray, seen: FloatArray | None = None, seed: int = 0) -> Spots:
    """Spots of three beads that move together, in some order."""
    rng = np.random.default_rng(seed)
    windows, positions = [], []
    for w, d in enumerate(drift):
        for bead in rng.permutation(3):
            if seen is None or seen[w, bead]:
                windows.append(w)
                positions.append(PLACES[bead] + d + rng.normal(0, 0.05, 2))
    return Spots(np.array(windows), np.array(positions))


def test_spots_are_what_is_seen_in_most_frames() -> None:
    rng = np.random.default_rng(1)
    n = 60
    bead = PLACES[0] + rng.normal(0, 0.1, (n, 2))
    blinking = PLACES[1] + rng.normal(0, 0.1, (n, 2))
    often = np.repeat(PLACES[2][None], 3 * n, axis=0)  # many, but in few frames
    frame = np.concatenate([np.arange(n), np.arange(n), np.arange(3 * n) // 20])
    shows = np.concatenate([np.ones(n, bool), np.arange(n) % 3 == 0, np.ones(3 * n, bool)])
    positions = np.concatenate([bead, blinking, often])[shows]
    order = np.argsort(frame[shows], kind="stable")
    frame, positions = frame[shows][order], positions[order]
    spots = find_spots(positions, frame, frame // 30, np.array([30, 30]), 1.0)
    assert spots.window.tolist() == [0, 1]
    np.testing.assert_allclose(spots.position, [PLACES[0]] * 2, atol=0.1)


def path(drift: FloatArray) -> FloatArray:
    """Where the three beads are in each window."""
    return np.asarray(PLACES + drift[:, None])


def assert_followed(tracks: BeadTracks, expected: FloatArray, atol: float = 0.25) -> None:
    """Each bead is where it should be, in any order of beads."""
    order = np.argsort(tracks.position[0, :, 0])
    wanted = np.argsort(expected[0, :, 0])
    np.testing.assert_allclose(tracks.position[:, order], expected[:, wanted], atol=atol)


def test_beads_are_followed_along_the_drift() -> None:
    drift = np.outer(np.arange(40), [0.4, -0.3])
    tracks = follow(shown(drift), 40, 2.0, presence=0.7)
    assert tracks.seen.all()
    assert_followed(tracks, path(drift))


@pytest.mark.parametrize("beads", [1, 3])
def test_a_jump_is_followed(beads: int) -> None:
    drift = np.zeros((40, 2))
    drift[20:] = [300.0, -200.0]
    seen = np.ones((40, 3)) * (np.arange(3) < beads)
    tracks = follow(shown(drift, seen), 40, 2.0, presence=0.7)
    assert tracks.seen.all()
    assert_followed(tracks, path(drift)[:, :beads])


def test_a_bead_may_be_lost_for_a_while_and_over_a_jump() -> None:
    """Where it is not seen it goes with the others."""
    drift = np.outer(np.arange(60), [0.4, 0.0])
    drift[25:] += [25.0, -5.0]
    seen = np.ones((60, 3))
    seen[20:30, 0] = 0
    tracks = follow(shown(drift, seen), 60, 2.0, presence=0.7)
    assert sorted(tracks.seen.sum(axis=0)) == [50, 60, 60]
    assert_followed(tracks, path(drift), atol=0.4)


def test_a_bead_that_moves_by_itself_is_followed_and_does_not_lead_the_others() -> None:
    own = np.zeros((60, 3, 2))
    own[:, 1] = np.outer(np.arange(60), [0.7, 0.4])  # in all 48, the size of a spot being 2
    positions = PLACES + own + np.outer(np.arange(60), [0.2, 0.1])[:, None]
    spots = Spots(np.repeat(np.arange(60), 3), positions.reshape(-1, 2))
    tracks = follow(spots, 60, 2.0, presence=0.8)
    assert tracks.seen.all()
    assert_followed(tracks, positions, atol=1e-9)


def test_a_bead_that_appears_in_time_is_one_and_one_that_comes_late_is_not() -> None:
    seen = np.ones((50, 3))
    seen[:10, 0], seen[:30, 1] = 0, 0
    tracks = follow(shown(np.zeros((50, 2)), seen), 50, 2.0, presence=0.7)
    assert sorted(tracks.seen.sum(axis=0)) == [40, 50]


def test_two_beads_closer_than_a_step_are_not_mixed_up() -> None:
    drift = np.outer(np.arange(30), [0.6, 0.0])
    positions = np.array([[0.0, 0.0], [2.2, 0.0]]) + drift[:, None]
    spots = Spots(np.repeat(np.arange(30), 2), positions.reshape(-1, 2))
    tracks = follow(spots, 30, 2.0, presence=0.9)
    assert_followed(tracks, positions, atol=1e-9)


def test_only_given_ones_are_followed() -> None:
    tracks = follow(shown(np.zeros((10, 2))), 10, 2.0, presence=0.0, given=PLACES[1:2] + 0.5)
    assert tracks.seen.shape == (10, 1)
    assert tracks.seen.all()
    np.testing.assert_allclose(tracks.position[:, 0], np.tile(PLACES[1], (10, 1)), atol=0.2)


def test_nothing_seen() -> None:
    nothing = Spots(np.zeros(0, dtype=np.int64), np.zeros((0, 2)))
    assert follow(nothing, 5, 4.0, presence=0.8).position.shape == (5, 0, 2)
    tracks = follow(nothing, 5, 4.0, presence=0.8, given=PLACES)
    assert not tracks.seen.any()

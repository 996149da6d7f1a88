"""Drift while a movie is recorded."""

from smlm_accessor.estimation.following.follower import Follower
from smlm_accessor.estimation.following.sources import follow

__all__ = ["Follower", "follow"]

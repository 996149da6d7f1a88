"""Simulated localizations and drift, to try a method where the truth is known.

The functions ``simulate_...`` return tables of localizations; ``npc_sites``, ``origami_sites`` and
``filament_sites`` return the places that `simulate_blinking` makes localizations of.
"""

from __future__ import annotations

from smlm_accessor.simulate.blinking import simulate_blinking
from smlm_accessor.simulate.drift import simulate_drift
from smlm_accessor.simulate.frames import simulate_frame_numbers
from smlm_accessor.simulate.precision import localization_precision
from smlm_accessor.simulate.structures.csr import simulate_csr
from smlm_accessor.simulate.structures.filaments import filament_sites, simulate_filaments
from smlm_accessor.simulate.structures.npc import npc_sites, simulate_npc
from smlm_accessor.simulate.structures.origami import origami_sites, simulate_origami
from smlm_accessor.simulate.structures.thomas import simulate_thomas

__all__ = [
    "filament_sites",
    "localization_precision",
    "npc_sites",
    "origami_sites",
    "simulate_blinking",
    "simulate_csr",
    "simulate_drift",
    "simulate_filaments",
    "simulate_frame_numbers",
    "simulate_npc",
    "simulate_origami",
    "simulate_thomas",
]

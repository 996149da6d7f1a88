"""One transformation between two tables: two channels, or two recordings of one sample."""

from smlm_accessor.alignment.align import align

__all__ = ["align"]

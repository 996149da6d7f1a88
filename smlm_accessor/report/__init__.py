"""A page to look at: drift, images before and after, and the verdict, in one HTML file."""

from smlm_accessor.report._report import build_report, write_report

__all__ = ["build_report", "write_report"]

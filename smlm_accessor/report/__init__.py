"""A page to look at: drift, images before and after, and the verdict, in one HTML file."""

from smlm_accessor.report.write import Built, build_report, write_report

__all__ = ["Built", "build_report", "write_report"]

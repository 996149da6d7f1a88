"""Did a correction help? Measures that do not judge themselves, and a verdict."""

from smlm_accessor.assess.assessment import assess
from smlm_accessor.assess.case import MOST_OF_DASK
from smlm_accessor.assess.result import Assessment

__all__ = ["MOST_OF_DASK", "Assessment", "assess"]

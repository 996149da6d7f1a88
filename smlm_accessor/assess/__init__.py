"""Did a correction help? Measures that do not judge themselves, and a verdict."""

from smlm_accessor.assess.assessment import assess
from smlm_accessor.assess.result import Assessment

__all__ = ["Assessment", "assess"]

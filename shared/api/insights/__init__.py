"""Questions beyond the series: totals, peaks and completeness."""

from shared.api.insights import completeness, peaks, rendering, requests, totals

__all__ = ["completeness", "peaks", "rendering", "requests", "totals"]

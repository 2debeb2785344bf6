"""The figures, one file for each kind."""

from presoftmax.report.figures.saturation import saturation_figure
from presoftmax.report.figures.style import save

__all__ = ["saturation_figure", "save"]

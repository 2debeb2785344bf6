"""The figures, one file for each kind."""

from presoftmax.report.figures.audit import audit_figure
from presoftmax.report.figures.curves import transfer_figure
from presoftmax.report.figures.gallery import Namer, Picture, choose_iterations, class_namer, gallery_figure
from presoftmax.report.figures.iterations import iterations_figure
from presoftmax.report.figures.saturation import saturation_figure
from presoftmax.report.figures.style import save

__all__ = [
    "Namer",
    "Picture",
    "audit_figure",
    "choose_iterations",
    "class_namer",
    "gallery_figure",
    "iterations_figure",
    "saturation_figure",
    "save",
    "transfer_figure",
]

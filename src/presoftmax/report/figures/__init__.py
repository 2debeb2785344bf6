"""The figures, one file for each kind."""

from presoftmax.report.figures.audit import audit_figure
from presoftmax.report.figures.curves import transfer_figure
from presoftmax.report.figures.defense import defense_roc_figure, defense_statistic_figure
from presoftmax.report.figures.gallery import Namer, Picture, choose_iterations, class_namer, gallery_figure
from presoftmax.report.figures.iterations import iterations_figure
from presoftmax.report.figures.judged import Shown, judged_figure
from presoftmax.report.figures.order import in_order
from presoftmax.report.figures.prediction import at_k_figure, reliability_figure
from presoftmax.report.figures.saturation import saturation_figure
from presoftmax.report.figures.style import png_of, save, save_as

__all__ = [
    "Namer",
    "Picture",
    "Shown",
    "at_k_figure",
    "audit_figure",
    "choose_iterations",
    "class_namer",
    "defense_roc_figure",
    "defense_statistic_figure",
    "gallery_figure",
    "in_order",
    "iterations_figure",
    "judged_figure",
    "png_of",
    "reliability_figure",
    "saturation_figure",
    "save",
    "save_as",
    "transfer_figure",
]

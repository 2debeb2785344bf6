"""The report of a run folder."""

from presoftmax.report.run.page import write_report
from presoftmax.report.run.sentences import sentences
from presoftmax.report.run.table import TableRow, short_table

__all__ = ["TableRow", "sentences", "short_table", "write_report"]

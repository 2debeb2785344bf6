"""How far something is: a bar on a terminal and in a notebook, lines in a log."""

from presoftmax.progress.bar import Bar

__all__ = ["Bar"]

"""How objects print themselves: in a few lines, whatever they hold."""

from presoftmax.printing.printed import Printed, brief, listed

__all__ = ["Printed", "brief", "listed"]

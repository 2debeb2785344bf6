"""How objects print themselves: in a few lines, whatever they hold."""

from presoftmax.printing.printed import Printed, brief, first_few

__all__ = ["Printed", "brief", "first_few"]

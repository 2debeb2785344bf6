"""Names and messages on their way to a reader: to the terminal, a figure, a page or a file's name."""

from presoftmax.text.counted import counted, listed
from presoftmax.text.file_names import file_name
from presoftmax.text.numbers import no_minus_zero
from presoftmax.text.printable import LINE, NAME, one_line, printable, storable

__all__ = ["LINE", "NAME", "counted", "file_name", "listed", "no_minus_zero", "one_line", "printable", "storable"]

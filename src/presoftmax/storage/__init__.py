"""Files: written whole or not at all, run folders, tables, and what a result was made with."""

from typing import TYPE_CHECKING

from presoftmax.errors import face
from presoftmax.storage.versions import versions

if TYPE_CHECKING:
    from presoftmax.storage.atomic import (
        DamagedError,
        checksum,
        is_unfinished,
        make_folder,
        read_record,
        remove_unfinished,
        replace_file,
        replace_folder,
        replace_text,
        signed,
        write_record,
    )
    from presoftmax.storage.run_folder import RunFolder
    from presoftmax.storage.tables import flat, read_table, scan_tables, table_columns

__all__ = [
    "DamagedError",
    "RunFolder",
    "checksum",
    "flat",
    "is_unfinished",
    "make_folder",
    "read_record",
    "read_table",
    "remove_unfinished",
    "replace_file",
    "replace_folder",
    "replace_text",
    "scan_tables",
    "signed",
    "table_columns",
    "versions",
    "write_record",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)

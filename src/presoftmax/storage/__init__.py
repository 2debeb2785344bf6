"""Files: written whole or not at all, run folders, and what a result was made with."""

from presoftmax.storage.atomic import replace_file, replace_text
from presoftmax.storage.run_folder import RunFolder
from presoftmax.storage.versions import versions

__all__ = ["RunFolder", "replace_file", "replace_text", "versions"]

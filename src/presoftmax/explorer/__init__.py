"""The page on which people look: one example, a slider over the iterations, and all of them as dots."""

from presoftmax.explorer.bundle import write_bundle
from presoftmax.explorer.judged import JUDGED, judged_material
from presoftmax.explorer.material import Key, Material, NoPictures, Part, Pictures, Pixels, StoredTables
from presoftmax.explorer.pictures import FolderPictures, MemoryPictures
from presoftmax.explorer.runs import run_material
from presoftmax.explorer.server import application, new_token, serve
from presoftmax.explorer.single import Explorer, single_page, write_explorer
from presoftmax.explorer.tables import store_tables
from presoftmax.explorer.view import View

__all__ = [
    "JUDGED",
    "Explorer",
    "FolderPictures",
    "Key",
    "Material",
    "MemoryPictures",
    "NoPictures",
    "Part",
    "Pictures",
    "Pixels",
    "StoredTables",
    "View",
    "application",
    "judged_material",
    "new_token",
    "run_material",
    "serve",
    "single_page",
    "store_tables",
    "write_bundle",
    "write_explorer",
]

"""Which image of a folder a name in a table means."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from presoftmax.errors import DataError

__all__ = ["Names"]


class Names:
    """The images below a folder, found by what tables call them.

    By their path in the folder, with or without ending, folder and ``./``, with either slash, or by their name alone;
    in another case only where nothing fits to the letter.
    """

    def __init__(self, root: Path, images: Iterable[Path]) -> None:
        self._root = root
        self._exact: dict[str, list[Path]] = {}
        self._without_ending: dict[str, list[Path]] = {}
        self._by_name: dict[str, list[Path]] = {}
        self._any_case: dict[str, list[Path]] = {}
        for path in images:
            inside = PurePosixPath(path.relative_to(root).as_posix())
            shorter = str(inside.with_suffix(""))
            self._exact.setdefault(str(inside), []).append(path)
            self._without_ending.setdefault(shorter, []).append(path)
            for name in {inside.name, inside.stem}:
                self._by_name.setdefault(name, []).append(path)
            for name in {str(inside), shorter, inside.name, inside.stem}:
                self._any_case.setdefault(name.casefold(), []).append(path)

    def has(self, name: str) -> bool:
        """Whether some image is called so."""
        return bool(self._found(name))

    def one(self, where: str, name: str) -> Path:
        """The image of that name; raises `DataError` where there is none, or more than one."""
        found = self._found(name)
        if not found:
            raise DataError(f"{where}: no image {name!r} in {self._root}")
        if len(found) > 1:
            listed = " and ".join(str(path.relative_to(self._root)) for path in found[:2])
            raise DataError(f"{where}: {name!r} could be {listed}; write more of the name")
        return found[0]

    def _found(self, name: str) -> list[Path]:
        if not name.strip():
            return []
        given = PurePosixPath(name.replace("\\", "/"))
        roots = {self._root.as_posix(), self._root.absolute().as_posix(), self._root.absolute().name}
        texts = [str(given), *(str(given.relative_to(root)) for root in roots if given.is_relative_to(root))]
        for table in (self._exact, self._without_ending):
            if found := next((table[text] for text in texts if text in table), None):
                return found
        if given.name == str(given) and (found := self._by_name.get(given.name)):
            return found
        return next((self._any_case[text.casefold()] for text in texts if text.casefold() in self._any_case), [])

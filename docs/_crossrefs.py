"""Names in single backticks in docstrings become links: `Classifier`, `Judged.notes`, `presoftmax.trace`.

Only what a page of the reference documents is linked, so that no link can lead nowhere.
"""

import re
from pathlib import Path
from typing import Any

import griffe

API = Path(__file__).parent / "api"

_BLOCK = re.compile(r"^::: (?P<path>[\w.]+)$(?P<options>(?:\n {4}.*)*)", re.MULTILINE)
_MEMBERS = re.compile(r"^ +members: \[(?P<names>[^\]]*)\]", re.MULTILINE)
_QUOTED = re.compile(r"(?<![`\w\[])`(?P<name>[A-Za-z_][\w.]*)`(?!`)")


def documented(package: griffe.Module) -> dict[str, griffe.Object | griffe.Alias]:
    """What the pages of the reference document, by the path that it has there."""
    found: dict[str, griffe.Object | griffe.Alias] = {}
    for page in sorted(API.glob("*.md")):
        for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
            home = package[block["path"].partition(".")[2]] if "." in block["path"] else package
            listed = _MEMBERS.search(block["options"])
            names = [name.strip() for name in listed["names"].split(",")] if listed else list(home.exports or ())
            for name in map(str, names):
                found |= _with_members(f"{home.path}.{name}", offered(home, name))
    return found


def offered(home: griffe.Object | griffe.Alias, name: str) -> griffe.Object | griffe.Alias:
    """What a face offers under a name, resolved while all modules are where they were."""
    each = home[name]
    target = each.final_target if each.is_alias else each
    return target[name] if target.is_module else each


def _with_members(path: str, each: griffe.Object | griffe.Alias) -> dict[str, griffe.Object | griffe.Alias]:
    public = {key: member for key, member in each.members.items() if not key.startswith("_")} if each.is_class else {}
    return {path: each, **{f"{path}.{key}": member for key, member in public.items()}}


class CrossReferences(griffe.Extension):
    """Rewrites the docstrings of everything that is documented."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Go over a package that has been loaded."""
        if pkg.path == "presoftmax":
            known = documented(pkg)
            for path, each in known.items():
                put_before_its_module(path, each, pkg)
                if each.docstring is not None:
                    each.docstring.value = linked(each.docstring.value, path, known)


def put_before_its_module(path: str, each: griffe.Object | griffe.Alias, package: griffe.Module) -> None:
    """A face may offer a function that is called as its module (`scores.score`): the page shows the function."""
    home, _, name = path.rpartition(".")
    if "." in home and home.count(".") == 1 and package[f"{home.partition('.')[2]}.{name}"] is not each:
        each.parent = package[home.partition(".")[2]]
        each.parent.members[name] = each


def linked(text: str, path: str, known: dict[str, Any]) -> str:
    """The text with links to what is known, seen from an object."""

    def link(found: re.Match[str]) -> str:
        target = resolve(found["name"], path, known)
        if target and known[target].docstring is None:
            target = target.rpartition(".")[0]  # an attribute that its class explains
        return f"[{found[0]}][{target}]" if target and target != path else found[0]

    return _QUOTED.sub(link, text)


def resolve(name: str, path: str, known: dict[str, Any]) -> str | None:
    """The nearest documented object of that name: of the same class, the same room, then of any."""
    while path:
        if f"{path}.{name}" in known:
            return f"{path}.{name}"
        path = path.rpartition(".")[0]
    if name in known:
        return name
    ends = [each for each in known if each.endswith(f".{name}") and each.removesuffix(f".{name}").count(".") <= 1]
    return ends[0] if len(ends) == 1 else None

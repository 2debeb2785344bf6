"""The house: which room may import from which, and that nobody reaches past a package's face."""

import ast
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import presoftmax

ROOT = Path(presoftmax.__file__).parent

# Top to bottom; a room imports from those below it.
ROOMS = (
    "cli", "workflows", "study", "defense", "tracing", "interop", "judging", "explorer", "report", "strength",
    "analysis", "tables", "scores", "models", "storage", "attacks", "data", "extensions", "choices", "progress",
    "numerics", "printing", "errors", "text", "lazy", "_version",
)  # fmt: skip
LOOSE = {"__init__", "__main__", "_version", "errors"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}
PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py"}


def package_of(module: str) -> str:
    return module if module in PACKAGES else module.rpartition(".")[0]


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@cache
def imports(module: str) -> tuple[tuple[str, str, bool], ...]:
    """Every import from the package: its target, the name, and whether it is made when the module is imported."""
    found = []

    def walk(node: ast.AST, at_import: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ImportFrom) and (child.module or "").split(".")[0] == "presoftmax":
                found.extend((child.module or "", alias.name, at_import) for alias in child.names)
            elif isinstance(child, ast.Import):
                ours = [alias.name for alias in child.names if alias.name.split(".")[0] == "presoftmax"]
                found.extend((name, "", at_import) for name in ours)
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            # A face imports what it names there when it is first asked for: mostly while its user is imported.
            checked = _is_type_checking(child) and module not in PACKAGES
            walk(child, at_import and not inside and not checked)

    walk(ast.parse(MODULES[module].read_text(encoding="utf-8")), True)
    return tuple(found)


def target_of(origin: str, name: str) -> str:
    """The module that is imported: ``from presoftmax import numerics`` imports a package."""
    return f"{origin}.{name}" if f"{origin}.{name}" in MODULES and origin not in FACES_FIRST else origin


# `from presoftmax.tracing import trace` is the function of the face, not the module of that name.
FACES_FIRST = PACKAGES - {"presoftmax"}


def test_no_module_lies_loose_in_the_hall():
    assert {path.stem for path in ROOT.glob("*.py")} == LOOSE
    assert {room_of(name) for name in PACKAGES} - {""} == set(ROOMS) - LOOSE


@pytest.mark.parametrize("module", [name for name in MODULES if room_of(name) not in ("", "__main__")])
def test_imports_go_down_and_through_faces(module):
    home = package_of(module)
    for origin, name, _ in imports(module):
        target = target_of(origin, name)
        if room_of(target) != room_of(module):
            below = ROOMS.index(room_of(target)) > ROOMS.index(room_of(module))
            assert below, f"{module} imports {target} from above"
        own = home == package_of(target) or home.startswith(f"{package_of(target)}.")
        if own or room_of(target) in LOOSE:
            continue
        assert target in PACKAGES, f"{module} imports {target} past the face of {package_of(target)}"
        if name and origin == target:
            assert name in import_module(target).__all__, f"{module} imports {name}, which {target} does not offer"


def test_imports_make_no_circle():
    graph = {
        module: {target_of(origin, name) for origin, name, at_import in imports(module) if at_import} - {"presoftmax"}
        for module in MODULES
        if module != "presoftmax"
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle: {' -> '.join((*path[path.index(module) :], module))}"
        if module in done:
            return
        for target in graph.get(module, ()):
            # A face imports its own modules, and they one another directly.
            if not (target in PACKAGES and (module.startswith(f"{target}."))):
                visit(target, (*path, module))
        done.add(module)

    for module in graph:
        visit(module, ())


def test_a_module_of_which_a_face_offers_nothing_is_marked_internal():
    for package in PACKAGES - {"presoftmax", "presoftmax.cli"}:  # of a program nobody imports anything
        offered = {origin for origin, _, _ in imports(package)}
        for module in MODULES:
            if module in PACKAGES or package_of(module) != package or module.endswith(".__main__"):
                continue
            internal = module.rpartition(".")[2].startswith("_")
            assert internal != (module in offered), f"{module}: offered by its face is {module in offered}"

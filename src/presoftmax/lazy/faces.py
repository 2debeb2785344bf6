"""Where a package's names come from: what it imports ``if TYPE_CHECKING``, its source says once, for everybody.

``lazy_loader.attach_stub`` of the scientific Python packages reads a stub to the same end.
"""

import ast
from importlib.util import find_spec

__all__ = ["offered_by"]


def offered_by(package: str) -> dict[str, tuple[str, str]]:
    """Each name that a package imports for type checkers only, with its module and its name there."""
    spec = find_spec(package)
    source = getattr(spec.loader, "get_source")(package) if spec is not None else None  # noqa: B009
    blocks = [node for node in ast.parse(source or "").body if isinstance(node, ast.If) and _is_for_checkers(node.test)]
    imports = [each for block in blocks for each in block.body if isinstance(each, ast.ImportFrom)]
    return {
        alias.asname or alias.name: (each.module or package, alias.name) for each in imports for alias in each.names
    }


def _is_for_checkers(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"

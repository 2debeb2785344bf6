"""Showing the catalog."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby

from presoftmax.cli.display import plain_table, terminal
from presoftmax.errors import ModelError
from presoftmax.models import Listed, list_models

__all__ = ["show_models"]

_SHOWN = 4


def show_models(pattern: str, as_json: bool) -> None:
    """Print the models whose name contains the pattern; without one, long sources are cut short."""
    found = [listed for listed in list_models() if pattern.lower() in listed.name.lower()]
    if not found:
        raise ModelError(f"no model whose name contains {pattern!r}; 'presoftmax models' lists all")
    if as_json:
        print(json.dumps([asdict(listed) for listed in found]))
        return
    table = plain_table(("model", "here", "needs"), left=("model", "here", "needs"))
    for name, here, needs in _rows(found, whole=bool(pattern)):
        table.add_row(name, here, needs)
    terminal().print(table)


def _rows(found: Sequence[Listed], whole: bool) -> Iterator[tuple[str, str, str]]:
    for source, group in groupby(found, key=lambda listed: listed.name.rpartition("/")[0]):
        members = sorted(group, key=lambda listed: not listed.available)
        shown = members if whole or len(members) <= 2 * _SHOWN else members[:_SHOWN]
        for listed in shown:
            yield listed.name, "yes" if listed.available else "no", listed.needs
        if len(shown) < len(members):
            yield f"{source}/...", "", f"{len(members) - len(shown)} more: presoftmax models {source}/"

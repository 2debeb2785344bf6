"""The page and the figures of a defense's evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from presoftmax.report.defense.sentences import pooled_prices, unfit_detectors
from presoftmax.report.figures import defense_roc_figure, defense_statistic_figure, save
from presoftmax.report.html import data_uri, render
from presoftmax.storage import RunFolder, replace_text

__all__ = ["write_defense"]

_FIRST_FOOLS, _FIRST_ONE, _ON_THE_WAY = "first fools", "first prints 1.00", "on the way"
_AS_IS, _UNAWARE, _ANYONE = "as they are", "unaware", "any of them"
_DRAWN = ("fisher", "mahalanobis", "margin-left", "copies-mixture", "max-logit", "tukey-fence", "feature-squeezing")
_MOST_DRAWN = 7
_PASSING = 0.05


def write_defense(
    folder: RunFolder,
    summary: dict[str, Any],
    sentences: Sequence[str],
    frames: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
) -> None:
    """Write the figures and ``defense.html``."""
    natural, detections, _ = frames
    calm = natural.filter(pl.col("control") == _AS_IS)
    names = natural["detector"].unique(maintain_order=True).to_list()
    drawn = [name for name in _DRAWN if name in names] or names[:_MOST_DRAWN]
    on_the_way = detections.filter(pl.col("moment") == _ON_THE_WAY)
    default = "fisher" if "fisher" in names else names[-1]
    made = {
        "roc-first": defense_roc_figure(calm, detections, drawn, _FIRST_FOOLS),
        "roc-one": defense_roc_figure(calm, detections, drawn, _FIRST_ONE),
        "statistic": defense_statistic_figure(calm, on_the_way, default),
    }
    figures = {name: data_uri(save(figure, folder.path / "figures" / name)) for name, figure in made.items() if figure}
    page = render(
        "defense.html.j2",
        summary=summary,
        sentences=sentences,
        figures=figures,
        statistic=default,
        detected=_detection_rows(summary["detections"]),
        controls=_control_rows(summary),
        prices=[each for each in summary["prices"] if each["fpr"] == _PASSING],
        pooled=_price_rows(summary, default),
        unfit=unfit_detectors(summary),
        loose={_key(each): each["passed"] for each in summary["prices"] if each["fpr"] != _PASSING},
        key=_key,
    )
    replace_text(folder.path / "defense.html", page)


def _price_rows(summary: Mapping[str, Any], whole: str) -> list[dict[str, Any]]:
    """Of one detector, everyone; of others, anyone who may choose, and who knows nothing."""
    rows: list[dict[str, Any]] = []
    pooled = pooled_prices(summary["prices"])
    for name in sorted({each["detector"] for each in pooled}, key=lambda name: (name != whole, name)):
        of = [each for each in pooled if each["detector"] == name]
        first = [next(each for each in of if each["attacker"] == who) for who in (_UNAWARE, _ANYONE)]
        others = [each for each in of if each["attacker"] not in (_UNAWARE, _ANYONE)]
        others.sort(key=lambda each: (-(each["transferred"] or 0), -each["passed"]))
        rows += [*first, *(others if name == whole else ())]
    return rows


def _key(price: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(price[name] for name in ("source", "attack", "attacker", "detector"))


def _detection_rows(detections: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each for each in detections if each["moment"] != _ON_THE_WAY]


def _control_rows(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """By detector and control: the largest share flagged at each rate over the sources, and whether it is unfit."""
    rows: dict[str, dict[str, Any]] = {}
    for each in summary["controls"]:
        row = rows.setdefault(each["detector"], {"detector": each["detector"], "cells": {}, "unfit": False})
        cell = row["cells"].setdefault(each["control"], {"shares": {}, "unfit": False})
        cell["shares"][each["fpr"]] = max(cell["shares"].get(each["fpr"], 0.0), each["flagged"])
        cell["unfit"] |= each["unfit"]
        row["unfit"] |= each["unfit"]
    return list(rows.values())

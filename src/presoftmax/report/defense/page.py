"""The page and the figures of a defense's evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from presoftmax.report.defense.sentences import aimed_at, pooled_prices, unfit_detectors
from presoftmax.report.figures import defense_roc_figure, defense_statistic_figure, save
from presoftmax.report.html import data_uri, render
from presoftmax.storage import RunFolder, replace_text

__all__ = ["write_defense"]

_FIRST_FOOLS, _FIRST_ONE, _ON_THE_WAY = "first fools", "first prints 1.00", "on the way"
_AS_IS, _UNAWARE = "as they are", "unaware"
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
        pooled=_price_rows(summary),
        loose={_key(each): each["passed"] for each in summary["prices"] if each["fpr"] != _PASSING},
        key=_key,
    )
    replace_text(folder.path / "defense.html", page)


def _price_rows(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of detectors that attackers were made for, everyone; of others, who knows nothing and who gets furthest."""
    rows: list[dict[str, Any]] = []
    pooled = pooled_prices(summary["prices"])
    for name in sorted({each["detector"] for each in pooled}, key=lambda name: (not aimed_at(summary, name), name)):
        of = sorted((each for each in pooled if each["detector"] == name), key=lambda each: -each["transferred"])
        unaware = [each for each in of if each["attacker"] == _UNAWARE]
        aware = [each for each in of if each["attacker"] != _UNAWARE]
        rows += unaware + (aware if aimed_at(summary, name) else aware[:1])
    return rows


def _key(price: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(price[name] for name in ("source", "attack", "attacker", "detector"))


def _detection_rows(detections: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each for each in detections if each["moment"] != _ON_THE_WAY]


def _control_rows(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """By detector: the largest share flagged at 5 % and at 1 % over the sources, for each control."""
    rows: dict[str, dict[str, Any]] = {}
    for each in summary["controls"]:
        if each["fpr"] != _PASSING:
            continue
        row = rows.setdefault(each["detector"], {"detector": each["detector"], "shares": {}, "unfit": False})
        row["shares"][each["control"]] = max(row["shares"].get(each["control"], 0.0), each["flagged"])
    for name in unfit_detectors(summary):
        rows[name]["unfit"] = True
    return list(rows.values())

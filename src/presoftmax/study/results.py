"""What a study's folder says: its tables, its trajectories, its claims."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
import torch

from presoftmax.analysis import Trajectories, read_trajectories
from presoftmax.analysis.claims import CLAIMS, Evidence, StudyClaims
from presoftmax.choices import Copies
from presoftmax.errors import StudyError
from presoftmax.printing import Printed
from presoftmax.scores import TopLogits
from presoftmax.storage import DamagedError, scan_tables, table_columns
from presoftmax.study.attack_config import MultiClassConfig, OverOptimizedConfig
from presoftmax.study.config import StudyConfig
from presoftmax.study.folder import StudyFolder
from presoftmax.study.model_names import ModelNames
from presoftmax.study.units import Unit, units_of
from presoftmax.tables import NOT_FINITE, STEPS, polars_schema

__all__ = ["Results", "claims_content"]


@dataclass(frozen=True, repr=False)
class Results(Printed):
    """A finished study, read from its folder alone.

    Attributes:
        folder: where it is.
        config: the study.
        names: of the models.
        units: all of them.
    """

    folder: StudyFolder
    config: StudyConfig
    names: ModelNames
    units: tuple[Unit, ...]

    @classmethod
    def of(cls, study: StudyFolder | str | Path) -> "Results":
        """Open a study that has run to its end, by its folder.

        Raises:
            StudyError: no study's folder, or units are missing or damaged.
        """
        folder = StudyFolder.of(study)
        config = folder.config()
        try:
            selection = folder.selection()
        except DamagedError as error:
            raise StudyError(f"{error}; run the study again") from error
        if selection is None:
            raise StudyError(f"{folder.path}: nothing has been run yet; 'presoftmax run' comes first")
        names = ModelNames.of(config)
        units = units_of(config, names, len(selection["ids"]))
        missing = [unit for unit in units if not folder.is_done(unit)]
        if missing:
            raise StudyError(
                f"{folder.path}: {len(missing)} of {len(units)} units are missing or damaged (the first: "
                f"{missing[0]}); run it again to go on"
            )
        return cls(folder, config, names, tuple(units))

    def groups(self) -> list[tuple[str, str]]:
        """Every (attack, source), over-optimized attacks of a source before its multi-class ones."""
        single = {attack.label for attack in self.config.attacks if attack.kind == "over-optimized"}
        found = dict.fromkeys((unit.attack, unit.source) for unit in self.units)
        order = {source: i for i, source in enumerate(self.names.labels)}
        return sorted(found, key=lambda group: (order[group[1]], group[0] not in single))

    def steps(self, attack: str, source: str) -> pl.LazyFrame:
        """The `steps` rows of one attack on one source."""
        return self._scan("steps.parquet", attack, source)

    def transfers(self, attack: str, source: str) -> pl.LazyFrame:
        """The `transfers` rows of one attack on one source."""
        return self._scan("transfers.parquet", attack, source)

    def noise(self, attack: str, source: str) -> pl.LazyFrame | None:
        """The `noise` rows; None where the study has none."""
        if not self.config.noise or len(self.names.labels) < 2:
            return None
        return self._scan("noise.parquet", attack, source)

    def copies(self, attack: str, source: str) -> pl.LazyFrame | None:
        """The `copies` rows; None where the study has none."""
        return None if self.config.copies is Copies.NONE else self._scan("copies.parquet", attack, source)

    def trajectories(self, columns: Sequence[str]) -> Iterator[Trajectories]:
        """One after the other, in the order of `groups`."""
        for attack, source in self.groups():
            yield read_trajectories(self.steps(attack, source), self.transfers(attack, source), columns)

    def own_scores(self) -> tuple[str, ...]:
        """Names of the user's own scores: the columns of `steps` beyond those of every study."""
        written = table_columns(self.folder.unit_file(self.units[0], "steps.parquet"))
        return tuple(name for name in written if name not in polars_schema(STEPS))

    def evidence(self) -> Evidence:
        """What claims need besides the trajectories."""
        natural = self.folder.natural().filter(pl.col("predicted") != NOT_FINITE)
        largest = dict(natural.group_by("model").agg(pl.col("ca1").max()).iter_rows())
        sources = self.names.labels[: self.names.sources]
        top_logits = {name: _top_logits(natural.filter(pl.col("model") == name)) for name in sources}
        return Evidence(_compared(self.config), largest, natural["example"].n_unique(), top_logits)

    def receipts(self) -> list[tuple[Unit, dict[str, Any]]]:
        """Each unit with what is known of it."""
        return [(unit, self.folder.unit_receipt(unit)) for unit in self.units]

    def _scan(self, name: str, attack: str, source: str) -> pl.LazyFrame:
        files = [
            self.folder.unit_file(unit, name) for unit in self.units if (unit.attack, unit.source) == (attack, source)
        ]
        return scan_tables(files)


def claims_content(results: Results, claims: StudyClaims) -> dict[str, Any]:
    """What ``claims.json`` holds: everything about the claims, in plain values."""
    verdicts = claims.verdicts()
    return {
        "title": results.config.title,
        "claims": {
            claim.id: {
                "title": claim.title,
                "value": claim.value,
                "rule": claim.rule,
                "verdict": verdicts[claim.id],
                "measured": [{**asdict(each), "certain": each.certain} for each in claims.of(claim.id)],
            }
            for claim in CLAIMS.values()
        },
        "rankings": [
            {"attack": attack, "source": source, "victim": victim, **asdict(ranking)}
            for (attack, source, victim), ranking in claims.rankings.items()
        ],
        "config": results.config.values(),
        "versions": results.folder.about()["versions"],
    }


def _compared(config: StudyConfig) -> dict[str, str]:
    """Each multi-class attack with the over-optimized one that differs from it in nothing else that matters."""
    singles = [attack for attack in config.attacks if isinstance(attack, OverOptimizedConfig)]
    compared = {}
    for several in (attack for attack in config.attacks if isinstance(attack, MultiClassConfig)):
        alike = [
            each for each in singles if (each.discretization, each.space) == (several.discretization, several.space)
        ]
        if alike:
            compared[several.label] = alike[0].label
    return compared


def _top_logits(natural: pl.DataFrame) -> TopLogits:
    """Where the largest logits of a model's natural images lie."""
    columns = [name for name in ("ca1", "ca2", "ca3", "ca4", "ca5") if natural[name].null_count() == 0]
    return TopLogits.fit(torch.from_numpy(natural.select(columns).to_numpy().astype("float64")))

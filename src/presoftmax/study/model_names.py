"""How the models of a study are called: known without loading one."""

from dataclasses import dataclass

from presoftmax.models import absolute_name, check_name, table_names
from presoftmax.printing import Printed
from presoftmax.study.config import VICTIM_TIMEOUT, StudyConfig

__all__ = ["ModelNames"]


@dataclass(frozen=True, repr=False)
class ModelNames(Printed):
    """How to load the models of a study, and how its tables call them.

    Attributes:
        specs: names for the catalog, their paths absolute; sources first, then the models that are only victims.
        labels: likewise, as in the tables.
        sources: how many of them are sources.
        variants: on which `ModelVariant` each network is run, ``""`` for a black box; as they are loaded, if empty.
        timeout: seconds that a black box has for an answer.
    """

    specs: tuple[str, ...]
    labels: tuple[str, ...]
    sources: int
    variants: tuple[str, ...] = ()
    timeout: float = VICTIM_TIMEOUT

    @classmethod
    def of(cls, config: StudyConfig) -> "ModelNames":
        """The names of a study's models; raises `ModelError` for one that is nobody's by its form."""
        named = [*config.models, *config.victims]
        specs, labels = tuple(map(absolute_name, named)), tuple(table_names(*named))
        return cls(specs, labels, len(config.models), timeout=config.victim_timeout)

    def check(self) -> None:
        """Refuse a model that does not exist; raises `ModelError`."""
        for spec in self.specs:
            check_name(spec)

    def victims_of(self, source: int) -> tuple[str, ...]:
        """Everything but the source itself."""
        return tuple(name for i, name in enumerate(self.labels) if i != source)

"""What a score is: logits in, one number out, and what a reader must know of it. It is declared once, where it is."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor

from presoftmax.errors import PresoftmaxError, ScoreError, first_line
from presoftmax.extensions import is_python_name, load_object, takes_two

if TYPE_CHECKING:
    from presoftmax.scores.natural import NaturalReference

__all__ = ["Facts", "Score", "ScoreFunction", "as_scores", "known", "load_scores", "score"]

Known = TypeVar("Known")


@dataclass(frozen=True)
class Facts:
    """What is known of the examples besides their logits; a score that needs what is missing raises `ScoreError`.

    Attributes:
        labels: int64 ``(N,)``, true classes.
        targets: int64 ``(N, k)``, classes that the attack drove up.
        natural: the model's natural images.
    """

    labels: Tensor | None = None
    targets: Tensor | None = None
    natural: "NaturalReference | None" = None


ScoreFunction = Callable[[Tensor, Facts], Tensor]


@dataclass(frozen=True)
class Score:
    """A score and what a reader must know of it; called with logits ``(N, M)`` and `Facts`, it gives float64 ``(N,)``.

    Attributes:
        name: how tables call it.
        function: ``(logits (N, M), facts) -> (N,)``; larger always means stronger.
        formula: in terms of the logits z, sorted z_1 >= z_2 >= ..., and the true class y.
        unit: of its values.
        range: of its values.
        fooled_by: what makes a strong example look weak, or a weak one strong.
        source: where it comes from.
        shift_invariant: whether adding a constant to all logits leaves it as it is.
        needs: fields of `Facts` that it needs.
        recorded: whether it is a column of `steps`, at every iteration, and of what ``presoftmax score`` writes.
        ranked: whether its correlation with transfer is computed; as ``recorded`` when None.
        compared: whether claim C11 sets it against the confidence.
        curved: whether transfer curves have it.
        natural: whether its range over natural images is stated.
        single: whether its column holds float32, as the logits themselves.
    """

    name: str
    function: ScoreFunction
    formula: str = ""
    unit: str = ""
    range: str = "any real number"
    fooled_by: str = ""
    source: str = ""
    shift_invariant: bool = True
    needs: tuple[str, ...] = ()
    recorded: bool = False
    ranked: bool | None = None
    compared: bool = False
    curved: bool = False
    natural: bool = False
    single: bool = False

    def __post_init__(self) -> None:
        known_facts = {each.name for each in fields(Facts)}
        for need in self.needs:
            if need not in known_facts:
                raise ScoreError(f"the score {self.name} needs {need!r}; known are {', '.join(sorted(known_facts))}")

    @property
    def is_ranked(self) -> bool:
        """Whether its correlation with transfer is computed."""
        return self.recorded if self.ranked is None else self.ranked

    def can_be_told(self, facts: Facts) -> bool:
        """Whether all that it needs is known."""
        return all(getattr(facts, need) is not None for need in self.needs)

    def __call__(self, logits: Tensor, facts: Facts | None = None) -> Tensor:
        """The score, float64 ``(N,)``.

        Raises:
            ScoreError: facts that it needs are missing.
        """
        given = facts or Facts()
        missing = [need for need in self.needs if getattr(given, need) is None]
        if missing:
            raise ScoreError(f"the score {self.name} needs {' and '.join(missing)}")
        try:
            values = self.function(logits, given)
        except PresoftmaxError:
            raise
        except Exception as error:  # the user's code may raise anything
            raise ScoreError(f"the score {self.name} raised {type(error).__name__}: {first_line(error)}") from error
        if not isinstance(values, Tensor) or values.shape != logits.shape[:1]:
            got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise ScoreError(f"the score {self.name} gave {got} for logits {tuple(logits.shape)}; expected (N,)")
        return values.double()


def score(**about: Any) -> Callable[[ScoreFunction], Score]:
    """Declare a function ``(logits (N, M), facts) -> (N,)`` as a score of its name; keywords as for `Score`.

    @ps.scores.score(formula="z_1 - mean(z)", unit="logit")
    def height(logits, facts):
        return logits.amax(dim=1) - logits.mean(dim=1)

    ps.trace(attack, source, images, labels, scores=[height])  # a column "height" in trace.steps
    """

    def declare(function: ScoreFunction) -> Score:
        return Score(function.__name__.strip("_"), function, **about)

    return declare


def as_scores(given: Any, taken: Iterable[str] = ()) -> tuple[Score, ...]:
    """Scores of one's own: each a `Score`, or a plain function.

    Raises:
        ScoreError: two of one name, or one of a name that is ``taken``.
        TypeError: neither a `Score` nor a function.
    """
    found: list[Score] = []
    names = set(taken)
    several = isinstance(given, Sequence | Set | Iterator) and not isinstance(given, str)
    for each in given if several else [given]:
        if not isinstance(each, Score) and not takes_two(each):
            raise TypeError(f"scores: each is a Score or a function (logits, facts) -> (N,), not {type(each).__name__}")
        one = each if isinstance(each, Score) else score()(each)
        if one.name == "<lambda>":
            one = replace(one, name=f"score_{len(found) + 1}")
        if one.name in names:
            raise ScoreError(f"there is a score {one.name!r} already; give it another name")
        names.add(one.name)
        found.append(one)
    return tuple(found)


def known(value: Known | None) -> Known:
    """A fact that a score needs; `Score.__call__` has seen to it that it is there."""
    if value is None:
        raise ScoreError("a score was called without the facts that it needs")
    return value


def load_scores(specs: Iterable[str], taken: Iterable[str] = ()) -> tuple[Score, ...]:
    """Scores of one's own by ``FILE.py:NAME``, each a `Score` or a function ``(logits (N, M), facts) -> (N,)``.

    Raises:
        ScoreError: a file or a name that is not there, something else than a score, or a name that is ``taken``.
    """
    found = []
    for spec in specs:
        if not is_python_name(spec):
            raise ScoreError(f"score {spec!r}: a score of one's own is named FILE.py:NAME")
        loaded = load_object(spec, "score", ScoreError)
        if not isinstance(loaded.value, Score) and not takes_two(loaded.value):
            kind = type(loaded.value).__name__
            raise ScoreError(f"{loaded.what}: of type {kind}, no Score and no function of logits and facts")
        try:
            as_scores([loaded.value], taken)
        except ScoreError as error:
            raise ScoreError(f"{loaded.what}: {error}") from error
        found.append(loaded.value)
    return as_scores(found, taken)

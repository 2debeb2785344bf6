"""The first thing on a page: a few examples whose confidence says one thing, and what stands before it another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from presoftmax.report.html import data_uri
from presoftmax.text import counted

__all__ = ["LARGE", "Band", "Hero", "pair_sentence", "thumbnail"]

LARGE = 224


@dataclass(frozen=True)
class Hero:
    """An example as it is shown first.

    Attributes:
        clean: its clean image, as an address that holds it.
        image: the adversarial one.
        label: name of the true class.
        predicted: name of what the source takes it for.
        note: what it is, in a few words (``iteration 14``); may be empty.
        confidence: of the source.
        ca1: its largest logit.
        fooled: how many victims it fools, and of how many; None without victims.
        over_optimized: beyond any natural image.
        disguised: and yet with a low confidence.
    """

    clean: str
    image: str
    label: str
    predicted: str
    note: str
    confidence: float
    ca1: float
    fooled: tuple[int, int] | None
    over_optimized: bool
    disguised: bool


@dataclass(frozen=True)
class Band:
    """Where bars of CA1 stand against natural images, in percent of their width.

    Attributes:
        natural: quantiles of CA1 on natural images, by the probability as text.
        largest_shown: the largest CA1 of any example that is drawn.
    """

    natural: Mapping[str, float]
    largest_shown: float

    def at(self, value: float) -> float:
        """Where a value stands."""
        width = max(self.most, self.largest_shown, 1e-9)
        return 100 * min(max(value / width, 0.0), 1.0)

    @property
    def most(self) -> float:
        """The largest CA1 of any natural image."""
        return self.natural["1"]

    @property
    def low(self) -> float:
        """Where 5 % of the natural images lie below."""
        return self.at(self.natural["0.05"])

    @property
    def high(self) -> float:
        """Where 5 % of them lie above."""
        return self.at(self.natural["0.95"])


def pair_sentence(heroes: Sequence[Hero], most: float, images: int) -> str:
    """What the first two say, in words, where they read the same confidence; else nothing.

    Args:
        heroes: in the order they are shown, the weaker one first.
        most: the largest CA1 of any natural image.
        images: how many natural images there are.
    """
    if len(heroes) < 2 or f"{heroes[0].confidence:.2f}" != f"{heroes[1].confidence:.2f}":
        return ""
    weak, strong = heroes[:2]
    text = (
        f"Both read confidence {weak.confidence:.2f}. Before the softmax the one stands {weak.ca1:.1f} high, the other "
        f"{strong.ca1:.1f}; the largest of {counted(images, 'natural image')} is {most:.1f}."
    )
    if weak.fooled is None or strong.fooled is None:
        return text
    of = f"of {counted(weak.fooled[1], 'other model')}"
    if weak.fooled == strong.fooled:
        return f"{text} Each fools {weak.fooled[0]} {of}."
    return f"{text} They fool {weak.fooled[0]} and {strong.fooled[0]} {of}."


def thumbnail(picture: Image.Image, side: int = LARGE) -> str:
    """A picture as a small PNG in an address; small ones grow with sharp pixels."""
    small = picture.width < side
    picture = picture.resize((side, side), Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS)
    file = BytesIO()
    picture.save(file, format="PNG")
    return data_uri(file.getvalue())

"""The commands and their options."""

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from presoftmax._version import __version__
from presoftmax.errors import PresoftmaxError

__all__ = ["app", "main"]

app = typer.Typer(
    name="presoftmax",
    help="How strong an adversarial example really is, from what stands before the softmax.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class BalanceOption(StrEnum):
    """How a multi-class attack balances its targets."""

    RANK = "rank"
    LEVEL = "level"


class DiscretizationOption(StrEnum):
    """When images are rounded to 8 bits."""

    EVERY_STEP = "every-step"
    STRAIGHT_THROUGH = "straight-through"
    FINAL = "final"


def main() -> None:
    """Run the command line; what the user can put right becomes one line on stderr and exit status 2."""
    try:
        app()
    except PresoftmaxError as error:
        _fail(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")


def _fail(message: str) -> None:
    print(f"presoftmax: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"presoftmax {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """How strong an adversarial example really is, from what stands before the softmax."""


@app.command()
def demo(
    images: Annotated[int, typer.Option(min=1, help="Attack at most so many photos that all models get right.")] = 16,
    steps: Annotated[int, typer.Option(min=1, help="Iterations of each attack.")] = 40,
    alpha: Annotated[float, typer.Option(help="Step size; the multi-class attack gets 1/3 to 2/3 of it.")] = 0.3,
    discretization: Annotated[
        DiscretizationOption, typer.Option(help="When images are rounded to 8 bits.")
    ] = DiscretizationOption.STRAIGHT_THROUGH,
    classes: Annotated[int, typer.Option(min=2, help="Target classes of the multi-class attack.")] = 2,
    balance: Annotated[
        BalanceOption, typer.Option(help="How they are balanced: the paper's rule, or logits held level.")
    ] = BalanceOption.RANK,
    source: Annotated[str, typer.Option(help="Source model; 'presoftmax models' lists names.")] = "efficientnet_lite0",
    victims: Annotated[
        str, typer.Option(help="Victim models, separated by commas.")
    ] = "efficientnet_lite1,efficientnet_lite2",
    seed: Annotated[int, typer.Option(help="For drawing target classes.")] = 0,
    photos: Annotated[
        Path | None,
        typer.Option(help="Folder of your own photos in place of the samples.", show_default=False),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV of their labels; without it, class folders.", show_default=False)
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...", show_default="a GPU if there is one")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder to make.", show_default="presoftmax-runs/demo-DATE-TIME")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout, all else on stderr.")
    ] = False,
) -> None:
    """Attack real photos with both of the paper's attacks and show what the softmax hides."""
    from presoftmax.cli.demo import show_demo
    from presoftmax.demo import Settings

    settings = Settings(
        images=images,
        steps=steps,
        alpha=alpha,
        discretization=discretization.value,
        classes=classes,
        balance=balance.value,
        source=source,
        victims=tuple(name.strip() for name in victims.split(",") if name.strip()),
        seed=seed,
        photos=photos,
        labels=labels,
        device=device,
    )
    show_demo(settings, out or Path("presoftmax-runs") / f"demo-{datetime.now():%Y%m%d-%H%M%S}", as_json)


@app.command()
def models(
    pattern: Annotated[str, typer.Argument(help="Only names that contain this.", show_default=False)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list on stdout.")] = False,
) -> None:
    """List the models that have a name, whether they are available here, and what each needs."""
    from presoftmax.cli.models import show_models

    show_models(pattern, as_json)

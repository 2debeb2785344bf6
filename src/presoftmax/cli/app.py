"""The commands and their options."""

import csv
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from presoftmax._version import __version__
from presoftmax.choices import Balance, Criterion, Discretization, EngineKind, Precision
from presoftmax.cli.signals import interruptible, status_of_signal
from presoftmax.errors import PresoftmaxError, PresoftmaxWarning, first_line, one_line

__all__ = ["app", "main"]


class _Commands(TyperGroup):
    """Commands that a signal ends with one line; typer would end them without a word, and all of them with 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("presoftmax: interrupted", file=sys.stderr)
            sys.exit(status_of_signal())


app = typer.Typer(
    name="presoftmax",
    cls=_Commands,
    help="How strong an adversarial example really is, from what stands before the softmax.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


Device = Annotated[
    str | None,
    typer.Option(help="cpu, cuda, cuda:0,cuda:1 (a process each), cuda:all.", show_default="a GPU if there is one"),
]
EngineChoice = Annotated[EngineKind, typer.Option("--engine", help="This machine, or a Ray cluster.")]
Address = Annotated[str | None, typer.Option(help="Ray: of the cluster, or auto.", show_default="a new one here")]
Cpus = Annotated[int, typer.Option(min=1, help="Ray: CPUs for each task.")]
Batch = Annotated[
    int | None, typer.Option(min=1, max=1_000_000, help="Images attacked at a time.", show_default="by size and device")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, all else on stderr.")]
MaxHours = Annotated[
    float | None,
    typer.Option(help="Begin no further unit after so long; exit status 75 if some are left.", show_default="no limit"),
]
Study = Annotated[Path, typer.Argument(help="A study's TOML file ('presoftmax init' writes one), or its folder.")]
Folder = Annotated[Path, typer.Argument(help="A study's folder.")]


def _without_cache(wanted: bool) -> bool:
    if wanted:  # for the processes of a study, too
        os.environ["PRESOFTMAX_NO_CACHE"] = "1"
    return wanted


NoCache = Annotated[
    bool,
    typer.Option("--no-cache", callback=_without_cache, help="Measure anew which way of running a network is fastest."),
]

_COMMAS = "separated by commas; one that holds a comma in double quotes ('\"a,b\",c')"
_NATURAL_IMAGES = (
    "Natural images: a folder, .npz, .npy, .pt (torchattacks' save) or .safetensors; 'samples' for the demo's."
)


def main() -> None:
    """Run the command line; what the user can put right becomes one line on stderr and exit status 2."""
    warnings.showwarning = _show_warning
    try:
        with interruptible():
            app()
    except PresoftmaxError as error:
        _fail(str(error))
    except (MemoryError, RuntimeError) as error:
        what = _too_much(error)
        if what is None:
            raise
        _fail(what)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")


def _too_much(error: BaseException) -> str | None:
    """What is said of an error that is about memory, or about nesting; None of any other."""
    if isinstance(error, RecursionError):
        return "something is nested too deeply (a file, or a model); make it flatter"
    from presoftmax.models import is_out_of_memory

    if is_out_of_memory(error):
        return f"memory is too small ({first_line(error)}); take fewer or smaller images, or a smaller --batch"
    return None


def _fail(message: str) -> None:
    print(f"presoftmax: error: {one_line(message)}", file=sys.stderr)
    sys.exit(2)


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    kind = "warning" if issubclass(category, PresoftmaxWarning) else category.__name__
    print(f"presoftmax: {kind}: {one_line(message)}", file=sys.stderr)


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
    alpha: Annotated[float, typer.Option(help="Step size; the multi-class attack gets 1/3 to 2/3 of it.")] = 0.6,
    discretization: Annotated[
        Discretization, typer.Option(help="When images are rounded to 8 bits.")
    ] = Discretization.STRAIGHT_THROUGH,
    classes: Annotated[int, typer.Option(min=2, help="Target classes of the multi-class attack.")] = 2,
    balance: Annotated[
        Balance, typer.Option(help="How they are balanced: the paper's rule, or logits held level.")
    ] = Balance.RANK,
    attack: Annotated[
        list[str] | None,
        typer.Option(
            help="FILE.py:FUNCTION that returns an attack, or the name of one; repeat it for several.",
            show_default="both of the paper's",
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(help="FILE.py:NAME of an objective, or the name of one, for an attack of it.", show_default=False),
    ] = None,
    update: Annotated[
        str | None,
        typer.Option(help="FILE.py:NAME of an update, or the name of one, likewise.", show_default=False),
    ] = None,
    scores: Annotated[str, typer.Option(help=f"FILE.py:NAME of scores of your own to record, {_COMMAS}.")] = "",
    source: Annotated[str, typer.Option(help="Source model; 'presoftmax models' lists names.")] = "efficientnet_lite0",
    victims: Annotated[str, typer.Option(help=f"Victim models, {_COMMAS}.")] = "efficientnet_lite1,efficientnet_lite2",
    seed: Annotated[int, typer.Option(help="For drawing target classes.")] = 0,
    photos: Annotated[
        Path | None,
        typer.Option(help="A folder or a file of your own photos in place of the samples.", show_default=False),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV of their labels; without it, class folders.", show_default=False)
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...", show_default="a GPU if there is one")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder to make.", show_default="presoftmax-runs/demo-DATE-TIME")
    ] = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """Attack real photos with both of the paper's attacks and show what the softmax hides."""
    from presoftmax.cli.demo import show_demo
    from presoftmax.workflows import DemoSettings

    settings = DemoSettings(
        images=images,
        steps=steps,
        alpha=alpha,
        discretization=discretization,
        classes=classes,
        balance=balance,
        attack_names=tuple(attack or ()),
        objective=objective,
        update=update,
        scores=_listed("scores", scores),
        source=source,
        victims=_listed("victims", victims),
        seed=seed,
        photos=photos,
        labels=labels,
        device=device,
    )
    show_demo(settings, out, as_json)


@app.command()
def models(
    pattern: Annotated[str, typer.Argument(help="Only names that contain this.", show_default=False)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list on stdout.")] = False,
) -> None:
    """List the models that have a name, whether they are available here, and what each needs."""
    from presoftmax.cli.models import show_models

    show_models(pattern, as_json)


@app.command()
def saturation(
    classes: Annotated[list[int] | None, typer.Option(min=2, help="Number of classes; repeat it for several.")] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, ...", show_default="all there are; cpu with --json")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw probability and log-odds against the gap, as .png and .svg.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Find where a softmax probability becomes exactly 1, in each format, on the kernels of this machine."""
    from presoftmax.cli.saturation import show_saturation

    show_saturation(tuple(classes or (2, 10, 1000)), device, figure, as_json)


@app.command()
def audit(
    model: Annotated[str, typer.Argument(help="Name of the model; 'presoftmax models' lists names.")],
    images: Annotated[str, typer.Argument(help=_NATURAL_IMAGES)],
    labels: Annotated[Path | None, typer.Option(help="CSV of labels, for the accuracy.", show_default=False)] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...", show_default="a GPU if there is one")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to make.", show_default="presoftmax-runs/audit-DATE-TIME")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how far a model's confidence can be trusted on natural images, and fit what later commands compare with."""
    from presoftmax.cli.audit import show_audit

    show_audit(model, images, labels, device, out, as_json)


@app.command()
def reproduce(
    imagenet: Annotated[
        Path | None, typer.Option(help="Folder of ImageNet, with val/ and its class folders.", show_default=False)
    ] = None,
    panel: Annotated[str, typer.Option(help="paper, efficientnet-lite, or a study's TOML file.")] = "paper",
    images: Annotated[
        int | None, typer.Option(min=1, help="Images to attack.", show_default="2500, or the file's")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Iterations of each attack.", show_default="500, or the file's")
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help="float32 all the way, or bfloat16 where faster.", show_default="exact, or the file's"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Its folder.", show_default="presoftmax-runs/PANEL")] = None,
    engine: EngineChoice = EngineKind.LOCAL,
    device: Device = None,
    address: Address = None,
    cpus: Cpus = 1,
    batch: Batch = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """Run the paper's whole study, or go on with it, and give a verdict on each of its claims."""
    from presoftmax.cli.study import engine_of, show_report, show_run
    from presoftmax.study import preset

    config = preset(panel, str(imagenet) if imagenet else None, images, steps, precision)
    folder = out or Path("presoftmax-runs") / Path(panel).stem
    with engine_of(engine, device, address, cpus) as chosen:
        show_run(config, folder, chosen, batch)
    show_report(folder, as_json)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("study.toml"),
    models: Annotated[
        str,
        typer.Option(
            help=f"Your models (FILE.py:FUNCTION, or names of 'presoftmax models'), {_COMMAS}.",
            show_default="the paper's",
        ),
    ] = "",
    images: Annotated[
        str | None,
        typer.Option(help="Your images: class folders, a file, or a folder with --labels.", show_default="to fill in"),
    ] = None,
    labels: Annotated[str | None, typer.Option(help="CSV of labels of a flat folder.", show_default=False)] = None,
) -> None:
    """Write a commented study to start from: the paper's, or one of your models and images."""
    from presoftmax.cli.study import write_template

    write_template(path, _listed("models", models), images, labels)


@app.command()
def plan(
    study: Study, device: Device = None, batch: Batch = None, no_cache: NoCache = False, as_json: AsJson = False
) -> None:
    """Say what a study will cost before anything runs: passes, bytes, and hours from a few measured seconds."""
    from presoftmax.cli.study import show_plan, study_of

    show_plan(study_of(study)[0], device, batch, as_json)


@app.command()
def run(
    study: Study,
    out: Annotated[Path | None, typer.Option(help="Its folder.", show_default="presoftmax-runs/STUDY")] = None,
    engine: EngineChoice = EngineKind.LOCAL,
    device: Device = None,
    address: Address = None,
    cpus: Cpus = 1,
    batch: Batch = None,
    max_hours: MaxHours = None,
    no_cache: NoCache = False,
) -> None:
    """Run a study, or go on with it where it stopped."""
    from presoftmax.cli.study import engine_of, show_run, study_of
    from presoftmax.study import check_hours

    config, usual = study_of(study)
    check_hours(max_hours)
    with engine_of(engine, device, address, cpus) as chosen:
        show_run(config, out or usual, chosen, batch, max_hours)
    typer.echo(f"finished: presoftmax report {out or usual}", err=True)


@app.command()
def status(folder: Folder, as_json: AsJson = False) -> None:
    """Say how far a study is, and how long the rest will take."""
    from presoftmax.cli.study import show_status

    show_status(folder, as_json)


@app.command()
def report(folder: Folder, as_json: AsJson = False) -> None:
    """Write a finished study's figures and its verdict on each claim: HTML, PNG and SVG, claims.json."""
    from presoftmax.cli.study import show_report

    show_report(folder, as_json)


predict = typer.Typer(help="Whether transfer can be told from an example.", no_args_is_help=True)
app.add_typer(predict, name="predict")


@predict.command("fit")
def predict_fit(
    study: Folder,
    out: Annotated[Path, typer.Option(help="JSON file to write.")] = Path("predictor.json"),
    criterion: Annotated[Criterion, typer.Option(help="What counts as transferred.")] = Criterion.MISCLASSIFIED,
    clean_victim: Annotated[
        bool,
        typer.Option("--clean-victim", help="Also use the victim's answer to the clean image; 'score' has none."),
    ] = False,
) -> None:
    """Fit a probability of transfer to a finished study."""
    from presoftmax.cli.predict import show_fit

    show_fit(study, out, criterion, clean_victim)


@predict.command("evaluate")
def predict_evaluate(
    study: Folder,
    predictor: Annotated[
        Path | None, typer.Option(help="File of 'presoftmax predict fit', of another study.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how well each method tells transfer in a finished study, and what is impossible."""
    from presoftmax.cli.predict import show_evaluation

    show_evaluation(study, predictor, as_json)


@app.command()
def score(
    adversarial: Annotated[
        Path, typer.Argument(help="Adversarial images: a folder, .npz, .pt (torchattacks' save) or .safetensors.")
    ],
    source: Annotated[str, typer.Option(help="The model that they were made on.")],
    clean: Annotated[
        Path | None, typer.Option(help="Their clean images, likewise.", show_default="those in the file")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV of labels of a folder of clean images.", show_default=False)
    ] = None,
    victims: Annotated[str, typer.Option(help=f"Models that they are shown to, {_COMMAS}.")] = "",
    surrogates: Annotated[
        str,
        typer.Option(
            help=f"Models that stand for those nobody can ask, {_COMMAS}: how far is transfer to be expected?"
        ),
    ] = "",
    predictor: Annotated[
        Path | None,
        typer.Option(help="File of 'presoftmax predict fit': the probability of transfer.", show_default=False),
    ] = None,
    scores: Annotated[str, typer.Option(help=f"FILE.py:NAME of scores of your own, {_COMMAS}.")] = "",
    natural: Annotated[
        Path | None,
        typer.Option(help="natural.json of 'presoftmax audit'.", show_default="the clean images stand in for it"),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...", show_default="a GPU if there is one")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to make.", show_default="presoftmax-runs/score-DATE-TIME")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how strong adversarial images really are, whoever made them."""
    from presoftmax.cli.score import show_score
    from presoftmax.workflows import ScoreSettings

    settings = ScoreSettings(
        adversarial,
        clean,
        labels,
        source,
        _listed("victims", victims),
        natural,
        device,
        _listed("scores", scores),
        _listed("surrogates", surrogates),
        predictor,
    )
    show_score(settings, out, as_json)


guard = typer.Typer(help="A first line of defense on logits, and what it costs who knows it.", no_args_is_help=True)
app.add_typer(guard, name="guard")


@guard.command("fit")
def guard_fit(
    model: Annotated[str, typer.Argument(help="Name of the model; 'presoftmax models' lists names.")],
    images: Annotated[str, typer.Argument(help=_NATURAL_IMAGES)],
    out: Annotated[Path, typer.Option(help=".json or .safetensors to write.")] = Path("guard.json"),
    detector: Annotated[
        str, typer.Option(help="Name of a detector (a wrong one lists them), or a sum of several: A+B.")
    ] = "fisher",
    fpr: Annotated[
        float | None,
        typer.Option(help="Share of natural images that may be flagged.", show_default="0.01, or as small as can be"),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...", show_default="a GPU if there is one")] = None,
    as_json: AsJson = False,
) -> None:
    """Fit an alarm on natural images of a model."""
    from presoftmax.cli.guard import show_fit

    show_fit(model, images, out, detector, fpr, device, as_json)


@guard.command("check")
def guard_check(
    images: Annotated[str, typer.Argument(help="Images: a folder, a single one, a file of arrays, or 'samples'.")],
    guard: Annotated[Path, typer.Option(help="File of 'presoftmax guard fit'.")] = Path("guard.json"),
    model: Annotated[
        str | None, typer.Option(help="Name of the model.", show_default="the one that the guard was fitted on")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...", show_default="a GPU if there is one")] = None,
    as_json: AsJson = False,
) -> None:
    """Say which images look natural to a model; exit status 1 when one does not, or cannot be read."""
    from presoftmax.cli.guard import show_check

    if show_check(images, guard, model, device, as_json):
        raise typer.Exit(1)


@guard.command("evaluate")
def guard_evaluate(
    study: Annotated[Path, typer.Argument(help="A study's TOML file; its table [defense] says what is tried.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to make.", show_default="presoftmax-runs/guard-DATE-TIME")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...", show_default="a GPU if there is one")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what detectors find, what they flag that is harmless, and what they cost an attacker who knows them."""
    from presoftmax.cli.guard import show_evaluation

    show_evaluation(study, out, device, as_json)


@app.command()
def explore(
    run: Annotated[Path, typer.Argument(help="Folder of a demo, of a study, or of what 'presoftmax score' wrote.")],
    bundle: Annotated[
        Path | None,
        typer.Option(help="Write the page as static files into this folder, for any web server.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the local page.", show_default="any free one")] = 0,
    browser: Annotated[bool, typer.Option(help="Open it in the browser.")] = True,
) -> None:
    """Look at every example, iteration by iteration, in the browser: what the softmax hides."""
    from presoftmax.cli.explore import show_explore

    show_explore(run, bundle, port, browser)


def _listed(option: str, text: str) -> tuple[str, ...]:
    """Names separated by commas; one that holds a comma stands in double quotes: ``"a,b",c`` are two."""
    try:
        rows = list(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise PresoftmaxError(f"--{option} {text!r}: {error}; names are {_COMMAS}") from error
    return tuple(name.strip() for row in rows for name in row if name.strip())

"""The same job, as a user of each library would write it.

Sign steps of 1/255 inside 8/255 in L-infinity, from the clean images, away from the true class; the source's and two
victims' logits of the image of every iteration, 0 to the last.

Each contender takes a `Task`, does what is done once for a model (wrapping it, for instance), and returns a function
that does the job.
"""

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON, ALPHA = 8 / 255, 1 / 255
Job = Callable[[], Any]
"""Gives, for the source and each victim, its logits ``(N, M)`` of every iteration; presoftmax gives its tables."""


@dataclass(frozen=True)
class Task:
    """What a contender gets."""

    source: nn.Module
    victims: list[nn.Module]
    pixels: Tensor
    labels: Tensor
    steps: int

    @property
    def images(self) -> Tensor:
        """Float images in [0, 1]."""
        return self.pixels.float() / 255


class Watched(nn.Module):
    """A source that writes down its logits and the victims', whoever calls it."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.source, self.victims = task.source, nn.ModuleList(task.victims)
        self.found: list[list[Tensor]] = []

    def forward(self, images: Tensor) -> Tensor:
        logits = self.source(images)
        with torch.no_grad():
            shown = images.detach()
            self.found.append([logits.detach().clone(), *(victim(shown) for victim in self.victims)])
        return logits

    def take(self, final: Tensor, steps: int) -> list[list[Tensor]]:
        """What was found at every iteration; the image that came out at the end is looked at now."""
        with torch.no_grad():
            self(final)
        found, self.found = self.found, []
        return [list(each) for each in zip(*(found[:steps] + found[-1:]), strict=True)]


def presoftmax(task: Task, precision: str = "exact") -> Job:
    import presoftmax as ps
    from presoftmax.tracing import stream

    attack = ps.attacks.bim(task.steps, EPSILON, ALPHA)
    ids = [str(i) for i in range(len(task.labels))]
    job = ps.prepare(attack, task.source, task.pixels, task.labels, victims=task.victims, ids=ids,
                     precision=precision, accelerate=True)  # fmt: skip

    def run() -> tuple[pl.DataFrame, pl.DataFrame]:
        blocks = list(stream(job))
        return pl.concat([block.steps for block in blocks]), pl.concat([block.transfers for block in blocks])

    return run


def presoftmax_fast(task: Task) -> Job:
    return presoftmax(task, "fast")


def plain_pytorch(task: Task, batch: int | None = None) -> Job:
    for model in (task.source, *task.victims):
        model.requires_grad_(False)

    def one_batch(clean: Tensor, labels: Tensor) -> list[list[Tensor]]:
        found: list[list[Tensor]] = [[] for _ in range(1 + len(task.victims))]
        images = clean.clone()
        for step in range(task.steps + 1):
            images.requires_grad_(step < task.steps)
            logits = task.source(images)
            found[0].append(logits.detach())
            if step < task.steps:
                loss = F.cross_entropy(logits, labels, reduction="sum")
                (gradient,) = torch.autograd.grad(loss, images)
            with torch.no_grad():
                for i, victim in enumerate(task.victims):
                    found[1 + i].append(victim(images))
                if step < task.steps:
                    images = images + ALPHA * gradient.sign()
                    images = torch.clamp(images, clean - EPSILON, clean + EPSILON).clamp_(0, 1)
        return found

    def run() -> list[list[Tensor]]:
        size = batch or len(task.labels)
        parts = [one_batch(*each) for each in zip(task.images.split(size), task.labels.split(size), strict=True)]
        return [[torch.cat(each) for each in zip(*models, strict=True)] for models in zip(*parts, strict=True)]

    return run


def plain_pytorch_by_4(task: Task) -> Job:
    return plain_pytorch(task, 4)


def torchattacks(task: Task) -> Job:
    import torchattacks as library

    watched = Watched(task).eval()
    attack = library.PGD(watched, eps=EPSILON, alpha=ALPHA, steps=task.steps, random_start=False)

    def run() -> list[list[Tensor]]:
        return watched.take(attack(task.images, task.labels), task.steps)

    return run


def foolbox(task: Task) -> Job:
    import foolbox as library

    watched = Watched(task).eval()
    attack = library.attacks.LinfPGD(abs_stepsize=ALPHA, steps=task.steps, random_start=False)

    def run() -> list[list[Tensor]]:
        model = library.PyTorchModel(watched, bounds=(0, 1), device="cpu")
        watched.found.clear()
        final = attack.run(model, task.images, library.criteria.Misclassification(task.labels), epsilon=EPSILON)
        return watched.take(final, task.steps)

    return run


def art(task: Task) -> Job:
    from art.attacks.evasion import ProjectedGradientDescent
    from art.estimators.classification import PyTorchClassifier

    watched = Watched(task).eval()
    shape = tuple(task.pixels.shape[1:])
    with torch.no_grad():
        classes = task.source(task.images[:1]).shape[1]
    classifier = PyTorchClassifier(
        watched, nn.CrossEntropyLoss(), shape, classes, clip_values=(0, 1), device_type="cpu"
    )
    attack = ProjectedGradientDescent(classifier, eps=EPSILON, eps_step=ALPHA, max_iter=task.steps,
                                      batch_size=len(task.labels), verbose=False)  # fmt: skip

    def run() -> list[list[Tensor]]:
        watched.found.clear()
        final = attack.generate(task.images.numpy(), task.labels.numpy())
        return watched.take(torch.from_numpy(final), task.steps)

    return run


def torchattack(task: Task) -> Job:
    import torchattack as library

    watched = Watched(task).eval()
    attack = library.PGD(watched, normalize=None, device=torch.device("cpu"), eps=EPSILON, steps=task.steps,
                         alpha=ALPHA, random_start=False)  # fmt: skip

    def run() -> list[list[Tensor]]:
        return watched.take(attack(task.images, task.labels), task.steps)

    return run


def secml_torch(task: Task) -> Job:
    from secmlt.adv.backends import Backends
    from secmlt.adv.evasion.perturbation_models import LpPerturbationModels
    from secmlt.adv.evasion.pgd import PGD
    from secmlt.models.pytorch.base_pytorch_nn import BasePyTorchClassifier
    from secmlt.trackers import ScoresTracker, Tracker
    from torch.utils.data import DataLoader, TensorDataset

    class VictimTracker(Tracker):
        def __init__(self, victim: nn.Module) -> None:
            super().__init__("Victim")
            self.victim, self.tracked = victim, []

        def track(self, iteration: int, loss: Any, scores: Any, x_adv: Tensor, delta: Any, grad: Any) -> None:
            with torch.no_grad():
                self.tracked.append(self.victim(x_adv.detach()))

    def run() -> list[list[Tensor]]:
        trackers = [ScoresTracker(), *(VictimTracker(victim) for victim in task.victims)]
        attack = PGD(perturbation_model=LpPerturbationModels.LINF, epsilon=EPSILON, num_steps=task.steps,
                     step_size=ALPHA, random_start=False, y_target=None, backend=Backends.NATIVE,
                     trackers=trackers)  # fmt: skip
        data = DataLoader(TensorDataset(task.images, task.labels), batch_size=len(task.labels))
        final = torch.cat([batch[0] for batch in attack(BasePyTorchClassifier(task.source), data)])
        with torch.no_grad():
            last = [model(final) for model in (task.source, *task.victims)]
        return [[*tracker.get().unbind(-1)[: task.steps], z] for tracker, z in zip(trackers, last, strict=True)]

    return run


CONTENDERS: dict[str, Callable[[Task], Job]] = {
    "presoftmax, exact": presoftmax,
    "presoftmax, fast": presoftmax_fast,
    "plain PyTorch": plain_pytorch,
    "plain PyTorch, 4 at a time": plain_pytorch_by_4,
    "torchattacks": torchattacks,
    "torchattack": torchattack,
    "foolbox": foolbox,
    "ART": art,
    "SecML-Torch": secml_torch,
}


def largest_logits(found: Any) -> Tensor:
    """What a contender found as ``(models, iterations, N)``: the largest logit of each image."""
    if isinstance(found, list):
        return torch.stack([torch.stack([z.amax(dim=1) for z in model]) for model in found]).detach()
    steps, transfers = found
    frames = [steps, *(part for _, part in transfers.group_by("victim", maintain_order=True))]
    iterations = steps["iteration"].max() + 1
    columns = []
    for frame in frames:
        ordered = frame.with_columns(pl.col("example").cast(pl.Int32)).sort("iteration", "example")
        columns.append(torch.from_numpy(ordered["ca1"].to_numpy().copy()).reshape(iterations, -1))
    return torch.stack(columns)


def lines_of_code(name: str) -> int:
    """Lines that a user would write for this contender, blank ones not counted."""
    parts: list[Any] = [CONTENDERS[name]]
    if name.startswith("presoftmax"):
        parts = [presoftmax]
    elif name.startswith("plain"):
        parts = [plain_pytorch]
    elif name != "SecML-Torch":
        parts.append(Watched)
    return sum(bool(line.strip()) for part in parts for line in inspect.getsource(part).splitlines())


warnings.simplefilter("ignore")

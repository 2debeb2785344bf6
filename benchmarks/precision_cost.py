"""What `fast` costs: the same attack in float32, as `fast` chooses, and in bfloat16 throughout.

    python -m benchmarks.precision_cost [--images 16] [--steps 30] [--json FILE]

EfficientNet-Lite0 on sample photos, Lite1 and Lite2 as victims (extra ``demo``). All end images are looked at by the
float32 models, too: what an attack found in bfloat16 has to hold in float32.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import polars as pl
import torch

import presoftmax as ps
from presoftmax.models import Classifier, ModelVariant, as_variant
from presoftmax.storage import versions
from presoftmax.tracing import Trace

HALF = "bfloat16 throughout"


def looked_at(trace: Trace, source: Classifier, victims: list[Classifier]) -> dict[str, Any]:
    """The end images by what the trace recorded and by the float32 models."""
    last = trace.steps.filter(pl.col("iteration") == trace.job.attack.steps)
    shown = trace.transfers.filter(pl.col("iteration") == trace.job.attack.steps)
    with torch.no_grad():
        logits = source(trace.images)
        wrong = {victim.name: (victim(trace.images).argmax(1) != trace.job.examples.labels) for victim in victims}
    by_victim = shown.group_by("victim", maintain_order=True).agg(pl.col("misclassified").mean())
    off = (torch.tensor(last["ca1"].to_list()) - logits.amax(1)).abs() / logits.abs().amax()
    return {
        "variants": trace.job.variants(),
        "confidence": last["confidence"].mean(),
        "ca1": last["ca1"].mean(),
        "ca1_float32": float(logits.amax(1).mean()),
        "largest_error": float(off.max()),
        "log_odds": last["log_odds"].mean(),
        "transfer": dict(by_victim.iter_rows()),
        "transfer_float32": {name: float(flags.double().mean()) for name, flags in wrong.items()},
    }


def main() -> None:
    """Attack twice and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--json", help="write the results there too")
    options = parser.parse_args()
    source, *victims = ps.load_models("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", device="cpu")
    photos = ps.select_correct([ps.samples("imagenet")], [source, *victims], options.images).images
    half = ModelVariant(simplified=True, channels_last=True, bfloat16=True)
    models = {
        "exact": (source, victims, {"precision": "exact", "accelerate": True}),
        "fast": (source, victims, {"precision": "fast", "accelerate": True}),
        HALF: (as_variant(source, half), [as_variant(victim, half) for victim in victims], {"accelerate": False}),
    }
    found = {}
    for name, (attacked, shown_to, how) in models.items():
        attack = ps.attacks.over_optimized(options.steps, 0.3)
        trace = ps.trace(attack, attacked, photos, victims=shown_to, **how)
        found[name] = looked_at(trace, source, victims)
    print(f"{len(photos)} photos, {options.steps} iterations\n")
    print(f"| | {' | '.join(found)} |\n|{' --- |' * (1 + len(found))}")
    for key, title in (
        ("confidence", "mean confidence at the end"), ("ca1", "mean CA1, as recorded"),
        ("ca1_float32", "mean CA1 of the same images in float32"),
        ("largest_error", "largest error of a recorded CA1, over the largest logit"), ("log_odds", "mean log-odds"),
    ):  # fmt: skip
        print(f"| {title} | {' | '.join(f'{each[key]:.3g}' for each in found.values())} |")
    for victim in victims:
        for key, title in (("transfer", "as recorded"), ("transfer_float32", "in float32")):
            shares = [f"{100 * each[key][victim.name]:.0f} %" for each in found.values()]
            print(f"| fools {victim.name}, {title} | {' | '.join(shares)} |")
    for precision, each in found.items():
        print(f"\n{precision}: {', '.join(f'{name} {path}' for name, path in each['variants'].items())}")
    print(f"\n{', '.join(f'{name} {value}' for name, value in versions().items())}")
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": versions(), "results": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()

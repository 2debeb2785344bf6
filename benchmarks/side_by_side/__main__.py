"""The same job by presoftmax and by what a user would otherwise write: time, memory, lines of code.

    pip install --no-deps -r benchmarks/peers.txt
    python -m benchmarks.side_by_side [--cases efficientnet,resnet50,cifar] [--rounds 5] [--json FILE]

Each contender has a process of its own (so that no setting or memory of one touches another), and they do the job in
turns. Ratios are those of the single rounds, to the best of the other contenders. Before any time counts, what they
found at iteration 0 must agree, and what they found later is compared.
"""

import argparse
import json
import multiprocessing
import statistics
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from benchmarks.networks import CASES
from benchmarks.side_by_side.contenders import CONTENDERS, lines_of_code
from benchmarks.side_by_side.worker import work
from presoftmax.storage import versions

NEEDS = {"torchattacks": "torchattacks", "torchattack": "torchattack", "foolbox": "foolbox", "ART": "art",
         "SecML-Torch": "secmlt"}  # fmt: skip
OURS = ("presoftmax, exact", "presoftmax, fast")
AGREES = 1e-4


def compete(case_name: str, rounds: int) -> list[dict[str, Any]]:
    """All contenders that are installed, in turns."""
    context = multiprocessing.get_context("spawn")
    names = [name for name in CONTENDERS if name not in NEEDS or find_spec(NEEDS[name])]
    pipes: dict[str, Connection] = {}
    rows: dict[str, dict[str, Any]] = {}
    for name in names:
        pipes[name], theirs = context.Pipe()
        context.Process(target=work, args=(case_name, name, theirs), daemon=True).start()
        theirs.close()  # so that a process that dies is noticed
        rows[name] = {"contender": name, "lines": lines_of_code(name), "rounds": [], **pipes[name].recv()}
    for _ in range(rounds):
        for name in names:
            pipes[name].send(True)
            rows[name]["rounds"].append(pipes[name].recv())
    for pipe in pipes.values():
        pipe.send(False)
    reference = torch.from_numpy(rows["plain PyTorch"]["largest"])
    return [_summary(row, reference, AGREES if row["contender"] != OURS[1] else 0.1) for row in rows.values()]


def _summary(row: dict[str, Any], reference: torch.Tensor, most: float) -> dict[str, Any]:
    largest = torch.from_numpy(row.pop("largest"))
    off = (largest - reference).abs() / reference.abs().amax()
    if off[:, 0].max() > most:
        raise SystemExit(
            f"{row['contender']} did another job: its logits of the clean images are {off[:, 0].max():.1g} off"
        )
    taken = row.pop("rounds")
    return {
        **row,
        "seconds": [each["seconds"] for each in taken],
        "peak_mib": statistics.median(each["peak"] for each in taken),
        "above_mib": statistics.median(each["above"] for each in taken),
        "off_at_0": float(off[:, 0].max()),
        "off_later": float(off.mean(dim=(0, 2)).max()),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    ours, peers = ([row for row in rows if (row["contender"] in OURS) == mine] for mine in (True, False))
    best = min(peers, key=lambda row: statistics.median(row["seconds"]))
    lines = [
        "| contender | seconds | best other / this | single rounds | peak MiB | above start | lines | logits off |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in [*ours, *sorted(peers, key=lambda row: statistics.median(row["seconds"]))]:
        ratios = sorted(a / b for a, b in zip(best["seconds"], row["seconds"], strict=True))
        lines.append(
            f"| {row['contender']} | {statistics.median(row['seconds']):.2f} | {statistics.median(ratios):.2f} | "
            f"{ratios[0]:.2f} to {ratios[-1]:.2f} | {row['peak_mib']:.0f} | {row['above_mib']:.0f} | {row['lines']} | "
            f"{row['off_at_0']:.0e}, {row['off_later']:.0e} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run the cases and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="write the results there too")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name in options.cases.split(","):
        case = CASES[name]
        found[name] = compete(name, options.rounds)
        print(f"\n{case.title}: {case.count} images, {case.steps} iterations, {options.rounds} rounds\n")
        print(table(found[name]), flush=True)
    machine = {**versions(), "threads": str(torch.get_num_threads())}
    print(f"\n{', '.join(f'{name} {value}' for name, value in machine.items())}")
    if options.json:
        content = {"machine": machine, "rounds": options.rounds, "results": found}
        Path(options.json).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
